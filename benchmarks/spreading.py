"""What it costs to play episodes on Ray's workers: seconds an episode of driver and workers, and bytes that travel.

    python -m benchmarks.spreading [--workers 2] [--method billp] [--episodes 48] [--side-by-side 16]

Needs the extra `scale` and ml-100k with its simulator. Trains the method against an instant fake LLM server in a
process of its own, first for two batches that warm everything, then for `--episodes`; 0 workers are this process alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cloudpickle
import uvloop

from billp.experiments.runs.engine import Engine, engine_of
from billp.experiments.runs.episode_plans import training_plan
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.runner import Runner
from billp.experiments.scale.packing import kit_of
from billp.experiments.scale.worker import Report
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.memory import Freezer
from billp.settings import load_settings
from billp.simulators import users_of

_MARK = "BILLP_RUNS_DIR"
_TICKS = os.sysconf("SC_CLK_TCK")


async def measure(asked: argparse.Namespace, base_url: str, folder: Path) -> dict[str, float]:
    """The costs of one training."""
    settings = load_settings(
        {
            "llm.base_url": base_url,
            "run.side_by_side": asked.side_by_side,
            "run.engine": "ray" if asked.workers else "local",
            "run.workers": asked.workers,
        }
    )
    method = method_named(asked.method)
    async with Resources(settings) as resources:
        memory = resources.memory("ml-100k", "benchmark")
        memory.clear()
        deps = resources.deps("ml-100k", memory="benchmark", llm=method.needs_llm, method=method)
        await resources.check_model(deps)
        resources.embedder.embed(["warm"])
        engine: Engine = await engine_of(resources)
        world = deps.worlds.train
        users = [deps.dataset.user_keys[user] for user in users_of(world, len(world.users), 0)]
        plans = training_plan(users, 2 * asked.batch + asked.episodes, asked.batch, 0)
        if asked.only_play:
            plans = [plan if plan.batch < 2 else replace(plan, learn=False) for plan in plans]
        with RunFolder(folder / "run", {}, {}, resume=False) as run:
            runner = Runner(deps, method, run, horizon=world.horizon, engine=engine)
            await runner.run(plans[: 2 * asked.batch])
            wall, cpu, workers = time.perf_counter(), time.process_time(), _workers_seconds(folder)
            await runner.run(plans[2 * asked.batch :])
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            workers = _workers_seconds(folder) - workers
            lines = [line for line in run.lines() if line.batch >= 2]
        frozen = Freezer(memory).freeze()
        stage = runner._stage(plans[-1:])
        steps = sum(line.output["length"] for line in lines if line.output)
        reports = [Report(((plans[0], line.started, line.output),)) for line in lines if line.output]
        kept = sum(len(cloudpickle.dumps(rows)) for parts in frozen.parts.values() for rows in parts)
        return {
            "episodes": len(lines),
            "steps": steps,
            "wall_ms_step": 1000 * wall / steps,
            "driver_cpu_ms_episode": 1000 * cpu / len(lines),
            "workers_cpu_ms_episode": 1000 * workers / len(lines),
            "bytes_back_an_episode": sum(len(cloudpickle.dumps(report)) for report in reports) / len(lines),
            "bytes_of_memory_an_episode": kept / len(plans),
            "bytes_of_a_kit": len(cloudpickle.dumps(kit_of(stage))),
        }


def _workers_seconds(folder: Path) -> float:
    """CPU seconds of the worker processes that were started below this one."""
    found, mark = 0.0, f"{_MARK}={folder}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"RayWorker" in (process / "cmdline").read_bytes() and mark in (process / "environ").read_bytes():
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                found += (int(fields[11]) + int(fields[12])) / _TICKS
        except OSError:
            continue
    return found


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only-play", action="store_true", help="learn from nothing after the first batches")
    parser.add_argument("--method", default="billp")
    parser.add_argument("--episodes", type=int, default=48)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side-by-side", type=int, default=16)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-m", "tests.fakes.server"], stdout=subprocess.PIPE, text=True) as server,
    ):
        os.environ[_MARK] = folder
        try:
            base_url = server.stdout.readline().strip() if server.stdout else ""
            found = uvloop.run(measure(asked, base_url, Path(folder)))
        finally:
            server.terminate()
    sys.stdout.write(json.dumps({**vars(asked), **{name: round(value, 1) for name, value in found.items()}}) + "\n")


if __name__ == "__main__":
    main()
