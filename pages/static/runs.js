// The list of runs: found, sorted, chosen to be compared or deleted.
import { ask, button, change, choice, inTerminal, counted, pager, table, to, when } from "./ask.js";
import { confirmed } from "./dialog.js";
import { fixed, make } from "./elements.js";

const LIMIT = 20;
const AGAIN_MS = 4000;
const SORTS = [["name", "run"], ["method", "method"], ["dataset", "data"], ["episodes", "episodes"], ["length", "Len"],
  ["r_traj", "R_traj"], ["changed", "last change"]];
const picked = new Set(); // runs that are ticked, also those on other parts of the list

export function stateOf(run) {
  return make("span", { class: `state ${run.state}`, title: run.problem || null }, run.state);
}

export function episodesOf(run) {
  const of = run.state !== "finished" && run.planned !== null ? ` of ${run.planned}` : "";
  return `${run.episodes}${of}${run.failed ? ` (${run.failed} failed)` : ""}`;
}

const whole = (words) => make("span", { class: "whole-line" }, words);

class Runs {
  constructor(asked) {
    this.asked = { text: asked.get("text") || "", sort: asked.get("sort") || "changed", down: asked.get("down") !== "false",
      offset: Number(asked.get("offset")) || 0 };
    this.list = make("div", { class: "listing-runs" });
    this.search = make("input", { type: "search", value: this.asked.text, autocomplete: "off", maxlength: 200,
      placeholder: "name, method, data set, state", oninput: () => this.find() });
    this.sorts = choice({ onchange: () => this.go({ sort: this.sorts.value, offset: 0 }) }, SORTS, this.asked.sort);
    this.compare = button("Compare", () => { location.hash = to("compare", { run: [...picked] }); });
    this.remove = button("Delete", () => this.delete(), { class: "danger" });
    this.note = make("span", { class: "quiet", role: "status" });
    this.bar = make("form", { class: "filters bar-runs", role: "search", onsubmit: (event) => event.preventDefault() },
      make("label", { class: "grow" }, "find ", this.search),
      make("label", { class: "narrow" }, "sort by ", this.sorts),
      make("div", { class: "actions" }, this.compare, this.remove, this.note));
    this.timer = 0;
  }

  parts() {
    return [
      make("div", { class: "heading" }, make("h2", {}, "Runs"),
        make("a", { class: "primary", href: to("start", {}) }, "Start a run")),
      this.bar,
      this.list,
    ];
  }

  address(changes) {
    const now = { ...this.asked, ...changes };
    return to("runs", Object.fromEntries(Object.entries(now).filter(([name, value]) =>
      value !== "" && !(name === "offset" && !value) && !(name === "sort" && value === "changed") && !(name === "down" && value))));
  }

  go(changes) {
    location.hash = this.address(changes);
  }

  // While a person types, the list changes and the address with it, but the page stays.
  find() {
    window.clearTimeout(this.typed);
    this.typed = window.setTimeout(() => {
      this.asked = { ...this.asked, text: this.search.value, offset: 0 };
      history.replaceState(null, "", this.address({}));
      this.load();
    }, 200);
  }

  async load() {
    window.clearTimeout(this.timer);
    const mine = (this.turn = (this.turn || 0) + 1);
    const part = await ask("runs", { ...this.asked, limit: LIMIT });
    if (mine !== this.turn) return;
    const said = JSON.stringify(part);
    if (said !== this.said) this.fill(part);
    this.said = said;
    if (part.runs.some((run) => run.state === "running")) {
      this.timer = window.setTimeout(() => this.load().catch(() => {}), AGAIN_MS);
    }
  }

  fill(part) {
    const focused = document.activeElement?.dataset?.key;
    this.bar.hidden = !part.total; // nothing to find, sort or choose
    if (!part.total) {
      this.list.replaceChildren(make("p", {}, "There is no run yet. ", make("a", { href: to("start", {}) }, "Start one"),
        " here, or in a terminal:"), inTerminal("billp demo"));
    } else {
      const heads = Object.fromEntries(SORTS.map(([sort, words]) => [words, this.head(sort, words)]));
      const columns = ["", ...SORTS.map(([, words]) => words), "state"];
      const rows = part.runs.map((run) => [
        this.tick(run),
        make("a", { href: to("run", { run: run.name }), "data-key": `open ${run.name}` }, run.name),
        run.method || "-", whole(run.dataset || "-"), episodesOf(run), fixed(run.length, 1), fixed(run.r_traj, 1), whole(when(run.changed)),
        stateOf(run),
      ]);
      this.list.replaceChildren(
        part.of ? table("Runs", columns, ["method", "data", "last change", "state"], rows, { name: 1, heads })
          : make("p", {}, "No run has all of these words."),
        pager(part, LIMIT, (offset) => this.address({ offset })));
    }
    if (focused) [...this.list.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
    this.count();
  }

  head(sort, words) {
    const here = this.asked.sort === sort;
    const down = here ? !this.asked.down : sort !== "name" && sort !== "method" && sort !== "dataset";
    const made = button(words, () => this.go({ sort, down, offset: 0 }), { class: "sort", "data-key": `sort ${sort}` });
    if (here) made.append(make("span", { "aria-hidden": "true" }, this.asked.down ? " ↓" : " ↑"));
    made.setAttribute("data-order", here ? (this.asked.down ? "descending" : "ascending") : "none");
    return made;
  }

  tick(run) {
    const box = make("input", { type: "checkbox", "aria-label": `Choose ${run.name}`, "data-key": `pick ${run.name}`,
      onchange: () => {
        if (box.checked) picked.add(run.name);
        else picked.delete(run.name);
        this.count();
      } });
    box.checked = picked.has(run.name);
    return box;
  }

  count() {
    this.note.textContent = picked.size ? `${picked.size} chosen` : "Tick runs to compare or delete them.";
    this.compare.disabled = !picked.size;
    this.remove.disabled = !picked.size;
  }

  async delete() {
    const names = [...picked];
    const words = `${names.join(", ")}: all episodes and reports in ${names.length > 1 ? "them" : "it"} are gone for good. `
      + "What was taught to a memory stays there.";
    await confirmed(`Delete ${counted(names.length, "run")}?`, words, "Delete", async () => {
      for (const name of names) {
        await change(`runs/${encodeURIComponent(name)}/removal`);
        picked.delete(name);
      }
      return true;
    });
    await this.load();
  }
}

export async function runsView(asked) {
  const view = new Runs(asked);
  const parts = view.parts();
  await view.load();
  return { parts, leave: () => {
    window.clearTimeout(view.timer);
    window.clearTimeout(view.typed);
    view.turn += 1;
  } };
}
