"""Seconds a step of billp's training with the embedded LLM, 8 episodes side by side, and peak memory.

    python -m benchmarks.episodes [EPISODES]

Needs ml-100k with its simulator. Uses the default prompts and the simulator's own horizon; writes to a temporary
runs folder and to a memory of its own, emptied afterwards.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from billp.experiments.runs.training import train
from billp.experiments.stats.metrics import Summary
from billp.graphs.resources import Resources
from billp.settings import load_settings


async def measure(episodes: int) -> Summary:
    """The summary of one training run."""
    settings = load_settings({"run.side_by_side": 8})
    with tempfile.TemporaryDirectory() as folder:
        async with Resources(settings) as resources:
            summary = await train(
                resources, dataset="ml-100k", method="billp", episodes=episodes, seed=0,
                memory="benchmark", run=Path(folder) / "run", resume=False,
            )  # fmt: skip
            resources.memory("ml-100k", "benchmark").clear()
    return summary


def main() -> None:
    """Prints one JSON object."""
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    started = time.perf_counter()
    summary = uvloop.run(measure(episodes))
    figures = {
        "episodes": summary.episodes,
        "len": summary.len.mean,
        "seconds_per_step": round(summary.seconds_per_step, 3),
        "tokens_per_step": round(summary.tokens_per_step),
        "cached_share": round(summary.cached_share, 2),
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
