"use strict";
// The episode browser: a list of which only the visible part exists, and one open episode.
// Everything from a run is put into the page as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("episodes").textContent);
  const { make, block, told, stars, fixed, plus, signed } = elements;
  const byId = (id) => document.getElementById(id);
  const [list, tall, detail] = [byId("list"), byId("tall"), byId("detail")];
  const HEIGHT = 36; // of one entry, as in report.css

  // The fields of an episode, its output, a step and a source, in the order of episodes.py.
  const episodes = data.episodes.map((fields) => {
    const [row, run, id, user, seed, ended, error, output] = fields;
    return { row, run, id, user, seed, ended, error, output, len: output ? output[2].length : 0,
      reward: output ? output[4] : null };
  });
  const readOutput = ([history, recalled, steps, reflection, reward, each, calls, tokens, values]) =>
    ({ history, recalled, steps: steps.map(readStep), reflection, reward, each, calls, tokens, values });
  const readStep = ([number, thought, proposal, item, shortlist, reward, closeTo, value, next, advantage, sources,
    plan, weights]) =>
    ({ number, thought, proposal, item, shortlist, reward, closeTo, value, next, advantage, sources, plan, weights });
  const readSource = ([id, run, episode, step, seed, place = -1, receipt = -1]) =>
    ({ id, run, episode, step, seed, place, receipt });
  const textOf = (position) => (position < 0 ? "" : data.texts[position]);
  const title = (position) => data.items[position][0];

  // The list ---------------------------------------------------------------------------------------------------------

  const natural = new Intl.Collator(undefined, { numeric: true });
  const columns = [
    ["method", (e) => data.rows[e.row]],
    ["user", (e) => e.user],
    ["seed", (e) => e.seed],
    ["Len", (e) => (e.output ? e.len : -1)],
    ["R_traj", (e) => (e.output ? e.reward : -Infinity)],
    ["outcome", (e) => data.outcomes[e.ended][0]],
  ];
  const state = { shown: [], at: -1, column: -1, up: true, trail: [] };

  function compare(one, other) {
    return typeof one === "number" ? one - other : natural.compare(one, other);
  }

  function refresh() {
    const [row, seed, ended] = ["row", "seed", "ended"].map((name) => byId(`filter-${name}`).value);
    const user = byId("filter-user").value.trim();
    const open = state.shown[state.at];
    state.shown = [];
    episodes.forEach((e, position) => {
      if ((row === "" || e.row === Number(row)) && (seed === "" || e.seed === Number(seed)) &&
          (ended === "" || e.ended === Number(ended)) && e.user.includes(user)) state.shown.push(position);
    });
    if (state.column >= 0) {
      const key = columns[state.column][1];
      const keys = episodes.map(key);
      const sign = state.up ? 1 : -1;
      state.shown.sort((a, b) => sign * compare(keys[a], keys[b]) || a - b);
    }
    state.at = state.shown.indexOf(open);
    byId("count").textContent = `${state.shown.length} of ${episodes.length}`;
    tall.style.height = `${state.shown.length * HEIGHT}px`;
    paint();
  }

  function paint() {
    const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 5);
    const last = Math.min(state.shown.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 5);
    const entries = [];
    for (let at = first; at < last; at += 1) entries.push(entry(at));
    tall.replaceChildren(...entries);
    if (state.at >= 0) list.setAttribute("aria-activedescendant", `entry-${state.at}`);
    else list.removeAttribute("aria-activedescendant");
  }

  function entry(at) {
    const e = episodes[state.shown[at]];
    const cells = [data.rows[e.row], e.user, e.seed, e.output ? e.len : "", e.output ? e.reward : "",
      data.outcomes[e.ended][0]];
    return make("div", {
      class: "entry", role: "option", id: `entry-${at}`, "aria-selected": String(at === state.at),
      "aria-setsize": state.shown.length, "aria-posinset": at + 1, style: `top: ${at * HEIGHT}px`,
      onclick: () => { select(at); enter(false); },
    }, ...cells.map((cell) => make("span", { title: cell }, String(cell))));
  }

  function select(at) {
    if (!state.shown.length) return;
    state.at = Math.max(0, Math.min(at, state.shown.length - 1));
    const top = state.at * HEIGHT;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
    state.trail = [];
    show(state.shown[state.at]);
    paint();
  }

  // Into the open episode: to its first step with the keyboard, to its head with the pointer on a narrow screen.
  function enter(byKey) {
    const step = detail.querySelector(".step");
    if (byKey && step) step.focus();
    else if (window.matchMedia("(max-width: 800px)").matches) detail.scrollIntoView({ block: "start" });
  }

  function leave() {
    list.focus();
    list.scrollIntoView({ block: "nearest" });
  }

  // The open episode -------------------------------------------------------------------------------------------------

  function show(position, stepNumber) {
    const e = episodes[position];
    const output = e.output ? readOutput(e.output) : null;
    const parts = [head(position, e, output)];
    if (!output) parts.push(make("p", { class: "bad" }, textOf(e.error)));
    else {
      if (output.history.length) parts.push(block("History, oldest first", items(output.history)));
      if (output.recalled.length) parts.push(block("Reflections recalled", ...output.recalled.map(recalled)));
      const steps = output.steps.map((step) => stepCard(step, output, data.outcomes[e.ended]?.[3]));
      if (e.ended >= 0 && steps.length && data.outcomes[e.ended][2]) steps.at(-1).classList.add("last-left");
      parts.push(...steps);
      parts.push(block("Why it ended", make("p", { class: "told" }, ending(e, output))));
      if (output.reflection >= 0) parts.push(block("Reflection written", told(textOf(output.reflection))));
    }
    detail.replaceChildren(...parts);
    if (stepNumber > 0) detail.querySelector(`[data-step="${stepNumber}"]`)?.focus();
  }

  function head(position, e, output) {
    const back = state.trail.length
      ? make("button", { type: "button", onclick: () => show(state.trail.pop()) },
        `← back to ${episodes[state.trail.at(-1)].id}`)
      : null;
    const numbers = output
      ? `Len ${e.len} · R_each ${fixed(output.each, 2)} · R_traj ${fixed(output.reward, 1)} · ${output.calls} calls, ` +
        `${output.tokens} tokens`
      : "failed";
    return make("div", { "data-episode": position },
      make("div", { class: "bar" },
        make("h3", {}, `User ${e.user}, ${data.rows[e.row]}`), back,
        make("button", { type: "button", class: "back", onclick: leave }, "To the list")),
      make("p", { class: "quiet" }, `${numbers} · seed ${e.seed} · episode ${e.id} in ${textOf(e.run)}`));
  }

  function items(positions, chosen) {
    return make("ul", { class: "items" }, ...positions.map((position) => make("li",
      { class: position === chosen ? "chosen" : null, title: data.items[position][1] || null },
      position === chosen ? `✓ ${title(position)}` : title(position))));
  }

  function recalled([source, text, distance, alike]) {
    const made = told(textOf(text));
    const far = distance === null ? "" : `distance ${fixed(distance, 3)}, `;
    const more = alike ? `${alike} more say the same, ` : "";
    const from = readSource(data.sources[source]);
    made.append(make("span", { class: "quiet" }, `${far}${more}from `, origin(from), receipt(from)));
    return made;
  }

  // How often a memory was used in the training that taught it, and what followed.
  function receipt(source) {
    return source.receipt < 0 ? "" : `; ${textOf(source.receipt)}`;
  }

  // Where a record came from, as a button where the page holds that episode.
  function origin(source) {
    if (source.run === undefined) return make("span", {}, source.id);
    const seed = source.seed === null ? "" : `, seed ${source.seed}`;
    const step = source.step > 0 ? `, step ${source.step}` : "";
    const words = `run ${source.run}, episode ${source.episode}${step}${seed}`;
    if (source.place < 0) return make("span", {}, words);
    const follow = () => {
      state.trail.push(Number(detail.querySelector("[data-episode]").dataset.episode));
      show(source.place, source.step);
      if (source.step <= 0) detail.scrollIntoView({ block: "start" });
    };
    return make("button", { type: "button", class: "link", onclick: follow }, words);
  }

  function stepCard(step, output, leftOver) {
    const facts = make("dl", { class: "facts" });
    const fact = (name, ...values) => facts.append(make("dt", {}, name), make("dd", {}, ...values));
    if (step.plan >= 0) fact("plan", make("span", { class: "quiet" }, textOf(step.plan)));
    if (step.weights.length) fact("shortlist", weighed(step));
    else if (step.shortlist.length) fact("shortlist", items(step.shortlist, step.item));
    const words = textOf(step.proposal);
    if (words && words !== title(step.item)) fact("Actor's words", words);
    if (step.value !== null) fact("value", fixed(step.value, 2), " before, ", fixed(step.next ?? 0, 2), " after");
    if (step.advantage !== null) fact("advantage", signed(step.advantage));
    if (step.closeTo >= 0) fact(leftOver, closeTo(step, output.steps));
    const card = make("section", { class: "step", tabindex: "0", "data-step": step.number,
      "aria-label": `Step ${step.number}` },
      make("header", {}, make("h4", {}, `${step.number}. ${title(step.item)}`),
        make("span", { class: "quiet" }, data.items[step.item][1]), stars(step.reward)),
      step.thought < 0 ? null : make("p", { class: "thought" }, textOf(step.thought)),
      facts.children.length ? facts : null);
    const values = output.values.filter(([, numbers]) => numbers.includes(step.number)).map(([source]) => source);
    if (step.sources.length) card.append(retrieved(step.sources, "experience", "retrieved"));
    if (values.length) card.append(retrieved(values, "remembered state", "behind the value"));
    return card;
  }

  // The shortlist with what weighed for each candidate, in stars; columns where nothing was asked are left out.
  function weighed(step) {
    const names = ["staying", "liking", "LLM"];
    const asked = [0, 1, 2].filter((column) => step.weights.some((row) => row[column] !== null));
    const rows = step.shortlist.map((item, at) => make("tr", { class: item === step.item ? "chosen" : null },
      make("th", { scope: "row", title: data.items[item][1] || null },
        item === step.item ? `✓ ${title(item)}` : title(item)),
      ...asked.map((column) => make("td", {}, number(step.weights[at][column]))),
      make("td", {}, number(step.weights[at].reduce((sum, part) => sum + (part ?? 0), 0)))));
    const heads = ["", ...asked.map((column) => names[column]), "total"];
    return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Shortlist of step ${step.number}` },
      make("table", { class: "weighed" },
        make("thead", {}, make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, ...rows)));
  }

  function number(value) {
    return value === null ? "-" : plus(value);
  }

  function closeTo(step, steps) {
    const earlier = steps.filter((other) => other.item === step.closeTo && other.number < step.number).at(-1);
    return title(step.closeTo) + (earlier ? ` (step ${earlier.number})` : "");
  }

  function ending(e, output) {
    const last = output.steps.at(-1);
    const words = data.outcomes[e.ended][1];
    return last && last.closeTo >= 0 ? `${words}: ${title(last.item)} after ${closeTo(last, output.steps)}` : words;
  }

  function retrieved(positions, noun, what) {
    const made = make("details", { class: "block" },
      make("summary", { class: "quiet" }, `${positions.length} ${noun}${positions.length === 1 ? "" : "s"} ${what}`));
    made.addEventListener("toggle", () => {
      if (made.children.length > 1) return;
      made.append(make("ul", { class: "sources" }, ...positions.map((position) => {
        const source = readSource(data.sources[position]);
        const there = source.place < 0 ? null : stepAt(source);
        return make("li", {}, ...(there ? said(there, source.id.startsWith("critic/")) : []), origin(source),
          make("span", { class: "quiet" }, receipt(source)));
      })));
    });
    return made;
  }

  // What a step that memory read back says: to the Critic what its state was worth, to the Actor the item.
  function said(there, worth) {
    if (worth && there.value !== null) return [`worth ${fixed(there.value + there.advantage, 2)}, `];
    return [`${title(there.item)} `, stars(there.reward), " ",
      ...(there.advantage === null ? [] : ["advantage ", signed(there.advantage), " "])];
  }

  function stepAt(source) {
    const output = episodes[source.place].output;
    return output ? output[2].map(readStep).find((step) => step.number === source.step) : null;
  }

  // Keys and filters -------------------------------------------------------------------------------------------------

  function step(by) {
    const cards = [...detail.querySelectorAll(".step")];
    const at = cards.indexOf(document.activeElement.closest(".step"));
    const next = cards[at < 0 ? 0 : Math.max(0, Math.min(at + by, cards.length - 1))];
    if (next) next.focus();
  }

  const down = (key) => key === "ArrowDown" || key === "j";
  const up = (key) => key === "ArrowUp" || key === "k";
  const pages = { PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

  function inList(key) {
    if (down(key) || up(key)) select(state.at + (down(key) ? 1 : -1));
    else if (key in pages) select(state.at + pages[key]);
    else if (key === "Enter" || key === "ArrowRight" || key === "l") enter(true);
    else return false;
    return true;
  }

  function inDetail(key) {
    if (down(key) || up(key)) step(down(key) ? 1 : -1);
    else if (key === "ArrowRight" || key === "l") { select(state.at + 1); enter(true); }
    else if (key === "ArrowLeft" || key === "h") { select(state.at - 1); enter(true); }
    else if (key === "Escape") leave();
    else return false;
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    let done = false;
    if (list.contains(event.target)) done = inList(event.key);
    else if (detail.contains(event.target)) done = inDetail(event.key);
    else if (event.key === "j" || event.key === "k") { list.focus(); done = inList(event.key); }
    if (done) event.preventDefault();
  });

  function addOptions(name, values) {
    for (const [value, words] of values) byId(`filter-${name}`).append(make("option", { value }, String(words)));
  }

  columns.forEach(([name], position) => {
    const button = make("button", { type: "button", "aria-pressed": "false", onclick: () => {
      state.up = state.column === position ? !state.up : position < 3;
      state.column = position;
      [...byId("columns").children].forEach((other, at) => {
        other.setAttribute("aria-pressed", String(at === position));
        other.textContent = columns[at][0] + (at === position ? (state.up ? " ↑" : " ↓") : "");
      });
      refresh();
    } }, name);
    byId("columns").append(button);
  });
  addOptions("row", data.rows.map((label, at) => [at, label]));
  addOptions("seed", [...new Set(episodes.map((e) => e.seed))].sort((a, b) => a - b).map((seed) => [seed, seed]));
  addOptions("ended", data.outcomes.map(([words], at) => [at, words]));
  byId("filters").addEventListener("input", refresh);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  list.addEventListener("scroll", paint);
  window.addEventListener("resize", paint);
  refresh();
  select(0);
})();
