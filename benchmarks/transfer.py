"""What more experience is worth to other users: stars, and how well liked in both worlds what is shown is.

    python -m benchmarks.transfer [--dataset ml-100k] [--rule distance] [--logs] [--seeds 0,1]
        [--episodes 10,30,100,300] > ROWS
    python -m benchmarks.transfer --table ROWS ...

The first form prints one JSON line for each seed and number of training episodes of `billp-memory-only`, without the
train users' logs unless `--logs` is given: the mean stars and steps of the first 100 test users, the mean that all
users of the train world and of the test world would give the items shown, and the share of these items that fewer than
ten train users rated. With episodes `all` it prints the same for the 50 items with the highest means in the train
world, and with `rated` for the 50 best of those that ten or more train users rated. The second form prints the means
over splits and seeds as a table. Needs no LLM.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmarks.knowledge import Training, liked_by, play
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.settings import load_settings
from billp.simulators import users_of
from billp.simulators.quit.registry import RULES

_USERS, _BEST, _FEW = 100, 50, 10


class Row(BaseModel):
    """What the items shown are worth; `stars` and `steps` of an episode are None where nobody was met."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: int
    seed: int
    episodes: str
    stars: float | None = None
    steps: float | None = None
    train_mean: float
    test_mean: float
    rarely_rated: float


def rows_of(training: Training, points: Sequence[int]) -> Iterator[Row]:
    """The rows of one seed."""
    deps, seed = training.deps, training.seed
    train, test, ratings = liked_by(deps.worlds.train), liked_by(deps.worlds.test), deps.belief_model.logs.counts
    world = deps.worlds.test

    def row(episodes: str, items: NDArray[np.int64], stars: float | None = None, steps: float | None = None) -> Row:
        return Row(
            split=world.settings.seed, seed=seed, episodes=episodes, stars=stars, steps=steps,
            train_mean=float(train[items].mean()), test_mean=float(test[items].mean()),
            rarely_rated=float((ratings[items] < _FEW).mean()),
        )  # fmt: skip

    method = method_named("billp-memory-only" if training.logs else "billp-memory-only-no-logs")
    users = users_of(world, min(_USERS, len(world.users)), world.settings.seed)
    for point, outcomes in training.episodes(np.zeros((len(train), 1)), points).items():
        beliefs = deps.belief_model.after(method, outcomes)
        played, _ = play(deps, world, users, deps.belief_model.recommender_by(beliefs, method, explores=False), seed)
        shown = played.shown[played.shown >= 0].astype(np.int64)
        yield row(str(point), shown, float(played.rewards.sum(axis=1).mean()), float(played.steps.mean()))
    best = np.argsort(-train)
    yield row("all", best[:_BEST])
    yield row("rated", best[ratings[best] >= _FEW][:_BEST])


def table(rows: Sequence[Row]) -> str:
    """Markdown: means over splits and seeds after each number of episodes."""
    lines = [
        "| episodes | R_traj | Len | mean in the train world | mean in the test world | rated by fewer than ten |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for episodes in dict.fromkeys(row.episodes for row in rows):
        mine = [row for row in rows if row.episodes == episodes]
        told = [
            "-" if None in found else f"{np.mean(np.array(found, dtype=float)):.1f}"
            for found in ([row.stars for row in mine], [row.steps for row in mine])
        ]
        told += [f"{np.mean([getattr(row, name) for row in mine]):.2f}" for name in ("train_mean", "test_mean")]
        lines.append(f"| {episodes} | {' | '.join(told)} | {np.mean([row.rarely_rated for row in mine]):.0%} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints JSON lines, or a table of such."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--rule", default="distance", choices=RULES)
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--episodes", default="10,30,100,300")
    parser.add_argument("--table", type=Path, nargs="+")
    asked = parser.parse_args()
    if asked.table:
        lines = [line for file in asked.table for line in file.read_text(encoding="utf-8").splitlines()]
        sys.stdout.write(table([Row.model_validate_json(line) for line in lines]))
        return
    resources = Resources(load_settings({"run.quit_rule": asked.rule}))
    deps = resources.deps(asked.dataset, memory=None, llm=False)
    for seed in map(int, asked.seeds.split(",")):
        for row in rows_of(Training(deps, asked.logs, seed), sorted(map(int, asked.episodes.split(",")))):
            sys.stdout.write(row.model_dump_json() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
