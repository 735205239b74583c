// A form that starts a run, and shows the command that does the same in a terminal.
import { ask, button, change, choice, inTerminal, to } from "./ask.js";
import { make } from "./elements.js";

const COMMANDS = [
  ["train", "Train", "A method learns from episodes of the train world, into a memory."],
  ["evaluate", "Evaluate", "One method meets held-out users; memory is read, never written."],
  ["compare", "Compare", "Methods learn, then meet the same held-out users and seeds."],
];
const PAUSE_MS = 300;

// A control under its label, with a hint below it.
function labelled(words, control, hint) {
  const id = `field-${control.name}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return make("div", { class: "field" }, make("label", { for: id }, words), control,
    hint ? make("small", { class: "quiet", id: `${id}-hint` }, hint) : null);
}

class Start {
  constructor(choices, asked) {
    this.choices = choices;
    this.command = COMMANDS.some(([name]) => name === asked.get("command")) ? asked.get("command") : "train";
    this.fields = make("div", { class: "form-fields" });
    this.shown = make("pre", { class: "command", tabindex: "0", "aria-label": "Command" });
    this.problem = make("p", { class: "bad", role: "alert" });
    this.hint = make("p", { class: "quiet" });
    this.go = make("button", { type: "submit", class: "primary" }, "Start");
    this.given = {}; // what was typed, kept while a person goes from one command to another
  }

  parts() {
    const ready = this.choices.datasets.filter((each) => each.ready);
    if (!ready.length) {
      const [unbuilt] = this.choices.datasets;
      return [make("h2", {}, "Start a run"), make("p", {}, "A run needs a data set with simulated users, and there is none yet. In a terminal:"),
        ...(unbuilt ? [] : [inTerminal("billp data fetch ml-100k")]), inTerminal(`billp simulator build ${unbuilt?.name ?? "ml-100k"}`),
        make("p", { class: "quiet" }, "For your own logs: billp data add RATINGS --items ITEMS --name NAME. Then load this page again.")];
    }
    const radios = COMMANDS.map(([name, words]) => {
      const radio = make("input", { type: "radio", name: "command", value: name, onchange: () => this.turn(name) });
      radio.checked = name === this.command;
      return make("label", { class: "tab" }, radio, words);
    });
    const form = make("form", { class: "start", onsubmit: (event) => this.start(event), oninput: () => this.changed() },
      make("fieldset", { class: "tabs" }, make("legend", { class: "unseen" }, "What to do"), ...radios), this.hint, this.fields,
      make("section", { "aria-label": "The same in a terminal" }, make("p", { class: "quiet" }, "The same in a terminal:"), this.shown,
        this.problem, make("div", { class: "actions" }, this.go, button("Copy the command", () => this.copy()))));
    this.turn(this.command);
    return [make("h2", {}, "Start a run"), form];
  }

  turn(command) {
    this.command = command;
    this.hint.textContent = COMMANDS.find(([name]) => name === command)[2];
    const compares = command === "compare";
    const field = (name, words, control, hint = "") => {
      control.name = name;
      if (this.given[name] !== undefined) control.value = this.given[name];
      return labelled(words, control, hint);
    };
    const number = (name, words, usual, hint) => field(name, words,
      make("input", { type: "number", min: 1, step: 1, inputmode: "numeric", placeholder: usual }), hint);
    const text = (name, words, usual, hint, more = {}) => field(name, words,
      make("input", { type: "text", placeholder: usual, autocomplete: "off", maxlength: 200, ...more }), hint);
    const ready = this.choices.datasets.filter((each) => each.ready).map((each) => [each.name, each.name]);
    this.fields.replaceChildren(...[
      field("dataset", "Data set", choice({}, ready, ready[0][0])),
      compares ? this.several() : this.one(command === "train"),
      command !== "evaluate" && number("episodes", "Training episodes", "100", "of each method that learns from episodes"),
      command !== "train" && number("users", "Held-out users", compares ? "100" : "20"),
      text("seeds", command === "train" ? "Seed" : "Seeds", "0", command === "train" ? "" : "numbers, separated by commas"),
      field("quit_rule", "Quit rule", choice({}, [["", "the simulator's own"], ...this.choices.rules.map((rule) => [rule, rule])], "")),
      !compares && text("memory", "Memory", "the method's name", "where lessons are kept", { list: "memories" }),
      compares && field("base", "Compared with", this.base = choice({}, [], "")),
      compares && number("probe_every", "Learning curve every", "none", "episodes, a multiple of 10"),
      make("details", { class: "field whole" }, make("summary", {}, "More"), make("div", { class: "form-fields" }, ...[
        text("run", "Name of the run", "made up"),
        number("horizon", "Steps at most", "the simulator's own"),
        command !== "evaluate" && number("epochs", "Epochs", "the method's own", "for reinforcement learning"),
        command === "evaluate" && this.untrained(),
        field("settings", "Other settings", make("textarea", { rows: 3, placeholder: "critic.gamma=0.7", spellcheck: "false" }), "one NAME=VALUE a line"),
      ].filter(Boolean))),
      make("datalist", { id: "memories" }, ...[...new Set(this.choices.memories.map((each) => each.memory))].map((name) => make("option", { value: name }))),
    ].filter(Boolean));
    this.form = this.fields.closest("form") ?? this.form;
    this.bases();
    this.plan();
  }

  grouped() {
    const groups = new Map();
    for (const method of this.choices.methods) groups.set(method.group, [...(groups.get(method.group) || []), method]);
    return [...groups];
  }

  one(training) {
    const select = make("select", { name: "method" }, ...this.grouped()
      .map(([group, methods]) => [group, methods.filter((method) => !training || method.learns)])
      .filter(([, methods]) => methods.length)
      .map(([group, methods]) => make("optgroup", { label: group }, ...methods.map((method) => make("option", { value: method.name }, method.name)))));
    select.value = this.given.method || (training ? "billp" : "random");
    if (!select.value) select.selectedIndex = 0;
    return labelled("Method", select, `Where a language model is asked, it is ${this.choices.model}.`);
  }

  several() {
    const chosen = this.given.methods || ["random", "mmr", "billp-memory-only"];
    return make("fieldset", { class: "field whole methods" }, make("legend", {}, "Methods"), ...this.grouped().map(([group, methods]) =>
      make("div", { class: "group", role: "group", "aria-label": group }, make("p", { class: "quiet" }, group), ...methods.map((method) => {
        const box = make("input", { type: "checkbox", name: "methods", value: method.name });
        box.checked = chosen.includes(method.name);
        return make("label", {}, box, method.name);
      }))));
  }

  // One of the methods that are ticked; the others' differences are to it.
  bases() {
    if (this.command !== "compare") return;
    const ticked = [...this.fields.querySelectorAll("[name=methods]:checked")].map((box) => box.value);
    const before = this.base.value || this.given.base;
    this.base.replaceChildren(...ticked.map((name) => make("option", { value: name }, name)));
    this.base.value = ticked.includes(before) ? before : ticked.includes("random") ? "random" : ticked[0] ?? "";
  }

  untrained() {
    const box = make("input", { type: "checkbox", name: "untrained", value: "yes" });
    return make("label", { class: "field check" }, box, "as the method was before it learned");
  }

  asked() {
    const data = new FormData(this.form);
    const number = (name) => (data.get(name) ? Number(data.get(name)) : null);
    const word = (name) => (data.get(name) || "").trim();
    return {
      command: this.command, dataset: word("dataset"),
      methods: this.command === "compare" ? data.getAll("methods") : [word("method")],
      episodes: number("episodes"), epochs: number("epochs"), users: number("users"), seeds: word("seeds").replaceAll(" ", "") || "0",
      horizon: number("horizon"), quit_rule: word("quit_rule"), memory: word("memory"), untrained: data.has("untrained"),
      base: word("base"), probe_every: number("probe_every"), run: word("run"), settings: word("settings").split("\n").map((line) => line.trim()).filter(Boolean),
    };
  }

  changed() {
    this.bases();
    const data = new FormData(this.form);
    for (const name of data.keys()) this.given[name] = data.get(name);
    this.given.methods = this.command === "compare" ? data.getAll("methods") : this.given.methods;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.plan(), PAUSE_MS);
  }

  async plan() {
    if (!this.form?.isConnected) return;
    const mine = (this.turns = (this.turns || 0) + 1);
    const { command, problem } = await change("plan", this.asked()).catch((error) => ({ command: "", problem: error.message }));
    if (mine !== this.turns) return;
    this.shown.textContent = command || "-";
    this.problem.textContent = problem;
    this.go.disabled = Boolean(problem);
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.shown.textContent);
    } catch {
      window.getSelection().selectAllChildren(this.shown);
    }
  }

  async start(event) {
    event.preventDefault();
    this.go.disabled = true;
    try {
      const launch = await change("launch", this.asked());
      location.hash = to("run", { run: launch.run });
    } catch (error) {
      this.problem.textContent = error.message;
      this.go.disabled = false;
    }
  }
}

export async function startView(asked) {
  const view = new Start(await ask("choices"), asked);
  return { parts: view.parts(), shown: () => {
    view.form = document.querySelector("form.start");
    if (view.form) view.plan();
  }, leave: () => window.clearTimeout(view.timer) };
}
