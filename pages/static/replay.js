// An episode replayed node by node: the graph, and what each node of the step saw and said.
import { ask, fixed, inPath, originOf, to } from "./ask.js";
import { Graph } from "./graph.js";

const { block, make, signed, stars, told } = elements;
const PACE = 1000; // milliseconds a node at normal speed

const items = (some, chosen) => make("ul", { class: "items" }, ...some.map((item) => make("li",
  { class: item.index === chosen ? "chosen" : null, title: item.about || null },
  item.index === chosen ? `✓ ${item.title}` : item.title)));
const line = (...words) => make("p", {}, ...words);
const quiet = (words) => make("p", { class: "quiet" }, words);
const withAbout = (item) => [make("strong", {}, item.title), " ", make("span", { class: "quiet" }, item.about)];

// What a section says, by its node. A node that is not here has nothing on record but that it ran.
const says = {
  recall: (episode) => [
    block("History, oldest first", episode.history.length ? items(episode.history) : quiet("Nothing is known.")),
    block("Reflections recalled", ...(episode.recalled.length ? episode.recalled.map(recalled) : [quiet("None.")])),
  ],
  plan: (_, step) => [make("p", { class: "thought" }, step.thought)],
  "act:analyse": () => [quiet("Counts the categories of history and recommendations.")],
  "act:retrieve": (_, step) => [
    step.experiences.length
      ? make("ul", { class: "sources" }, ...step.experiences.map(experience))
      : quiet("No experience of a similar state was retrieved."),
  ],
  "act:shortlist": (_, step) => [items(step.shortlist)],
  "act:weigh": (_, step) => [
    step.weights.some((weight) => weight.advantage !== null)
      ? make("ul", { class: "items" }, ...step.weights.map(expected))
      : quiet("Memory was not asked, or knows nothing yet."),
  ],
  "act:choose": (_, step) => [
    items(step.shortlist, step.item.index),
    step.weights.some((weight) => weight.preference !== null)
      ? make("ul", { class: "items" }, ...step.weights.map((weight) => make("li", {},
        weight.item.title, " ", signed(weight.preference), make("span", { class: "quiet" }, " nats"))))
      : quiet("The LLM was not asked: its answer could have won too little."),
    ...(step.weights.some((weight) => weight.advantage !== null)
      ? [quiet(`The LLM is trusted by ${fixed(step.trust, 2)} stars for each nat.`)] : []),
  ],
  "act:propose": (_, step) => [line(step.proposal)],
  "act:ground": (_, step) => [line("nearest item: ", ...withAbout(step.item))],
  "act:pick": (_, step) => [line(...withAbout(step.item))],
  respond: (episode, step) => [
    line(...withAbout(step.item), " ", stars(step.reward), " ", make("span", { class: "quiet" }, `reward ${step.reward}`)),
    step.number < episode.steps.length ? quiet("The user stays.") : quiet(ending(episode, step)),
  ],
  criticise: (_, step) => [
    line("advantage ", signed(step.advantage)),
    quiet(step.value === null
      ? "Told by the reward alone; this method has no Critic."
      : `value ${fixed(step.value, 2)} before, ${fixed(step.next_value, 2)} after`),
  ],
  reflect: (episode) => [told(episode.reflection)],
  conclude: (episode) => [
    line(`Len ${episode.row.length} · R_each ${fixed(episode.r_each, 2)} · R_traj ${fixed(episode.row.r_traj, 1)}`),
  ],
};

function expected(weight) {
  const staying = weight.advantage - weight.liking;
  const parts = `staying ${fixed(staying, 2)}, liking ${fixed(weight.liking, 2)}, from ${fixed(weight.support, 0)} ratings and answers`;
  return make("li", {}, weight.item.title, " ", signed(weight.advantage), " ", make("span", { class: "quiet" }, parts));
}

function ending(episode, step) {
  const close = step.too_close_to ? `: ${step.item.title} after ${step.too_close_to.title}` : "";
  return `The episode ended; ${episode.ended}${close}.`;
}

function recalled(lesson) {
  const made = told(lesson.text);
  const far = lesson.distance === null ? "" : `distance ${fixed(lesson.distance, 3)}, `;
  const more = lesson.alike ? `${lesson.alike} more say the same, ` : "";
  made.append(make("span", { class: "quiet" }, far, more, "from ", lesson.origin ? originOf(lesson.origin) : lesson.id));
  return made;
}

function experience(known) {
  const then = known.title === null ? [] : [make("strong", {}, known.title), " ", stars(known.reward), " ",
    ...(known.advantage === null ? [] : ["advantage ", signed(known.advantage), " "])];
  return make("li", {}, ...then, make("span", { class: "quiet" }, "from ", known.origin ? originOf(known.origin) : known.id));
}

class Replay {
  constructor(episode, drawing, address) {
    this.episode = episode;
    this.address = address;
    this.frames = episode.steps.flatMap((step, at) => (step.nodes.length ? step.nodes : [""]).map((node, place) =>
      ({ at, node, way: step.nodes.slice(0, place + 1) })));
    this.now = 0;
    this.timer = 0;
    this.graph = new Graph(drawing, (node) => this.toNode(node));
    this.panel = make("div", { class: "panel" });
    this.said = make("output", { class: "said", "aria-live": "polite" });
    this.toggle = make("button", { type: "button", class: "play", onclick: () => this.play(!this.timer) }, "Play");
    this.speed = make("select", { "aria-label": "Speed", onchange: () => this.timer && this.play(true) },
      ...[["0.5", "half speed"], ["1", "normal"], ["3", "fast"]].map(([value, words]) =>
        make("option", value === "1" ? { value, selected: "" } : { value }, words)));
    this.steps = episode.steps.map((step, at) => make("button",
      { type: "button", onclick: () => this.toStep(at), "aria-label": `Step ${step.number}, reward ${step.reward}` },
      make("strong", {}, String(step.number)), ` ★${step.reward}`));
    this.pressed = (event) => this.key(event);
  }

  controls() {
    const button = (label, sign, act) =>
      make("button", { type: "button", "aria-label": label, title: label, onclick: act }, sign);
    return make("div", { class: "controls", role: "group", "aria-label": "Replay" },
      make("div", { class: "buttons" },
        button("Previous step", "«", () => this.byStep(-1)),
        button("Previous node", "‹", () => this.go(this.now - 1)),
        this.toggle,
        button("Next node", "›", () => this.go(this.now + 1)),
        button("Next step", "»", () => this.byStep(1)),
        this.speed),
      this.said);
  }

  go(frame, keepPlaying = false) {
    if (!keepPlaying) this.play(false);
    const before = this.frames[this.now];
    this.now = Math.max(0, Math.min(frame, this.frames.length - 1));
    const { at, node, way } = this.frames[this.now];
    if (!this.panel.children.length || before.at !== at) this.fill(at);
    this.graph.light(way, this.now > 0 ? this.frames[this.now - 1].node : "");
    for (const section of this.panel.children) {
      const place = way.indexOf(section.dataset.node);
      section.classList.toggle("lit", section.dataset.node === node);
      section.classList.toggle("ahead", Boolean(section.dataset.node) && place < 0);
    }
    this.steps.forEach((button, number) => {
      if (number === at) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    const step = this.episode.steps[at];
    this.said.textContent = `Step ${step.number} of ${this.episode.steps.length}` + (node ? ` · ${node.replace("act:", "")}` : "");
    history.replaceState(null, "", to("episode", { ...this.address, at: this.now }));
    if (window.matchMedia("(min-width: 801px)").matches) {
      this.panel.querySelector(".lit")?.scrollIntoView({ block: "nearest" });
    }
  }

  // The sections of the step at `at`, in the order in which its nodes ran.
  fill(at) {
    const step = this.episode.steps[at];
    const nodes = step.nodes.length ? step.nodes : ["respond"];
    const sections = nodes.map((node) => make("section", { class: "step", "data-node": node },
      make("button", { type: "button", class: "name", onclick: () => this.toNode(node) }, node.replace("act:", "")),
      make("div", { class: "what" }, ...(says[node]?.(this.episode, step) || []))));
    if (step.thought && !nodes.includes("plan")) {
      sections.unshift(make("section", { class: "step" }, make("h3", { class: "name" }, "thought in force"),
        make("div", { class: "what" }, make("p", { class: "thought" }, step.thought))));
    }
    this.panel.replaceChildren(...sections);
  }

  toStep(at) {
    this.go(this.frames.findIndex((frame) => frame.at === at));
  }

  byStep(by) {
    const { at } = this.frames[this.now];
    this.toStep(Math.max(0, Math.min(at + by, this.episode.steps.length - 1)));
  }

  toNode(node) {
    const { at } = this.frames[this.now];
    const frame = this.frames.findIndex((each) => each.at === at && each.node === node);
    if (frame >= 0) this.go(frame);
  }

  play(on) {
    window.clearInterval(this.timer);
    this.timer = 0;
    if (on) {
      if (this.now === this.frames.length - 1) this.go(0);
      this.timer = window.setInterval(() => {
        this.go(this.now + 1, true);
        if (this.now === this.frames.length - 1) this.play(false);
      }, PACE / Number(this.speed.value));
    }
    this.toggle.textContent = on ? "Pause" : "Play";
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const pressed = event.key;
    if (pressed === "ArrowRight" && event.shiftKey) this.byStep(1);
    else if (pressed === "ArrowLeft" && event.shiftKey) this.byStep(-1);
    else if (pressed === "ArrowRight") this.go(this.now + 1);
    else if (pressed === "ArrowLeft") this.go(this.now - 1);
    else if (pressed === "j") this.byStep(1);
    else if (pressed === "k") this.byStep(-1);
    else if (pressed === " " && !/^(BUTTON|A)$/.test(event.target.tagName)) this.play(!this.timer);
    else if (pressed === "Escape") location.hash = to("run", { run: this.address.run });
    else return;
    event.preventDefault();
  }
}

function keys() {
  const key = (name) => make("kbd", {}, name);
  return make("p", { class: "quiet keys" }, key("←"), " ", key("→"), " node by node, ", key("Shift"), " with them or ",
    key("k"), " ", key("j"), " step by step, ", key("Space"), " plays, ", key("Esc"), " goes back to the run.");
}

export async function episodeView(asked) {
  const [run, number] = [asked.get("run") || "", Number(asked.get("number")) || 1];
  const [episode, drawing] = await Promise.all([ask(`runs/${inPath(run)}/episodes/${number}`), ask("drawing")]);
  const { row } = episode;
  const neighbours = make("nav", { class: "pager", "aria-label": "Episodes" });
  const neighbour = (other, words) => neighbours.append(make("a", { href: to("episode", { run, number: other }) }, words));
  if (number > 1) neighbour(number - 1, "← Episode before");
  if (number < episode.of) neighbour(number + 1, "Episode after →");
  const parts = [
    make("p", { class: "trail" }, make("a", { href: to("run", { run }) }, `← ${run}`)),
    make("h2", {}, `User ${row.user}, episode ${number} of ${episode.of}`),
    make("p", { class: "quiet" }, `${episode.run.method || ""} · ${row.id} · seed ${row.seed}` +
      (row.length === null ? "" : ` · Len ${row.length} · R_each ${fixed(episode.r_each, 2)} · R_traj ${fixed(row.r_traj, 1)}` +
        ` · ${episode.calls} calls, ${episode.tokens} tokens`)),
    ...(episode.note ? [quiet(episode.note)] : []),
  ];
  if (!episode.steps.length) {
    return { parts: [...parts, make("p", { class: "bad" }, episode.error || "It has no step."), neighbours] };
  }
  const replay = new Replay(episode, drawing, { run, number });
  parts.push(
    make("div", { class: "timeline", role: "group", "aria-label": "Steps" }, ...replay.steps),
    replay.controls(),
    make("div", { class: "replay" }, make("div", { class: "drawing" }, replay.graph.element), replay.panel),
    keys(),
    neighbours,
  );
  document.addEventListener("keydown", replay.pressed);
  return {
    parts,
    shown: () => {
      const step = Number(asked.get("step"));
      if (step > 0) replay.toStep(Math.min(step, episode.steps.length) - 1);
      else replay.go(Number(asked.get("at")) || 0);
    },
    leave: () => {
      replay.play(false);
      document.removeEventListener("keydown", replay.pressed);
    },
  };
}
