// Shows the view that the part of the address after # names, so that going back and bookmarks work.
import { make } from "./elements.js";

const main = document.getElementById("main");
let [views, home] = [{}, ""];
let leave = () => {};
let turn = 0;

// A view returns its parts, the heading first, and optionally a function to call when it is left.
async function show(moved) {
  const mine = (turn += 1);
  const asked = new URLSearchParams(location.hash.slice(1));
  const name = Object.hasOwn(views, asked.get("view")) ? asked.get("view") : home;
  leave();
  leave = () => {};
  wait(true);
  const place = document.getElementById(`to-${name}`) ? name : home;
  for (const link of document.querySelectorAll(".top nav a")) mark(link, link.id === `to-${place}`);
  let made;
  try {
    made = await views[name](asked);
  } catch (error) {
    const again = setTimeout(() => mine === turn && show(false), 5000);
    made = {
      parts: [
        make("h2", {}, "This did not work"),
        make("p", { class: "bad", role: "alert" }, error.message),
        make("p", { class: "quiet" }, "It is tried again every few seconds."),
        make("p", {}, make("a", { href: `#view=${home}` }, "← Back to the beginning")),
      ],
      leave: () => clearTimeout(again),
    };
  }
  if (mine !== turn) {
    if (made.leave) made.leave();
    return;
  }
  wait(false);
  main.replaceChildren(...made.parts);
  leave = made.leave || leave;
  const heading = main.querySelector("h2");
  document.title = `${heading.textContent} - billp`;
  heading.tabIndex = -1;
  if (moved) {
    heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  if (made.shown) made.shown();
}

// The first search takes seconds, while the embedding model is loaded.
function wait(on) {
  main.setAttribute("aria-busy", String(on));
  document.getElementById("waiting").textContent = on ? "Loading ..." : "";
}

function mark(link, here) {
  if (here) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

// Begins with the view that the address names, or else with the one called `first`.
export function begin(all, first) {
  [views, home] = [all, first];
  window.addEventListener("hashchange", () => show(true));
  show(false);
}
