// Searches memories, shows what each record led to, and forgets.
import { ask, button, change, choice, inTerminal, counted, originOf, pager, to } from "./ask.js";
import { confirmed } from "./dialog.js";
import { fixed, make, signed, stars } from "./elements.js";

const LIMIT = 10;
const KINDS = [["reflections", "reflections"], ["actor", "actor experiences"], ["critic", "critic experiences"]];

const label = (words, control) => make("label", {}, words, " ", control);

// The content of a record, by kind: a reflection's words, what was recommended in a state, the worth of a state.
const says = {
  reflections: ({ text, fields }) => [
    make("p", {}, text),
    make("p", { class: "quiet" }, `after ${fields.length} steps, R_traj ${fixed(fields.reward, 1)}, ${fields.ended}`),
  ],
  actor: ({ text, fields }) => [
    make("p", {}, make("strong", {}, String(fields.item_title)), " ", stars(fields.reward), " advantage ",
      signed(fields.advantage)),
    make("p", { class: "quiet" }, `after ${text || "nothing known"}`),
  ],
  critic: ({ text, fields }) => [
    make("p", {}, "worth ", make("strong", {}, fixed(fields.value, 2))),
    make("p", { class: "quiet" }, `after ${text || "nothing known"}`),
  ],
};

function found(kind, record, forget) {
  const far = record.distance === null ? "" : `distance ${fixed(record.distance, 3)} · `;
  return make("li", { class: "step" }, ...says[kind](record),
    make("p", {}, make("span", { class: "usage" }, record.usage)),
    make("p", { class: "quiet" }, far, "from ", originOf(record.origin)),
    make("div", { class: "foot" }, make("code", {}, record.id),
      button("Forget", () => forget(record), { class: "quiet-button", "aria-label": `Forget ${record.id}` })));
}

function totals(memory) {
  const shown = [...KINDS, ["uses", "episodes learned from"]];
  return make("dl", { class: "totals" }, ...shown.map(([kind, words]) => make("div", {},
    make("dt", {}, words), make("dd", {}, (memory.counts[kind] ?? 0).toLocaleString("en")))));
}

export async function memoryView(asked) {
  const { memories, damaged } = await ask("memories");
  const heading = make("h2", {}, "Memory");
  const faults = damaged.map((sentence) => make("p", { class: "bad" }, sentence));
  if (!memories.length) {
    return { parts: [heading, ...faults, make("p", {}, "No memory holds anything yet. ", make("a", { href: to("start", {}) }, "Train a method"),
      ", or rate what is recommended to you:"), inTerminal("billp play --user YOU --learn")] };
  }
  const names = memories.map((each) => JSON.stringify([each.dataset, each.memory]));
  const wanted = JSON.stringify([asked.get("dataset"), asked.get("memory")]);
  const chosen = names.includes(wanted) ? wanted : names[0];
  const [dataset, memory] = JSON.parse(chosen);
  const filled = KINDS.map(([name]) => name).find((name) => memories[names.indexOf(chosen)].counts[name]);
  const kind = asked.get("kind") in says ? asked.get("kind") : filled || "reflections";
  const text = asked.get("text") || "";
  const held = (each) => Object.values(each.counts).reduce((sum, count) => sum + count, 0).toLocaleString("en");
  const memorySelect = choice({ id: "memory" },
    memories.map((each, at) => [names[at], `${each.memory} of ${each.dataset} (${held(each)})`]), chosen);
  const kindSelect = choice({ id: "kind" }, KINDS, kind);
  const input = make("input", { type: "search", id: "text", value: text, autocomplete: "off", maxlength: 1000,
    placeholder: "comedy after war" });
  const search = (event) => {
    event.preventDefault();
    const [itsDataset, itsMemory] = JSON.parse(memorySelect.value);
    location.hash = to("memory", { dataset: itsDataset, memory: itsMemory, kind: kindSelect.value, text: input.value.trim() });
  };
  const form = make("form", { class: "filters search", onsubmit: search, role: "search" }, label("memory", memorySelect),
    label("kind", kindSelect), label("near to", input), make("button", { type: "submit" }, "Search"));
  memorySelect.addEventListener("change", () => {
    const [itsDataset, itsMemory] = JSON.parse(memorySelect.value);
    location.hash = to("memory", { dataset: itsDataset, memory: itsMemory });
  });
  kindSelect.addEventListener("change", search);
  const offset = Number(asked.get("offset")) || 0;
  const answer = await ask("memory", { dataset, memory, kind, text, offset, limit: LIMIT });
  const link = (start) => to("memory", { dataset, memory, kind, text, offset: start });
  const again = () => window.dispatchEvent(new HashChangeEvent("hashchange"));
  const forget = async (record) => {
    const done = await confirmed("Forget this record?", `${record.text || record.id}: it is gone for good.`, "Forget",
      () => change("memory/removal", { dataset, memory, ids: [record.id] }));
    if (done) again();
  };
  const forgetAll = async () => {
    const all = counted(answer.of, "record");
    const done = await confirmed(`Forget all of ${memory}?`,
      `All that it learned of ${dataset} is gone for good, of this kind alone ${all}. Export it first if you may want it back: `
      + `billp memory export FILE --dataset ${dataset} --memory ${memory}`,
      "Forget all", () => change("memory/removal", { dataset, memory }));
    if (done) again();
  };
  return {
    parts: [
      make("div", { class: "heading" }, heading, button("Forget all", forgetAll, { class: "danger" })),
      ...faults, form, totals(memories[names.indexOf(chosen)]),
      make("ul", { class: "found", "aria-label": "Found" }, ...answer.found.map((record) => found(kind, record, forget))),
      pager(answer, LIMIT, link),
    ],
  };
}
