// Questions to the server, or to the file itself, and small elements that all views share.
import { make } from "./elements.js";
import { held } from "./held.js";

async function answered(reply) {
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(answer.error || `The server answered ${reply.status}.`);
  return answer;
}

// Returns the answer to a question; throws an Error with the server's sentence. A list is sent value by value.
export async function ask(path, parameters = {}) {
  if (held) return held.answer(path, parameters);
  const given = Object.entries(parameters)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, each]))
    .filter(([, value]) => value !== null && value !== undefined && value !== "");
  return answered(await fetch(`api/${path}?${new URLSearchParams(given)}`));
}

// Makes the server change something; returns its answer, or throws an Error as above.
export async function change(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answered(await fetch(`api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

// A run's name in an address; its slashes are kept.
export const inPath = (run) => run.split("/").map(encodeURIComponent).join("/");

// The page of runs as a file to keep.
export const reportOf = (runs) => `api/report?${new URLSearchParams(runs.map((run) => ["run", run]))}`;

export function to(view, parameters) {
  const given = Object.entries(parameters)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, each]));
  return `#${new URLSearchParams([["view", view], ...given])}`;
}

export const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

export const when = (seconds) => (seconds === null ? "-"
  : new Date(seconds * 1000).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" }));

export const button = (words, act, settings = {}) => make("button", { type: "button", onclick: act, ...settings }, words);

// A command for a terminal.
export const inTerminal = (words) => make("pre", { class: "command", tabindex: "0" }, words);

export const choice = (settings, options, chosen) => make("select", settings, ...options.map(([value, words]) =>
  make("option", value === chosen ? { value, selected: "" } : { value }, words)));

// "1-20 of 43" with links to the parts before and after.
export function pager(part, limit, link) {
  const shown = Math.min(part.offset + limit, part.of);
  const bar = make("nav", { class: "pager", "aria-label": "Parts of the list" });
  if (part.offset > 0) bar.append(make("a", { href: link(Math.max(0, part.offset - limit)) }, "← Back"));
  bar.append(make("span", { class: "quiet" }, part.of ? `${part.offset + 1}-${shown} of ${part.of}` : "none"));
  if (shown < part.of) bar.append(make("a", { href: link(part.offset + limit) }, "Further →"));
  return bar;
}

// The address of an episode of the run folder `run`; from there a person comes back to the run `whole` that holds it.
export const toEpisode = (run, number, whole) => to("episode", { run, number, ...(whole && whole !== run ? { whole } : {}) });

// The origin of a record, as a link if the episode can be opened.
export function originOf(origin) {
  const step = origin.step > 0 ? `, step ${origin.step}` : "";
  const seed = origin.seed === null ? "" : `, seed ${origin.seed}`;
  const user = origin.user === null ? "" : `, user ${origin.user}`;
  const words = `run ${origin.run}, episode ${origin.episode}${step}${user}${seed}`;
  if (!origin.at) return make("span", {}, words);
  const place = { run: origin.at.run, number: origin.at.number, ...(origin.step > 0 ? { step: origin.step } : {}) };
  return make("a", { href: to("episode", place) }, words);
}

// A table whose rows become cards on a narrow screen; each cell is text or an element, the one at `name` names its row.
// `words` names the columns that hold words rather than numbers, `heads` what stands in the head in place of a name.
export function table(caption, columns, words, rows, { name = 0, heads = {} } = {}) {
  const kind = (at) => (words.includes(columns[at]) ? "words" : null);
  const cell = (value, at) => make(at === name ? "th" : "td",
    { scope: at === name ? "row" : null, "data-label": columns[at], class: at < name ? "pick" : kind(at) }, value);
  const head = (column, at) => {
    const given = heads[column];
    if (!column) return make("td", { class: "pick" });
    return make("th", { scope: "col", class: kind(at), "aria-sort": given?.getAttribute("data-order") ?? null }, given ?? column);
  };
  return make("table", { class: columns.length > 6 ? "cards" : "cards few" },
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, ...columns.map(head))),
    make("tbody", {}, ...rows.map((values) => make("tr", {}, ...values.map(cell)))));
}
