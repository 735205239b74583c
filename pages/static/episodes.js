// The list of episodes of one run folder or several: found by method, seed, outcome and user, sorted, opened.
import { ask, button, choice, counted, inPath, table, toEpisode } from "./ask.js";
import { fixed, make } from "./elements.js";

const SHOWN = 25; // at once
const natural = new Intl.Collator(undefined, { numeric: true });
const COLUMNS = [
  ["episode", (e) => e.place], ["method", (e) => e.method], ["user", (e) => e.user], ["seed", (e) => e.seed],
  ["Len", (e) => e.length ?? -1], ["R_traj", (e) => e.r_traj ?? -Infinity], ["outcome", (e) => e.outcome],
];
const kept = new Map(); // how each list was left, by its run folders

export class EpisodeList {
  // `parts` are run folders, each with its name and its method's; `whole` is the run on whose page they are listed.
  constructor(parts, whole = "") {
    [this.parts, this.whole] = [parts, whole];
    const key = JSON.stringify(parts.map((part) => part.name));
    this.state = kept.get(key) ?? { method: "", seed: "", outcome: "", user: "", column: "episode", down: false, offset: 0, opened: "" };
    kept.set(key, this.state);
    this.element = make("section", { "aria-label": "Episodes", class: "episodes" });
  }

  async load() {
    const answers = await Promise.all(this.parts.map((part) => ask(`runs/${inPath(part.name)}/episodes`)));
    this.all = answers.flatMap((answer, at) => answer.episodes.map((each) =>
      ({ ...each, run: this.parts[at].name, method: this.parts[at].method })));
    this.all.forEach((each, at) => { each.place = at; });
    this.of = answers.reduce((sum, answer) => sum + answer.of, 0);
    this.list = make("div", { onkeydown: (event) => this.key(event) });
    this.note = make("output", { class: "quiet" });
    const filters = make("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      this.filter("method", (e) => e.method), this.filter("seed", (e) => e.seed), this.filter("outcome", (e) => e.outcome),
      make("label", {}, "user ", make("input", { type: "search", size: 8, autocomplete: "off", value: this.state.user,
        oninput: (event) => this.change({ user: event.target.value.trim(), offset: 0 }) })),
      this.note);
    const lacking = this.all.length < this.of ? make("p", { class: "note" },
      `Held here are ${this.all.length} of ${counted(this.of, "episode")}, the first of each method, as many as fit into a page. `
      + "billp report with --csv or --parquet exports all.") : null;
    this.element.replaceChildren(make("h3", {}, "Episodes"), ...[lacking].filter(Boolean), filters, this.list);
    this.fill();
    return this;
  }

  // A choice among the values there are; none where all episodes have the same.
  filter(name, value) {
    const values = [...new Set(this.all.map((each) => String(value(each))))].sort(natural.compare);
    if (values.length < 2) return "";
    const select = choice({ onchange: () => this.change({ [name]: select.value, offset: 0 }) },
      [["", "all"], ...values.map((each) => [each, each])], this.state[name]);
    return make("label", {}, `${name} `, select);
  }

  change(changes) {
    Object.assign(this.state, changes);
    this.fill();
  }

  fill() {
    const { method, seed, outcome, user, column, down } = this.state;
    const found = this.all.filter((e) => (!method || e.method === method) && (!seed || String(e.seed) === seed)
      && (!outcome || e.outcome === outcome) && e.user.includes(user));
    const key = COLUMNS.find(([name]) => name === column)[1];
    const order = (a, b) => (typeof key(a) === "number" ? key(a) - key(b) : natural.compare(key(a), key(b)));
    found.sort((a, b) => (down ? order(b, a) : order(a, b)) || a.place - b.place);
    const offset = Math.min(this.state.offset, Math.max(0, Math.floor((found.length - 1) / SHOWN) * SHOWN));
    const several = new Set(this.parts.map((part) => part.method)).size > 1;
    const columns = COLUMNS.map(([name]) => name).filter((name) => several || name !== "method");
    const rows = found.slice(offset, offset + SHOWN).map((each) => [
      this.link(each), ...(several ? [each.method] : []), each.user, String(each.seed),
      each.length === null ? "-" : String(each.length), fixed(each.r_traj, 1), each.outcome,
    ]);
    const heads = Object.fromEntries(columns.map((name) => [name, this.head(name)]));
    this.note.textContent = `${found.length} of ${this.all.length}`;
    const focused = document.activeElement?.dataset?.sort;
    this.list.replaceChildren(rows.length ? table("Episodes", columns, ["method", "outcome"], rows, { heads })
      : make("p", {}, "No episode is like that."), this.pager(found.length, offset));
    if (focused) this.list.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  link(each) {
    const address = toEpisode(each.run, each.number, this.whole);
    return make("a", { href: address, onclick: () => { this.state.opened = address; } }, `${each.number}. ${each.id}`);
  }

  head(name) {
    const here = this.state.column === name;
    const down = here ? !this.state.down : name === "Len" || name === "R_traj";
    const made = button(name, () => this.change({ column: name, down, offset: 0 }), { class: "sort", "data-sort": name });
    if (here) made.append(make("span", { "aria-hidden": "true" }, this.state.down ? " ↓" : " ↑"));
    made.setAttribute("data-order", here ? (this.state.down ? "descending" : "ascending") : "none");
    return made;
  }

  pager(count, offset) {
    const bar = make("nav", { class: "pager", "aria-label": "Parts of the list" });
    if (offset > 0) bar.append(button("← Back", () => this.change({ offset: offset - SHOWN })));
    if (count) bar.append(make("span", { class: "quiet" }, `${offset + 1}-${Math.min(offset + SHOWN, count)} of ${count}`));
    if (offset + SHOWN < count) bar.append(button("Further →", () => this.change({ offset: offset + SHOWN })));
    return bar;
  }

  // From one episode to the next with the arrows, or as in an editor.
  key(event) {
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    const links = [...this.list.querySelectorAll("tbody a")];
    const at = links.indexOf(document.activeElement);
    if (!by || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    links[Math.max(0, Math.min(at + by, links.length - 1))].focus();
  }

  // A button that leads past what comes before the list.
  jump() {
    return button("Episodes ↓", () => {
      this.element.scrollIntoView({ block: "start" });
      (this.list.querySelector("tbody a") ?? this.list).focus({ preventScroll: true });
    }, { class: "jump" });
  }

  // Goes on at the episode that was opened from here, for a person who comes back from it.
  resume() {
    const link = [...this.list.querySelectorAll("tbody a")].find((each) => each.getAttribute("href") === this.state.opened);
    this.state.opened = "";
    link?.focus({ preventScroll: true });
    link?.scrollIntoView({ block: "center", behavior: "instant" });
    return Boolean(link);
  }
}
