// Small windows that ask before something is changed. The browser keeps the focus in them, and Esc closes them.
import { button } from "./ask.js";
import { make } from "./elements.js";

function opened(title, act, danger, parts, value) {
  return new Promise((resolve) => {
    const problem = make("p", { class: "bad", role: "alert" });
    const go = make("button", { type: "submit", class: danger ? "danger" : "primary" }, act.words);
    const form = make("form", { method: "dialog", onsubmit: send }, make("h2", { id: "asked" }, title), ...parts, problem,
      make("div", { class: "actions" }, button("Cancel", () => box.close()), go));
    const box = make("dialog", { "aria-labelledby": "asked", onclose: () => {
      box.remove();
      resolve(done);
    } }, form);
    let done = null;
    async function send(event) {
      event.preventDefault();
      go.disabled = true;
      try {
        done = await act.work(value());
        box.close();
      } catch (error) {
        problem.textContent = error.message;
        go.disabled = false;
      }
    }
    document.body.append(box);
    box.showModal();
  });
}

// Asks whether `words` are meant; what `work` came to, or null where they are not. A failure is said in the window.
export const confirmed = (title, words, name, work) =>
  opened(title, { words: name, work }, true, [make("p", {}, words)], () => null);

// Asks for a text, and gives it to `work`.
export function named(title, label, before, name, work) {
  const input = make("input", { type: "text", value: before, maxlength: 120, required: "", autocomplete: "off" });
  return opened(title, { words: name, work }, false, [make("label", { class: "field" }, make("span", {}, label), input)], () => input.value.trim());
}
