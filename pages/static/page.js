// The page's views, chosen by the part of its address after #, so that going back and bookmarks work.
import { episodeView } from "./replay.js";
import { memoryView } from "./memory.js";
import { compareView } from "./compare.js";
import { runView } from "./run.js";
import { runsView } from "./runs.js";
import { startView } from "./start.js";

const { make } = elements;
const views = {
  runs: runsView, run: runView, compare: compareView, episode: episodeView, start: startView, memory: memoryView,
};
const PLACES = ["runs", "start", "memory"]; // in the bar; what is in neither of the last two belongs to the first
const main = document.getElementById("main");
let leave = () => {};
let turn = 0;

// A view returns its parts, the heading first, and optionally a function to call when it is left.
async function show(moved) {
  const mine = (turn += 1);
  const asked = new URLSearchParams(location.hash.slice(1));
  const name = Object.hasOwn(views, asked.get("view")) ? asked.get("view") : "runs";
  leave();
  leave = () => {};
  wait(true);
  const place = PLACES.includes(name) ? name : "runs";
  for (const each of PLACES) mark(`to-${each}`, each === place);
  let made;
  try {
    made = await views[name](asked);
  } catch (error) {
    const again = setTimeout(() => mine === turn && show(false), 5000);
    made = {
      parts: [
        make("h2", {}, "This did not work"),
        make("p", { class: "bad", role: "alert" }, error.message),
        make("p", {}, "It is tried again every few seconds."),
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

function mark(id, here) {
  const link = document.getElementById(id);
  if (here) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

window.addEventListener("hashchange", () => show(true));
show(false);
