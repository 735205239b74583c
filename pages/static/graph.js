// The drawing of the graph, with the nodes of a step and the current node highlighted.
const NAMESPACE = "http://www.w3.org/2000/svg";

function draw(tag, settings, ...children) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(settings)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function box(node, round) {
  return draw("rect", {
    x: node.x - node.width / 2, y: node.y - node.height / 2, width: node.width, height: node.height, rx: round,
  });
}

function arrow(id) {
  return draw("marker", {
    id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto",
    markerUnits: "userSpaceOnUse",
  }, draw("path", { d: "M0,0.5 L7.5,4 L0,7.5 z" }));
}

export class Graph {
  // `chosen` is called with the id of a node that is clicked.
  constructor(drawing, chosen) {
    this.nodes = new Map();
    this.edges = new Map();
    const groups = drawing.groups.map((group) => draw("g", { class: "group" }, box(group, 10),
      draw("text", { x: group.x - group.width / 2 + 10, y: group.y - group.height / 2 + 18 }, group.label)));
    for (const edge of drawing.edges) {
      const line = draw("path", { d: edge.path, class: edge.conditional ? "edge maybe" : "edge" });
      this.edges.set(`${edge.source} ${edge.target}`, line);
    }
    for (const node of drawing.nodes) {
      const made = draw("g", { class: "node", "data-node": node.id }, box(node, 8),
        draw("text", { x: node.x, y: node.y + 4.5 }, node.label));
      made.addEventListener("click", () => chosen(node.id));
      this.nodes.set(node.id, made);
    }
    this.element = draw("svg", {
      viewBox: `0 0 ${drawing.width} ${drawing.height}`, role: "img", class: "graph",
    }, draw("defs", {}, arrow("arrow"), arrow("arrow-taken")), ...groups, ...this.edges.values(),
    ...this.nodes.values());
  }

  // `way` are the nodes of the step up to the current one, `from` is the one before it.
  light(way, from) {
    const now = way.at(-1);
    for (const [id, node] of this.nodes) {
      node.classList.toggle("lit", id === now);
      node.classList.toggle("been", id !== now && way.includes(id));
    }
    for (const [id, edge] of this.edges) edge.classList.toggle("taken", id === `${from} ${now}`);
    this.element.setAttribute("aria-label", now ? `The graph; at work: ${now.replace("act:", "")}` : "The graph");
  }
}
