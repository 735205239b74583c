// Runs side by side: what they came to, differences pair by pair, and their curves.
import { ask, choice, table, to } from "./ask.js";
import { dot, lines, rangeOf } from "./chart.js";

const { make } = elements;

// The curves of an answer about one run or several; none where there are no points to draw.
export function curvesOf(found) {
  const made = [];
  if (found.learning.length) {
    made.push(lines({ title: "Learning curve", curves: found.learning, x: "training episodes", y: "R_traj",
      caption: "R_traj of held-out users after so many training episodes, with 95% intervals." }));
  }
  if (found.training.some((curve) => curve.points.length > 1)) {
    made.push(lines({ title: "Training episodes", curves: found.training, x: "training episode", y: "R_traj",
      caption: `Mean R_traj of the last ${found.window} training episodes.` }));
  }
  return made.length ? make("div", { class: "charts" }, ...made) : null;
}

export function resultsOf(found) {
  const range = rangeOf(found.rows.map((row) => row.r_traj));
  const metrics = Object.entries(found.metrics);
  const rows = found.rows.map((row, at) => [
    row.label, dot(row.r_traj, range, at), ...metrics.map(([name]) => row.numbers[name]), String(row.users),
    String(row.episodes) + (row.failed ? ` (${row.failed} failed)` : ""),
  ]);
  return table("Results", ["method", "R_traj drawn", ...metrics.map(([, label]) => label), "users", "episodes"],
    ["R_traj drawn"], rows);
}

function differences(found) {
  const range = rangeOf(found.differences.map((each) => each.r_traj));
  const metrics = Object.entries(found.metrics);
  const word = (each, name) => {
    if (each.note) return name === "r_traj" ? each.note : "-";
    return each.apart.includes(name) ? make("strong", {}, `${each.differences[name]} *`) : each.differences[name];
  };
  const position = (label) => found.rows.findIndex((row) => row.label === label);
  const rows = found.differences.map((each) => [
    each.label, dot(each.r_traj, range, position(each.label)), ...metrics.map(([name]) => word(each, name)), each.ratio || "-",
    String(each.pairs),
  ]);
  return table(`Differences to ${found.base}`,
    ["method", "R_traj drawn", ...metrics.map(([, label]) => label), "R_traj ratio", "pairs"], ["R_traj drawn"], rows);
}

export async function compareView(asked) {
  const runs = asked.getAll("run");
  const found = await ask("comparison", { run: runs, base: asked.get("base") });
  const results = found.rows.filter((row) => !row.training);
  const base = choice({ onchange: () => { location.hash = to("compare", { run: runs, base: base.value }); } },
    results.map((row) => [row.label, row.label]), found.base);
  const chosen = make("ul", { class: "chips", "aria-label": "Runs compared" }, ...runs.map((run) => make("li", {},
    make("a", { href: to("run", { run }) }, run),
    runs.length > 1 ? make("a", { class: "off", "aria-label": `Leave out ${run}`, href: to("compare", { run: runs.filter((each) => each !== run) }) }, "×") : null)));
  const against = found.differences.length ? [
    make("section", { "aria-labelledby": "differences" },
      make("h3", { id: "differences" }, "Paired differences"),
      make("form", { class: "filters", onsubmit: (event) => event.preventDefault() }, make("label", {}, "compared with ", base)),
      make("div", { class: "wide-cards" }, differences(found)),
      make("p", { class: "quiet" },
        "Of the same user with the same seed, the other method less this one; means with 95% intervals. * says that the interval excludes zero: "
        + "elsewhere these episodes do not tell which is better.")),
  ] : [];
  return {
    parts: [
      make("p", { class: "trail" }, make("a", { href: to("runs", {}) }, "← Runs")),
      make("h2", {}, runs.length > 1 ? `${runs.length} runs compared` : `${runs[0]} compared`),
      chosen,
      ...found.notes.map((note) => make("p", { class: "note" }, note)),
      ...against,
      make("section", { "aria-labelledby": "results" }, make("h3", { id: "results" }, "Results"), resultsOf(found)),
      curvesOf(found) ?? "",
    ].filter(Boolean),
  };
}
