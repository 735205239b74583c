"""Writes the calls that the application makes in training to a file, to be replayed against any server.

    python -m benchmarks.gpu.record FILE.jsonl.xz [EPISODES [HORIZON]]

Plays training episodes of billp on ml-100k against an instant fake server, with the prompts of the settings. One line
for each call: the body that was posted. The last line says how many steps these calls served.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.training import train
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.fakes.server import Script, serving

_MEMORY = "benchmark-calls"


async def record(episodes: int, horizon: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The calls in the order they came, and how many calls, steps and episodes there were."""
    script = Script()
    with serving(script) as base_url, tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            {"llm.base_url": base_url, "run.side_by_side": 8, "run.batch": 32, "run.horizon": horizon}
        )
        run = Path(folder) / "run"
        async with Resources(settings) as resources:
            await train(
                resources, dataset="ml-100k", method="billp", episodes=episodes, seed=0,
                memory=_MEMORY, run=run, resume=False,
            )  # fmt: skip
            resources.memory("ml-100k", _MEMORY).clear()
        steps = sum(line.output["length"] for line in read_lines(run) if line.output is not None)
    calls = script.bodies
    return calls, {"calls": len(calls), "steps": steps, "episodes": episodes, "horizon": horizon}


def main() -> None:
    """Writes the file and prints its last line."""
    episodes, horizon = (int(word) for word in (*sys.argv[2:4], *("480", "2")[len(sys.argv[2:4]) :]))
    calls, counts = uvloop.run(record(episodes, horizon))
    with lzma.open(sys.argv[1], "wt", encoding="utf-8") as stream:
        for line in (*calls, counts):
            stream.write(json.dumps(line) + "\n")
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main()
