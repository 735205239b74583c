"use strict";
// The episode browser: a list that renders only its visible part, and one open episode.
// All data of a run is put into the page as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("episodes").textContent);
  const { make, unpack } = elements;
  const byId = (id) => document.getElementById(id);
  const [list, tall, detail] = [byId("list"), byId("tall"), byId("detail")];
  const HEIGHT = 36; // of one entry, as in report.css

  // What the list shows of each episode; everything else is read when it is opened.
  const all = data.episodes.map(([row, run, packed]) =>
    ({ row, run: data.texts[run], packed, ...unpack(data, "HeadView", packed[0]) }));

  // The list ---------------------------------------------------------------------------------------------------------

  const natural = new Intl.Collator(undefined, { numeric: true });
  const columns = [
    ["method", (e) => data.rows[e.row]],
    ["user", (e) => e.user],
    ["seed", (e) => e.seed],
    ["Len", (e) => e.length ?? -1],
    ["R_traj", (e) => e.r_traj ?? -Infinity],
    ["outcome", (e) => e.outcome],
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
    all.forEach((e, position) => {
      if ((row === "" || e.row === Number(row)) && (seed === "" || e.seed === Number(seed)) &&
          (ended === "" || e.outcome === ended) && e.user.includes(user)) state.shown.push(position);
    });
    if (state.column >= 0) {
      const key = columns[state.column][1];
      const keys = all.map(key);
      const sign = state.up ? 1 : -1;
      state.shown.sort((a, b) => sign * compare(keys[a], keys[b]) || a - b);
    }
    state.at = state.shown.indexOf(open);
    byId("count").textContent = `${state.shown.length} of ${all.length}`;
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
    const e = all[state.shown[at]];
    const cells = [data.rows[e.row], e.user, e.seed, e.length ?? "", e.r_traj ?? "", e.outcome];
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

  // Moves the focus into the open episode: to its first step from the keyboard, to its head after a click on a narrow screen.
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
    const e = all[position];
    const episode = unpack(data, "EpisodeView", e.packed);
    const parts = [head(position, e, episode)];
    if (episode.error) parts.push(make("p", { class: "bad" }, episode.error));
    else {
      const steps = episode.steps.map((step) => episodes.card(step, episode, origin));
      if (steps.length && episode.left) steps.at(-1).classList.add("last-left");
      parts.push(...episodes.before(episode, origin), ...steps, ...episodes.after(episode));
    }
    detail.replaceChildren(...parts);
    if (stepNumber > 0) detail.querySelector(`[data-step="${stepNumber}"]`)?.focus();
  }

  function head(position, e, episode) {
    const back = state.trail.length
      ? make("button", { type: "button", onclick: () => show(state.trail.pop()) }, `← back to ${all[state.trail.at(-1)].id}`)
      : null;
    return make("div", { "data-episode": position },
      make("div", { class: "bar" },
        make("h3", {}, `User ${e.user}, ${data.rows[e.row]}`), back,
        make("button", { type: "button", class: "back", onclick: leave }, "To the list")),
      make("p", { class: "quiet" }, `${episodes.numbers(episode)} · seed ${e.seed} · episode ${e.id} in ${e.run}`));
  }

  // The origin of a record, as a button if the page holds that episode.
  function origin(source) {
    const seed = source.seed === null ? "" : `, seed ${source.seed}`;
    const step = source.step > 0 ? `, step ${source.step}` : "";
    const words = `run ${source.run}, episode ${source.episode}${step}${seed}`;
    if (!source.at) return make("span", {}, words);
    const follow = () => {
      state.trail.push(Number(detail.querySelector("[data-episode]").dataset.episode));
      show(source.at.number - 1, source.step);
      if (source.step <= 0) detail.scrollIntoView({ block: "start" });
    };
    return make("button", { type: "button", class: "link", onclick: follow }, words);
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
  addOptions("seed", [...new Set(all.map((e) => e.seed))].sort((a, b) => a - b).map((seed) => [seed, seed]));
  addOptions("ended", [...new Set(all.map((e) => e.outcome))].map((words) => [words, words]));
  byId("filters").addEventListener("input", refresh);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  list.addEventListener("scroll", paint);
  window.addEventListener("resize", paint);
  refresh();
  select(0);
})();
