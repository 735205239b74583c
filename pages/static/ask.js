// Requests to the server, and small elements that all views share.
const { make } = elements;

// Returns the answer to a question; throws an Error with the server's sentence.
export async function ask(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== "");
  const reply = await fetch(`api/${path}?${new URLSearchParams(given)}`);
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(answer.error || `The server answered ${reply.status}.`);
  return answer;
}

// A run's name in an address; its slashes are kept.
export const inPath = (run) => run.split("/").map(encodeURIComponent).join("/");

export const to = (view, parameters) => `#${new URLSearchParams({ view, ...parameters })}`;

export const { fixed } = elements;

// "1-20 of 43" with links to the parts before and after.
export function pager(part, limit, link) {
  const shown = Math.min(part.offset + limit, part.of);
  const bar = make("nav", { class: "pager", "aria-label": "Parts of the list" });
  if (part.offset > 0) bar.append(make("a", { href: link(Math.max(0, part.offset - limit)) }, "← Back"));
  bar.append(make("span", { class: "quiet" }, part.of ? `${part.offset + 1}-${shown} of ${part.of}` : "none"));
  if (shown < part.of) bar.append(make("a", { href: link(part.offset + limit) }, "Further →"));
  return bar;
}

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

// A table whose rows become cards on a narrow screen; each cell is text or an element. `words` names the columns that
// hold words rather than numbers.
export function table(caption, columns, words, rows) {
  const kind = (at) => (words.includes(columns[at]) ? "words" : null);
  const cell = (value, at) => make(at === 0 ? "th" : "td",
    { scope: at === 0 ? "row" : null, "data-label": columns[at], class: kind(at) }, value);
  return make("table", { class: columns.length > 6 ? "cards" : "cards few" },
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, ...columns.map((name, at) => make("th", { scope: "col", class: kind(at) }, name)))),
    make("tbody", {}, ...rows.map((values) => make("tr", {}, ...values.map(cell)))));
}
