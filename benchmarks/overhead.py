"""Milliseconds a step of everything but the LLM: graph, memory, embedding, HTTP client, simulator, records.

    python -m benchmarks.overhead [--method billp] [--side-by-side 8]

Needs ml-100k with its simulator (`billp demo` or `billp data fetch` and `billp simulator build ml-100k`). Runs the
method's training episodes, so many side by side, against an instant fake server in a process of its own, so that what
the server itself costs is on the other core. Writes to a temporary runs folder and to a memory of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from billp.experiments.training import train
from billp.graphs.workshop import Workshop
from billp.settings import load_settings

_ROUNDS, _EPISODES = 5, 24


async def measure(base_url: str, method: str, side_by_side: int) -> dict[str, list[float]]:
    """Milliseconds a step of each round, by the clock and of this process's CPU; a round before them warms all."""
    settings = load_settings({"llm.base_url": base_url, "run.side_by_side": side_by_side})
    wall, cpu = [], []
    with tempfile.TemporaryDirectory() as folder:
        settings = settings.model_copy(update={"runs_dir": Path(folder)})
        async with Workshop(settings) as workshop:
            workshop.embedder.embed(["warm"])
            for seed in range(_ROUNDS + 1):
                started = time.process_time()
                summary = await train(
                    workshop, dataset="ml-100k", method=method, episodes=_EPISODES, seed=seed,
                    memory="benchmark", run=Path(folder) / str(seed), resume=False,
                )  # fmt: skip
                steps = summary.episodes * (summary.len.mean or 0.0)
                wall.append(round(1000 * summary.seconds_per_step, 1))
                cpu.append(round(1000 * (time.process_time() - started) / steps, 1))
            workshop.memory("ml-100k", "benchmark").clear()
    return {"wall_ms": wall[1:], "cpu_ms": cpu[1:]}


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--method", default="billp")
    parser.add_argument("--side-by-side", type=int, default=8)
    asked = parser.parse_args()
    with subprocess.Popen([sys.executable, "-m", "tests.fakes.server"], stdout=subprocess.PIPE, text=True) as server:
        try:
            base_url = server.stdout.readline().strip() if server.stdout else ""
            rounds = uvloop.run(measure(base_url, asked.method, asked.side_by_side))
        finally:
            server.terminate()
    medians = {f"median_{name}": statistics.median(values) for name, values in rounds.items()}
    sys.stdout.write(json.dumps({**vars(asked), **medians, **rounds}) + "\n")


if __name__ == "__main__":
    main()
