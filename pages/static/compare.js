// What a run came to, or several side by side: numbers, differences pair by pair, charts, tables, episodes.
import { ask, button, choice, reportOf, table, to } from "./ask.js";
import { bars, dot, lines, rangeOf } from "./chart.js";
import { make } from "./elements.js";
import { EpisodeList } from "./episodes.js";
import { held } from "./held.js";

const section = (heading, ...children) => make("section", { "aria-label": heading }, make("h3", {}, heading), ...children);
const quiet = (words) => make("p", { class: "quiet" }, words);
const wide = (words, child) => make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `${words}, table` }, child);

function facts(found) {
  return make("dl", { class: "facts" }, ...Object.entries(found.facts).map(([name, words]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, words))));
}

function results(found) {
  const range = rangeOf(found.rows.map((row) => row.r_traj));
  const metrics = Object.entries(found.metrics);
  const rows = found.rows.map((row, at) => [
    row.label, dot(row.r_traj, range, at), ...metrics.map(([name]) => row.numbers[name]), row.coverage, row.logs, String(row.users),
    row.failed ? make("span", {}, `${row.episodes} (`, make("strong", { class: "bad" }, `${row.failed} failed`), ")") : String(row.episodes),
  ]);
  return section("Results",
    wide("Results", table("Results",
      ["method", "R_traj drawn", ...metrics.map(([, label]) => label), "coverage", "logs", "users", "episodes"], ["R_traj drawn"], rows)),
    ...found.remarks.map(quiet),
    quiet("Len counts recommendations, R_traj sums their rewards, R_each = R_traj / Len: means of users over seeds, with 95% intervals "
      + "over users and, where a method learns or is tuned again with each seed, over trainings. Coverage: share of the catalogue that the users of one seed saw. "
      + "Logs: whether the method reads the train users' logs. Failed episodes enter no mean."));
}

function differences(found, base) {
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
  return section("Paired differences",
    base ? make("form", { class: "filters", onsubmit: (event) => event.preventDefault() }, make("label", {}, "compared with ", base))
      : make("p", {}, "Compared with ", make("strong", {}, found.base), "."),
    wide("Paired differences", table(`Differences to ${found.base}`,
      ["method", "R_traj drawn", ...metrics.map(([, label]) => label), "R_traj ratio", "pairs"], ["R_traj drawn"], rows)),
    quiet("Of the same user with the same seed, the other method less this one; means with 95% intervals. * says that the interval "
      + "excludes zero: elsewhere these episodes do not tell which is better."));
}

const charts = (found) => make("div", { class: "charts" }, ...found.charts.map(lines), ...found.bars.map(bars));

// A table of text; where `shares` say how large its numbers are, cells are tinted.
function texts({ title, columns, rows, caption, shares }) {
  const made = table(title, columns, ["ended"], rows);
  shares.forEach((row, down) => row.forEach((share, across) => {
    const cell = made.tBodies[0].rows[down].cells[across + 1];
    cell.classList.add("tinted");
    cell.style.setProperty("--share", String(Math.max(0, Math.min(1, share ?? 0))));
  }));
  const worlds = shares.length > 0; // whose title begins with the name of a data set
  const heading = worlds ? title : title[0].toUpperCase() + title.slice(1);
  const words = worlds ? "billp report RUN/WORLD@splitN shows one world with its episodes." : "";
  return section(heading, wide(heading, made), ...[caption, words].filter(Boolean).map(quiet));
}

// The tables for a paper, to be copied.
function forms(found) {
  const form = (name, text) => {
    const shown = make("pre", { class: "printed", tabindex: "0", "aria-label": name }, text);
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        window.getSelection().selectAllChildren(shown);
      }
    };
    return make("div", {}, make("div", { class: "heading" }, make("h4", {}, name), button("Copy", copy, { "aria-label": `Copy ${name}` })), shown);
  };
  return make("details", {}, make("summary", {}, "Tables as Markdown and LaTeX"), form("Markdown", found.markdown), form("LaTeX", found.latex));
}

function folders(found) {
  const name = (part) => (held ? part.name : make("a", { href: to("run", { run: part.name }) }, part.name));
  const rows = found.parts.map((part) => [name(part), part.command, part.method, part.prompts || "-", String(part.episodes),
    part.complete ? "complete" : "under way or interrupted"]);
  return make("details", {}, make("summary", {}, "Run folders"), wide("Run folders",
    table("Run folders", ["folder", "command", "method", "prompts", "episodes", "state"], ["command", "method", "prompts", "state"], rows)));
}

// All that is known of runs but for their episodes; `base` chooses what the others are compared with.
export function sectionsOf(found, base = null) {
  return [
    facts(found),
    ...found.notes.map((note) => make("p", { class: "note" }, note)),
    found.rows.length ? results(found) : null,
    found.differences.length ? differences(found, base) : null,
    found.charts.length + found.bars.length ? charts(found) : null,
    ...found.tables.map(texts),
    found.markdown ? forms(found) : null,
  ].filter(Boolean);
}

export const episodesOf = (found) => new EpisodeList(found.parts.map(({ name, row }) => ({ name, method: row }))).load();

export async function compareView(asked) {
  const runs = asked.getAll("run");
  const found = await ask("comparison", { run: runs, base: asked.get("base") });
  const base = choice({ onchange: () => { location.hash = held ? to("report", { base: base.value }) : to("compare", { run: runs, base: base.value }); } },
    found.rows.filter((row) => !row.training).map((row) => [row.label, row.label]), found.base);
  const chips = held ? [] : [make("ul", { class: "chips", "aria-label": "Runs compared" }, ...runs.map((run) => make("li", {},
    make("a", { href: to("run", { run }) }, run),
    runs.length > 1 ? make("a", { class: "off", "aria-label": `Leave out ${run}`, href: to("compare", { run: runs.filter((each) => each !== run) }) }, "×") : null)))];
  const title = held ? held.title : runs.length > 1 ? `${runs.length} runs compared` : `${runs[0]} compared`;
  const episodes = found.parts.length ? await episodesOf(found) : null;
  return {
    parts: [
      ...(held ? [] : [make("p", { class: "trail" }, make("a", { href: to("runs", {}) }, "← Runs"))]),
      make("div", { class: "heading" }, make("h2", {}, title), make("div", { class: "actions" }, episodes?.jump() ?? null,
        held ? null : make("a", { class: "button", href: reportOf(runs), download: "" }, "Save as a file"))),
      ...chips,
      ...sectionsOf(found, base),
      ...(episodes ? [episodes.element, folders(found)] : []),
    ],
    shown: () => {
      if (!episodes?.resume() && asked.get("base")) base.focus(); // which a person has just chosen
    },
  };
}
