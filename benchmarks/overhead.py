"""Milliseconds a step of everything but the LLM: graph, memory, embedding, HTTP client, simulator, records.

    python -m benchmarks.overhead

Needs ml-100k with its simulator (`billp demo` or `billp data fetch` and `billp simulator build ml-100k`). Runs
billp's training episodes, 8 side by side, against an instant fake server in a process of its own, so that what the
server itself costs is on the other core. Writes to a temporary runs folder and to a memory of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import uvloop

from billp.experiments.training import train
from billp.graphs.workshop import Workshop
from billp.settings import load_settings

_ROUNDS, _EPISODES = 5, 24


async def measure(base_url: str) -> list[float]:
    """Seconds a step of each round; one more round before them opens and warms everything."""
    settings = load_settings({"llm.base_url": base_url, "run.side_by_side": 8})
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        settings = settings.model_copy(update={"runs_dir": Path(folder)})
        async with Workshop(settings) as workshop:
            workshop.embedder.embed(["warm"])
            for seed in range(_ROUNDS + 1):
                summary = await train(
                    workshop, dataset="ml-100k", method="billp", episodes=_EPISODES, seed=seed,
                    memory="benchmark", run=Path(folder) / str(seed), resume=False,
                )  # fmt: skip
                figures.append(summary.seconds_per_step)
            workshop.memory("ml-100k", "benchmark").clear()
    return figures[1:]


def main() -> None:
    """Prints one JSON object."""
    with subprocess.Popen([sys.executable, "-m", "tests.fakes.server"], stdout=subprocess.PIPE, text=True) as server:
        try:
            rounds = uvloop.run(measure(server.stdout.readline().strip() if server.stdout else ""))
        finally:
            server.terminate()
    milliseconds = [round(1000 * seconds, 1) for seconds in rounds]
    sys.stdout.write(json.dumps({"ms_per_step_median": statistics.median(milliseconds), "rounds": milliseconds}) + "\n")


if __name__ == "__main__":
    main()
