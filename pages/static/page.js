// The page that a server answers: every view.
import { compareView } from "./compare.js";
import { memoryView } from "./memory.js";
import { episodeView } from "./replay.js";
import { begin } from "./router.js";
import { runView } from "./run.js";
import { runsView } from "./runs.js";
import { startView } from "./start.js";

begin({
  runs: runsView, run: runView, compare: compareView, episode: episodeView, start: startView, memory: memoryView,
}, "runs");
