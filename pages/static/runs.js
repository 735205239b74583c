// The list of runs, and the episodes of one.
import { ask, fixed, inPath, pager, table, to } from "./ask.js";

const { make } = elements;
const RUNS = 20;
const EPISODES = 50;

const when = (seconds) => new Date(seconds * 1000).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });

function stateOf(run) {
  if (run.problem) return make("span", { class: "bad" }, "damaged");
  return run.complete ? "complete" : "under way or interrupted";
}

export async function runsView(asked) {
  const part = await ask("runs", { offset: asked.get("offset"), limit: RUNS });
  const rows = part.runs.map((run) => [
    make("a", { href: to("run", { run: run.name }) }, run.name),
    run.method || "-", run.dataset || "-", String(run.episodes) + (run.failed ? ` (${run.failed} failed)` : ""),
    fixed(run.length, 1), fixed(run.r_traj, 1), when(run.changed), stateOf(run),
  ]);
  const columns = ["run", "method", "dataset", "episodes", "Len", "R_traj", "last change", "state"];
  return {
    parts: [
      make("h2", {}, "Runs"),
      part.of
        ? table("Runs, the newest first", columns, ["method", "dataset", "last change", "state"], rows)
        : make("p", {}, "There is no run yet; make one with billp train, evaluate, compare or play."),
      pager(part, RUNS, (offset) => to("runs", { offset })),
    ],
  };
}

export async function runView(asked) {
  const name = asked.get("run") || "";
  const part = await ask(`runs/${inPath(name)}/episodes`, { offset: asked.get("offset"), limit: EPISODES });
  const { run } = part;
  const rows = part.episodes.map((episode) => [
    make("a", { href: to("episode", { run: name, number: episode.number }) }, `${episode.number}. ${episode.id}`),
    episode.user, String(episode.seed), episode.length === null ? "-" : String(episode.length),
    fixed(episode.r_traj, 1), episode.outcome,
  ]);
  return {
    parts: [
      make("p", { class: "trail" }, make("a", { href: to("runs", {}) }, "← Runs")),
      make("h2", {}, name),
      make("p", { class: "quiet" },
        `${run.method} on ${run.dataset} · mean Len ${run.len_interval}, R_traj ${run.r_traj_interval}` +
        ` · ${run.complete ? "complete" : "under way or interrupted"}`),
      rows.length
        ? table(`Episodes of ${name}`, ["episode", "user", "seed", "Len", "R_traj", "outcome"], ["outcome"], rows)
        : make("p", {}, "It has no episode yet."),
      pager(part, EPISODES, (offset) => to("run", { run: name, offset })),
    ],
  };
}
