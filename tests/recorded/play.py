"""The small recorded run that the tests replay: what it consists of, and how it is recorded anew.

    python -m tests.recorded.play

plays it with the embedded LLM and replaces what lies in `tests/recorded/files`: the tiny dataset with its simulator,
the tape, and the episodes that came of it. To be done, and committed, whenever prompts, agents, graph or simulator
change on purpose.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from billp.experiments.runs.evaluation import evaluate
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.training import train
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import SpreadEmbedder

FILES = Path(__file__).parent / "files"
DATA, TAPE, EPISODES = "data", "tape.sqlite", "episodes.json"
Episodes = dict[str, dict[str, Any]]


async def play(home: Path, tape_file: Path, mode: str) -> Episodes:
    """Trains on four episodes in two batches and evaluates on two users, in `home`, whose data folder is there.

    In a third run the LLM chooses in place of memory. Returns the lines of all runs without times, by run and id.
    """
    settings = load_settings(
        {
            "data_dir": home / DATA, "runs_dir": home / "runs", "run.tape": mode, "run.tape_file": tape_file,
            "run.batch": 2, "run.horizon": 6, "run.side_by_side": 2, "critic.always": True,
            "actor.mask_history": False, "memory.actor_distance": 4.0, "memory.critic_distance": 4.0,
        }
    )  # fmt: skip
    found: Episodes = {}
    async with Resources(settings, embedder=SpreadEmbedder()) as resources:
        common: dict[str, Any] = {"dataset": "tiny", "memory": "recorded", "resume": False}
        for name, method in (("train", "billp"), ("evaluate", "billp"), ("evaluate-llm", "billp-llm-only")):
            run = settings.runs_dir / name
            if name == "train":
                await train(resources, method=method, episodes=4, seed=0, run=run, **common)
            else:
                await evaluate(resources, method=method, users=2, seeds=[0], run=run, **common)
            for line in read_lines(run):
                found[f"{name}/{line.id}"] = line.model_dump(mode="json", exclude={"started", "ended"})
    return dict(sorted(found.items()))


def record() -> None:
    """Records the run anew into `FILES`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        put_tiny(home / DATA, home / "source")
        shutil.copytree(home / DATA, home / "files" / DATA)  # before the run adds memory, vectors and a model to it
        episodes = asyncio.run(play(home, home / "files" / TAPE, "record"))
        (home / "files" / EPISODES).write_text(json.dumps(episodes, indent=1, ensure_ascii=False) + "\n")
        shutil.rmtree(FILES, ignore_errors=True)
        shutil.copytree(home / "files", FILES)


if __name__ == "__main__":
    record()
