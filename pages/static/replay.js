// Replays an episode node by node: the graph, and beside it what each node of the step recorded.
import { ask, inPath, to, toEpisode } from "./ask.js";
import { make } from "./elements.js";
import { Graph } from "./graph.js";
import { held } from "./held.js";
import { after, before, card, numbers } from "./steps.js";

const PACE = 1000; // milliseconds a node at normal speed

const quiet = (words) => make("p", { class: "quiet" }, words);
const back = ({ run, whole }) => (held ? to("report", {}) : to("run", { run: whole || run })); // where a person came from

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
    for (const row of this.panel.querySelectorAll("[data-node]")) {
      row.classList.toggle("lit", row.dataset.node === node);
      row.classList.toggle("ahead", !way.includes(row.dataset.node));
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

  // The card of the step at `at`, whose rows are its nodes in the order they ran.
  fill(at) {
    const nodeName = (node) =>
      make("button", { type: "button", class: "name", onclick: () => this.toNode(node) }, node.replace("act:", ""));
    this.panel.replaceChildren(card(this.episode.steps[at], this.episode, { whole: true, nodeName, heading: "h3" }));
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
    else if (pressed === "Escape") location.hash = back(this.address);
    else return;
    event.preventDefault();
  }
}

function keys() {
  const key = (name) => make("kbd", {}, name);
  return make("p", { class: "quiet keys" }, key("←"), " ", key("→"), " node by node, ", key("Shift"), " with them or ",
    key("k"), " ", key("j"), " step by step, ", key("Space"), " plays, ", key("Esc"), " goes back to the run.");
}

// All of the episode to read from top to bottom, built when it is opened.
function allSteps(episode) {
  const made = make("details", { class: "whole-episode" }, make("summary", {}, "All steps"));
  made.addEventListener("toggle", () => {
    if (made.children.length > 1) return;
    const steps = episode.steps.map((step) => card(step, episode, { heading: "h3" }));
    if (episode.left) steps.at(-1).classList.add("last-left");
    made.append(...before(episode), ...steps, ...after(episode));
  });
  return made;
}

export async function episodeView(asked) {
  const [run, number, whole] = [asked.get("run") || "", Number(asked.get("number")) || 1, asked.get("whole") || ""];
  const [answer, drawing] = await Promise.all([ask(`runs/${inPath(run)}/episodes/${number}`), ask("drawing")]);
  const episode = answer.told;
  const { head } = episode;
  const neighbours = make("nav", { class: "pager", "aria-label": "Episodes" });
  const neighbour = (other, words) => neighbours.append(make("a", { href: toEpisode(run, other, whole) }, words));
  if (number > 1) neighbour(number - 1, "← Episode before");
  if (number < answer.of) neighbour(number + 1, "Episode after →");
  const parts = [
    make("p", { class: "trail" }, make("a", { href: back({ run, whole }) }, `← ${held ? held.title : whole || run}`)),
    make("h2", {}, `User ${head.user}, episode ${number} of ${answer.of}`),
    quiet(`${answer.run.method || ""} · ${head.id} · seed ${head.seed} · ${numbers(episode)}`),
    ...(episode.note ? [quiet(episode.note)] : []),
  ];
  if (!episode.steps.length) {
    return { parts: [...parts, make("p", { class: "bad" }, episode.error || "It has no step."), neighbours] };
  }
  const replay = new Replay(episode, drawing, { run, number, ...(whole ? { whole } : {}) });
  parts.push(
    make("div", { class: "timeline", role: "group", "aria-label": "Steps" }, ...replay.steps),
    replay.controls(),
    make("div", { class: "replay" }, make("div", { class: "drawing" }, replay.graph.element), replay.panel),
    keys(),
    allSteps(episode),
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
