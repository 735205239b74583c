// Puts data into a page as elements with text, never as markup.
export function make(tag, settings, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(settings || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

export const block = (heading, ...children) => make("div", { class: "block" }, make("h4", {}, heading), ...children);
export const told = (text) => make("div", { class: "told" }, make("p", {}, text));

export function stars(reward) {
  const full = Math.max(0, Math.min(5, Math.round(reward)));
  return make("span", { class: "stars", role: "img", "aria-label": `reward ${reward} of 5` },
    "★".repeat(full) + "☆".repeat(5 - full));
}

// Numbers as text, as experiments/stats/numbers.py writes them: no zero has a sign.
export const fixed = (number, digits) => {
  if (number === null) return "-";
  const text = number.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
};
export const plus = (number) => (Number(number.toFixed(2)) > 0 ? "+" : "") + fixed(number, 2);

export function signed(number) {
  return make("strong", { class: number < 0 ? "bad" : "good" }, plus(number));
}

// Unpacks what reports/compact_json.py packed: `layout` is a class, a list of one such, "text", or "" for a plain value.
export function unpack(data, layout, packed) {
  if (packed === null || layout === "") return packed;
  if (Array.isArray(layout)) return packed.map((each) => unpack(data, layout[0], each));
  if (layout === "text") return packed < 0 ? "" : data.texts[packed];
  const values = layout in data.shared ? data.shared[layout][packed] : packed;
  return Object.fromEntries(data.layouts[layout].map(([name, its], at) => [name, unpack(data, its, values[at])]));
}
