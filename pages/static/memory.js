// Searches memories.
import { ask, fixed, originOf, pager, to } from "./ask.js";

const { make, signed, stars } = elements;
const LIMIT = 10;
const KINDS = [["reflections", "reflections"], ["actor", "actor experiences"], ["critic", "critic experiences"]];

const label = (words, control) => make("label", {}, words, " ", control);

function choice(id, options, chosen) {
  return make("select", { id }, ...options.map(([value, words]) =>
    make("option", value === chosen ? { value, selected: "" } : { value }, words)));
}

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

function found(kind, record) {
  const far = record.distance === null ? "" : `distance ${fixed(record.distance, 3)} · `;
  return make("li", { class: "step" }, ...says[kind](record),
    make("p", { class: "quiet" }, far, "from ", originOf(record.origin)));
}

export async function memoryView(asked) {
  const { memories } = await ask("memories");
  const heading = make("h2", {}, "Memory");
  if (!memories.length) {
    return { parts: [heading, make("p", {}, "No memory holds anything yet; learn with billp train or play --learn.")] };
  }
  const names = memories.map((each) => JSON.stringify([each.dataset, each.memory]));
  const wanted = JSON.stringify([asked.get("dataset"), asked.get("memory")]);
  const chosen = names.includes(wanted) ? wanted : names[0];
  const [dataset, memory] = JSON.parse(chosen);
  const kind = asked.get("kind") in says ? asked.get("kind") : "reflections";
  const text = asked.get("text") || "";
  const memorySelect = choice("memory", memories.map((each, at) => [names[at], `${each.memory} of ${each.dataset}`]), chosen);
  const kindSelect = choice("kind", KINDS, kind);
  const input = make("input", { type: "search", id: "text", value: text, autocomplete: "off", maxlength: 1000,
    placeholder: "comedy after war" });
  const search = (event) => {
    event.preventDefault();
    const [itsDataset, itsMemory] = JSON.parse(memorySelect.value);
    location.hash = to("memory", { dataset: itsDataset, memory: itsMemory, kind: kindSelect.value, text: input.value.trim() });
  };
  const form = make("form", { class: "filters search", onsubmit: search, role: "search" }, label("memory", memorySelect),
    label("kind", kindSelect), label("near to", input), make("button", { type: "submit" }, "Search"));
  memorySelect.addEventListener("change", search);
  kindSelect.addEventListener("change", search);
  const offset = Number(asked.get("offset")) || 0;
  const answer = await ask("memory", { dataset, memory, kind, text, offset, limit: LIMIT });
  const link = (start) => to("memory", { dataset, memory, kind, text, offset: start });
  return {
    parts: [
      heading, form,
      make("ul", { class: "found", "aria-label": "Found" }, ...answer.found.map((record) => found(kind, record))),
      pager(answer, LIMIT, link),
    ],
  };
}
