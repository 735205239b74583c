// Shows an episode and its steps, as reports/episode_view.py describes them.
import { originOf } from "./ask.js";
import { block, fixed, make, plus, signed, stars, told } from "./elements.js";

const quiet = (...words) => make("span", { class: "quiet" }, ...words);
const named = (item) => [make("strong", {}, item.title), " ", quiet(item.about)];
const same = (one, other) => one.index === other.index;

const items = (some, chosen) => make("ul", { class: "items" }, ...some.map((item) => make("li",
  { class: chosen && same(item, chosen) ? "chosen" : null, title: item.about || null },
  chosen && same(item, chosen) ? `✓ ${item.title}` : item.title)));

// The shortlist with the parts of each score, in stars; empty columns are left out.
function candidates(step) {
  const columns = [["retention_effect", plus], ["item_effect", plus], ["support", (number) => fixed(number, 0)], ["llm", plus], ["total", plus]];
  const asked = columns.filter(([name]) => step.candidates.some((each) => each[name] !== null));
  if (!asked.length) return items(step.candidates.map((each) => each.item), step.item);
  const heads = { retention_effect: "retention effect, chance", item_effect: "item effect", support: "ratings, answers", llm: "LLM", total: "total" };
  const rows = step.candidates.map((each) => {
    const chosen = same(each.item, step.item);
    return make("tr", { class: chosen ? "chosen" : null },
      make("th", { scope: "row", title: each.item.about || null }, chosen ? `✓ ${each.item.title}` : each.item.title),
      ...asked.map(([name, words]) => make("td", {}, each[name] === null ? "-" : words(each[name]))));
  });
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Shortlist of step ${step.number}` },
    make("table", { class: "weighed" },
      make("thead", {}, make("tr", {}, ...["", ...asked.map(([name]) => heads[name])].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows)));
}

const usage = (record) => (record.usage ? `; ${record.usage}` : "");
const from = (record) => (record.origin ? originOf(record.origin) : make("span", {}, record.id));

// A record of memory: the worth of its state for the Critic, the item for the Actor; and its origin.
function remembered(record) {
  const then = record.worth !== null ? [`worth ${fixed(record.worth, 2)}, `]
    : record.title === null ? []
      : [`${record.title} `, stars(record.reward), " ",
        ...(record.advantage === null ? [] : ["advantage ", signed(record.advantage), " "])];
  return make("li", {}, ...then, from(record), quiet(usage(record)));
}

// Long lists of records are built when they are opened.
function records(some, noun, what) {
  const made = make("details", { class: "block" },
    make("summary", { class: "quiet" }, `${some.length} ${noun}${some.length === 1 ? "" : "s"} ${what}`));
  made.addEventListener("toggle", () => {
    if (made.children.length > 1) return;
    made.append(make("ul", { class: "sources" }, ...some.map((record) => remembered(record))));
  });
  return made;
}

function recalled(reflection) {
  const made = told(reflection.text);
  const far = reflection.distance === null ? "" : `distance ${fixed(reflection.distance, 3)}, `;
  const more = reflection.alike ? `${reflection.alike} more say the same, ` : "";
  made.append(quiet(far, more, "from ", from(reflection.record), usage(reflection.record)));
  return made;
}

const earlier = (step) => step.earlier.title + (step.earlier_step === null ? "" : ` (step ${step.earlier_step})`);

function ending(episode) {
  const last = episode.steps.at(-1);
  return last && last.earlier ? `${episode.ended}: ${last.item.title} after ${earlier(last)}` : episode.ended;
}

// What is known before the first step, and the reflection after the last one.
export const before = (episode) => [
  ...(episode.history.length ? [block("History, oldest first", items(episode.history))] : []),
  ...(episode.recalled.length
    ? [block("Reflections recalled", ...episode.recalled.map((reflection) => recalled(reflection)))] : []),
  ...(episode.principles.length
    ? [block("What makes users leave, as claimed and counted", ...episode.principles.map(told))] : []),
];
export const after = (episode) => [
  block("Why it ended", make("p", { class: "told" }, ending(episode))),
  ...(episode.reflection ? [block("Reflection written", told(episode.reflection))] : []),
];

export function numbers(episode) {
  const { head } = episode;
  if (head.length === null) return "failed";
  return `Len ${head.length} · R_each ${fixed(episode.r_each, 2)} · R_traj ${fixed(head.r_traj, 1)} · ` +
    `${episode.calls} call${episode.calls === 1 ? "" : "s"}, ${episode.prompt_tokens + episode.completion_tokens} tokens`;
}

// What each node of a step recorded, if anything.
const says = {
  recall: (step, episode) => before(episode),
  plan: (step, episode, whole) => [
    ...(whole && step.thought ? [make("p", { class: "thought" }, step.thought)] : []),
    ...(step.plan ? [quiet(step.plan)] : []),
  ],
  "act:analyse": () => [],
  "act:retrieve": (step, episode) =>
    (step.experiences.length ? [records(step.experiences, "experience", "retrieved")] : []),
  "act:shortlist": (step) => (step.candidates.length ? [items(step.candidates.map((each) => each.item))] : []),
  "act:weigh": (step) => (step.candidates.length ? [candidates(step)] : []),
  "act:choose": (step) => (step.candidates.length ? [candidates(step)] : []),
  "act:propose": (step) => (step.proposal ? [step.proposal] : []),
  "act:ground": (step) => ["nearest item: ", ...named(step.item)],
  "act:pick": (step) => named(step.item),
  respond: (step, episode, whole) => [
    ...(whole ? [stars(step.reward), quiet(step === episode.steps.at(-1) ? ` ${ending(episode)} ` : " The user stays. ")] : []),
    ...(step.said ? [`“${step.said}” `] : []),
    ...(step.earlier && !whole ? [quiet(`${step.because} `), earlier(step)] : []),
  ],
  criticise: (step, episode) => [
    ...(step.value === null ? [] : [make("div", {}, `value ${fixed(step.value, 2)} before, ${fixed(step.next_value ?? 0, 2)} after`)]),
    ...(step.advantage === null ? [] : [make("div", {}, "advantage ", signed(step.advantage))]),
    ...(step.valued.length ? [records(step.valued, "remembered state", "behind the value")] : []),
  ],
  reflect: (step, episode) => (episode.reflection ? [told(episode.reflection)] : []),
  conclude: (step, episode) => [make("div", {}, numbers(episode)), make("div", {}, ending(episode))],
};
// The text for a node that recorded nothing.
const nothing = {
  recall: "Nothing is known of the user.",
  "act:analyse": "Counts the categories of history and recommendations.",
  "act:retrieve": "No experience of a similar state was retrieved.",
  "act:weigh": "Memory was not asked, or knows nothing yet.",
  "act:choose": "The LLM was not asked.",
  criticise: "Told by the reward alone; this method has no Critic.",
};
const WHOLE = ["recall", "reflect", "conclude"]; // nodes that speak of the episode rather than of one step
const PLAIN = ["plan", "act:retrieve", "act:weigh", "act:propose", "respond", "criticise"]; // where the way is not known
const KEPT = ["plan", "act:retrieve", "criticise"]; // shown where there is a record, though today's graph goes another way

// One step as a card: item, stars, the thought in force and what each node recorded. `nodeName` makes the name of a
// row; `whole` shows all nodes, also nodes that recorded nothing and nodes that concern the whole episode.
export function card(step, episode, { whole = false, nodeName = (node) => quiet(node.replace("act:", "")), heading = "h4" } = {}) {
  const way = step.nodes.length ? step.nodes : PLAIN;
  const kept = (node) => KEPT.includes(node) && !whole && says[node](step, episode, whole).length > 0;
  const nodes = Object.keys(says).filter((node) => way.includes(node) || kept(node));
  const repeats = (node) => node === "act:pick" || (node === "act:shortlist" && nodes.includes("act:choose"));
  const shown = nodes
    .filter((node) => whole || !(WHOLE.includes(node) || repeats(node)))
    .map((node) => [node, says[node]?.(step, episode, whole) || []])
    .filter(([, what]) => whole || what.length)
    .map(([node, what]) => [node, what.length ? what : [quiet(nothing[node] || "")]]);
  return make("section", { class: "step", tabindex: "0", "data-step": step.number, "aria-label": `Step ${step.number}${whole ? ", node by node" : ""}` },
    make("header", {}, make(heading, {}, `${step.number}. ${step.item.title}`), quiet(step.item.about), stars(step.reward)),
    step.thought && !(whole && nodes.includes("plan")) ? make("p", { class: "thought" }, step.thought) : null,
    ...shown.map(([node, what]) => make("div", { class: "row", "data-node": node },
      nodeName(node), make("div", { class: "what" }, ...what))));
}
