// The page as a file: the runs that it holds, and their episodes.
import { compareView } from "./compare.js";
import { episodeView } from "./replay.js";
import { begin } from "./router.js";

begin({ report: compareView, episode: episodeView }, "report");
