"""Memory and file descriptors of a long run with an instant LLM, 64 episodes side by side.

    python -m benchmarks.flatness [EPISODES [METHOD]]

Needs ml-100k with its simulator. One run against a fake server in a process of its own: training of billp with the
Critic asked at every step, where memory holds more from step to step, or the evaluation of a method that has no memory,
such as act-only, where only the recorded episodes do. Prints a JSON object for every 1,000 steps (resident memory, open
descriptors, threads), and at the end how much memory a further 1,000 steps take, fitted to the second half.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from billp.commands.running import run_to_end
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.evaluation import evaluate
from billp.experiments.runs.training import train
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.settings import load_settings

_EVERY = 1000
_USERS = 100
_MEMORY = "benchmark-flatness"


class Gauge:
    """Takes the process's measure every so many steps."""

    def __init__(self) -> None:
        self.steps, self.samples = 0, list[tuple[int, float]]()
        self._started = time.perf_counter()

    def heard(self, line: EpisodeLine) -> None:
        """Counts the steps of an episode that is over."""
        before = self.steps // _EVERY
        self.steps += len(line.output["steps"]) if line.output is not None else 0
        if self.steps // _EVERY > before or not self.samples:
            self._sample()

    def _sample(self) -> None:
        gc.collect()  # what Python has yet to collect is no leak
        megabytes = (
            int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        )
        self.samples.append((self.steps, megabytes))
        figures = {
            "steps": self.steps,
            "rss_mb": round(megabytes),
            "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 -- not paths
            "threads": threading.active_count(),
            "seconds": round(time.perf_counter() - self._started),
        }
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()


async def measure(base_url: str, episodes: int, method: str, gauge: Gauge) -> None:
    """One run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            {"llm.base_url": base_url, "run.side_by_side": 64, "run.batch": 64, "critic.always": True}
        )
        async with Resources(settings) as resources:
            if not method_named(method).remembers:
                await evaluate(
                    resources, dataset="ml-100k", method=method, users=_USERS,
                    seeds=list(range(episodes // _USERS + 1)), memory="", run=Path(folder) / "run", resume=False,
                    on_episode=gauge.heard,
                )  # fmt: skip
                return
            resources.memory("ml-100k", _MEMORY).clear()
            await train(
                resources, dataset="ml-100k", method=method, episodes=episodes, seed=0, memory=_MEMORY,
                run=Path(folder) / "run", resume=False,
                    on_episode=gauge.heard,
            )  # fmt: skip
            resources.memory("ml-100k", _MEMORY).clear()


def main() -> None:
    """Prints JSON objects, a line each."""
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 700
    method = sys.argv[2] if len(sys.argv) > 2 else "billp"
    gauge = Gauge()
    with subprocess.Popen([sys.executable, "-m", "tests.fakes.server"], stdout=subprocess.PIPE, text=True) as server:
        try:
            run_to_end(
                lambda: measure(server.stdout.readline().strip() if server.stdout else "", episodes, method, gauge)
            )
        finally:
            server.terminate()
    half = np.array([sample for sample in gauge.samples if sample[0] >= gauge.steps / 2])
    slope = float(np.polyfit(half[:, 0], half[:, 1], 1)[0]) if len(half) > 1 else float("nan")
    sys.stdout.write(json.dumps({"steps": gauge.steps, "mb_per_1000_steps": round(1000 * slope, 2)}) + "\n")


if __name__ == "__main__":
    main()
