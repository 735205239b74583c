// Charts in the page's own colours: lines with intervals, bars, and dots with intervals under each other.
import { make, fixed } from "./elements.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const COLOURS = 7; // as in work.css
const HEIGHT = 260;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 12, 26, 40];

export function draw(tag, settings, ...children) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(settings)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export const colour = (at) => `c${at % COLOURS}`;

// About `count` round numbers from `low` to `high`.
export function ticks(low, high, count) {
  const span = high - low || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) found.push(Number((at * step).toPrecision(12)));
  return found;
}

// The powers of ten from `low` to `high`, and `low` itself where there are fewer than two.
function powers(low, high) {
  const found = [];
  for (let at = 10 ** Math.ceil(Math.log10(Math.max(low, 1))); at <= high; at *= 10) found.push(at);
  return found.length > 1 ? found : [low, high];
}

const ends = (points) => points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);

// A figure with the curves, their names under the title, what they are at the pointer, and the numbers as a table.
export function lines({ title, caption, curves, x, y, log }) {
  const said = make("p", { class: "quiet readout", "aria-hidden": "true" }, caption);
  const plot = make("div", { class: "plot-lines" });
  const legend = make("ul", { class: "legend", "aria-label": "Curves" }, ...curves.map((curve, at) => {
    const mark = draw("svg", { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" },
      draw("path", { d: "M1 5H27", class: lineOf(curve, at) }), sparse(curve) ? marker(curve.like ?? at, 14, 5) : "");
    return make("li", {}, mark, " ", curve.label);
  }));
  let width = 0;
  const redraw = () => {
    const now = Math.round(plot.clientWidth);
    if (now && now !== width) {
      width = now;
      plot.replaceChildren(drawn({ title, curves, x, y, log, width, tell: (words) => { said.textContent = words || caption; } }));
    }
  };
  new ResizeObserver(redraw).observe(plot);
  return make("figure", { class: "chart" }, make("h3", {}, title), legend, plot, said, numbers(title, curves, x));
}

const lineOf = (curve, at) => `curve ${colour(curve.like ?? at)}${curve.dashed ? " dashed" : ""}`;
const sparse = (curve) => curve.points.length <= 25;

function drawn({ title, curves, x, y, log, width, tell }) {
  const points = curves.flatMap((curve) => curve.points);
  const xs = points.map((point) => point.x);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(0, ...ends(points)), Math.max(...ends(points), 1e-9)];
  const along = (value) => (log ? Math.log10(Math.max(value, 1)) : value);
  const across = (value) => LEFT + ((along(value) - along(x0)) / (along(x1) - along(x0) || 1)) * (width - LEFT - RIGHT);
  const up = (value) => HEIGHT - BOTTOM - ((value - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const parts = [];
  for (const at of ticks(y0, y1, 5)) {
    parts.push(draw("path", { d: `M${LEFT} ${up(at)}H${width - RIGHT}`, class: "grid" }),
      draw("text", { x: LEFT - 8, y: up(at) + 4, class: "tick end" }, String(at)));
  }
  for (const at of log ? powers(x0, x1) : ticks(x0, x1, Math.max(2, Math.floor(width / 90))).filter(Number.isInteger)) {
    parts.push(draw("text", { x: across(at), y: HEIGHT - BOTTOM + 18, class: "tick middle" }, at.toLocaleString("en")));
  }
  parts.push(draw("text", { x: width - RIGHT, y: HEIGHT - 5, class: "tick end" }, x),
    draw("text", { x: 0, y: 12, class: "tick" }, y));
  curves.forEach((curve, number) => {
    for (const point of curve.points.filter((each) => each.low !== null)) {
      parts.push(draw("path", { d: `M${across(point.x)} ${up(point.low)}V${up(point.high)}`, class: `whisker ${colour(curve.like ?? number)}` }));
    }
    const path = curve.points.map((point, at) => `${at ? "L" : "M"}${across(point.x).toFixed(1)} ${up(point.y).toFixed(1)}`);
    parts.push(draw("path", { d: path.join(""), class: lineOf(curve, number) }));
    if (sparse(curve)) parts.push(...curve.points.map((point) => marker(curve.like ?? number, across(point.x), up(point.y))));
  });
  const hair = draw("path", { d: "", class: "hair" });
  const made = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": title }, ...parts, hair);
  made.addEventListener("pointermove", (event) => {
    const far = (value) => Math.abs(across(value) - event.offsetX);
    const near = xs.reduce((best, each) => (far(each) < far(best) ? each : best), xs[0]);
    hair.setAttribute("d", `M${across(near)} ${TOP}V${HEIGHT - BOTTOM}`);
    const there = curves.flatMap((curve) => curve.points.filter((point) => point.x === near)
      .map((point) => `${curve.label} ${fixed(point.y, 1)}${interval(point)}`));
    tell(`${x} ${near}: ${there.join(" · ")}`);
  });
  made.addEventListener("pointerleave", () => {
    hair.setAttribute("d", "");
    tell("");
  });
  return made;
}

const interval = (point) => (point.low === null ? "" : ` [${fixed(point.low, 1)}, ${fixed(point.high, 1)}]`);

// Each curve has a shape of its own, for eyes that do not tell the colours apart.
function marker(at, x, y) {
  const shapes = [
    `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z`,
    `M${x - 3.5} ${y - 3.5}h7v7h-7Z`,
    `M${x} ${y - 5}l4.5 8.5h-9Z`,
    `M${x} ${y - 5}l5 5l-5 5l-5 -5Z`,
  ];
  return draw("path", { d: shapes[at % shapes.length], class: `mark ${colour(at)}` });
}

function numbers(title, curves, x) {
  const made = make("details", {}, make("summary", {}, "As numbers"));
  made.addEventListener("toggle", () => {
    if (made.children.length > 1) return;
    const xs = [...new Set(curves.flatMap((curve) => curve.points.map((point) => point.x)))].sort((a, b) => a - b);
    const cell = (curve, at) => {
      const point = curve.points.find((each) => each.x === at);
      return make("td", {}, point ? fixed(point.y, 1) + interval(point) : "-");
    };
    made.append(make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `${title} as numbers` },
      make("table", {},
        make("thead", {}, make("tr", {}, ...[x, ...curves.map((curve) => curve.label)].map((words) => make("th", { scope: "col" }, words)))),
        make("tbody", {}, ...xs.map((at) => make("tr", {}, make("th", { scope: "row" }, String(at)),
          ...curves.map((curve) => cell(curve, at))))))));
  });
  return made;
}

// Bars under each other, each made of the same parts, with what they say beside them.
export function bars({ title, caption, parts, bars: rows }) {
  const whole = Math.max(...rows.map((row) => row.sizes.reduce((sum, size) => sum + size, 0)), 1e-9);
  const square = (at) => draw("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" },
    draw("rect", { width: 10, height: 10, class: `mark ${colour(at)}` }));
  const legend = parts.length < 2 ? "" : make("ul", { class: "legend", "aria-label": "Parts" },
    ...parts.map((part, at) => make("li", {}, square(at), " ", part)));
  const drawnBar = (sizes) => {
    let from = 0;
    return draw("svg", { width: "100%", height: 16, "aria-hidden": "true" }, ...sizes.map((size, at) => {
      const made = draw("rect", { x: `${(from / whole) * 100}%`, width: `${(size / whole) * 100}%`, height: 16, class: `mark ${colour(at)}` });
      from += size;
      return made;
    }));
  };
  return make("figure", { class: "chart" }, make("h3", {}, title), legend,
    make("ul", { class: "bars" }, ...rows.map((row) => make("li", {}, make("span", {}, row.label), drawnBar(row.sizes),
      make("span", { class: "quiet" }, row.words)))),
    make("p", { class: "quiet" }, caption));
}

// The range that holds all of `points` and their intervals, a little wider; with zero in it.
export function rangeOf(points) {
  const all = [0, ...ends(points.filter(Boolean))];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low || 1) * 0.04;
  return [low - (low < 0 ? room : 0), high + room];
}

// A dot with its interval on a line from `range[0]` to `range[1]`; says nothing by itself, for the numbers stand beside it.
export function dot(point, range, at) {
  if (!point) return make("span", {}, "");
  const across = (value) => ((value - range[0]) / (range[1] - range[0])) * 100;
  const parts = [draw("line", { x1: "0", x2: "100%", y1: "50%", y2: "50%", class: "grid" }),
    draw("line", { x1: `${across(0)}%`, x2: `${across(0)}%`, y1: "0", y2: "100%", class: "zero" })];
  if (point.low !== null) {
    parts.push(draw("line", { x1: `${across(point.low)}%`, x2: `${across(point.high)}%`, y1: "50%", y2: "50%", class: `whisker ${colour(at)}` }));
  }
  parts.push(draw("circle", { cx: `${across(point.y)}%`, cy: "50%", r: 5, class: `mark ${colour(at)}` }));
  return draw("svg", { class: "dot", width: "100%", height: 22, "aria-hidden": "true" }, ...parts);
}
