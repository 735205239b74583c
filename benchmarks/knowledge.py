"""The dial: what it would be worth if a language model knew which items are liked.

    python -m benchmarks.knowledge [--dataset ml-100k] [--rule distance] [--logs] [--quality 0,0.3,0.8] [--file SCORES]
        [--episodes 0,3,10,30,100] [--seeds 0,1,2] > ROWS
    python -m benchmarks.knowledge --table ROWS ...

A stand-in says of every item a number that correlates with the test users' average reward by `quality`, and memory
alone learns with it as with anything known of items: its weight comes from answers. `--file` adds a model's own numbers
(JSON, item key to number), and may be given several times. Needs no LLM.

The first form prints the stars and steps of the first 100 test users after so many training episodes, one JSON line for
each seed, knowledge and number. Every seed is a training of its own, in which all knowledge meets the same users and
the same draws. Each line with knowledge comes twice. With evidence `own` the knowledge also took
part in training; with `same` it is added to the episodes of the training without it, so that both sides have the same
answers and the same principle of staying, and chance among trainings is no part of their difference.

The second form prints the gains over the trainings without knowledge as a table, with 95% intervals over splits of the
users (one data folder each), trainings and users.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from billp.agents.recommender import Recommender
from billp.baselines.rollout import Rollout
from billp.experiments.stats.intervals import difference_of, mean_of
from billp.experiments.stats.numbers import signed_interval, with_interval
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.ranking import Beliefs, MemoryRecommender, believe, leave_cost_of
from billp.graphs.resources import Resources
from billp.graphs.users import masked_history
from billp.memory import Knowledge
from billp.memory.experiences import Outcome
from billp.memory.item_values import Observed, known_of
from billp.memory.leaving import LONGEST
from billp.settings import load_settings
from billp.simulators import World, users_of
from billp.simulators.quit.reasons import HORIZON
from billp.simulators.quit.registry import REASON_NAMES, RULES

Floats = NDArray[np.float64]
_USERS, _BATCH = 100, 10
_SEEDS = 2**32
_NOTHING = "nothing"


class Row(BaseModel):
    """What one training came to: `stars` and `steps` of each test user."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: int
    seed: int
    knowledge: str
    evidence: Literal["own", "same"]
    episodes: int
    stars: list[float]
    steps: list[int]


def liked_by(world: World) -> Floats:
    """(items,) rating of each item that the world's users would give on average."""
    items = np.arange(world.n_items)
    return np.asarray(
        np.mean([world.model.predict(world.rows(np.full(len(items), user)), items) for user in world.users], axis=0)
    )


def stand_in(world: World, quality: float, seed: int) -> Floats:
    """(items, 1) numbers that correlate with the average reward of the world's users by about `quality`."""
    means = liked_by(world)
    standard = (means - means.mean()) / means.std()
    noise = np.random.default_rng(seed).standard_normal(len(means))
    return np.asarray((quality * standard + np.sqrt(1 - quality**2) * noise)[:, None])


@dataclass(frozen=True)
class Training:
    """One seed's trainings in the worlds of `deps`, with the train users' `logs` or without."""

    deps: Dependencies
    logs: bool
    seed: int

    def episodes(self, knowledge: Floats, points: Sequence[int]) -> dict[int, list[Outcome]]:
        """What memory holds after each number of training episodes with `knowledge`."""
        world = self.deps.worlds.train
        learners = users_of(world, len(world.users), self.seed)
        outcomes: list[Outcome] = []
        held: dict[int, list[Outcome]] = {}
        done = 0
        for point in points:
            while done < point:
                users = [learners[number % len(learners)] for number in range(done, min(done + _BATCH, point))]
                recommender = self._recommender(self._beliefs(knowledge, outcomes), explores=True)
                played, left = play(self.deps, world, users, recommender, self.seed + done)
                outcomes += outcomes_of(played, left, done)
                done += len(users)
            held[point] = list(outcomes)
        return held

    def evaluated(self, knowledge: Floats, outcomes: list[Outcome]) -> tuple[list[float], list[int]]:
        """Stars and steps of each test user with `knowledge` after these outcomes."""
        world = self.deps.worlds.test
        recommender = self._recommender(self._beliefs(knowledge, outcomes), explores=False)
        played, _ = play(self.deps, world, users_of(world, _USERS, world.settings.seed), recommender, self.seed)
        return np.round(played.rewards.sum(axis=1), 3).tolist(), played.steps.tolist()

    def _beliefs(self, knowledge: Floats, outcomes: list[Outcome]) -> Beliefs:
        catalogue, limits, belief_model = self.deps.catalogue, self.deps.settings.memory, self.deps.belief_model
        return believe(
            belief_model.closeness(method_named("billp-memory-only" if self.logs else "billp-memory-only-no-logs")),
            known_of(catalogue, knowledge),
            belief_model.logs if self.logs else Observed.nothing(len(catalogue)),
            outcomes,
            answer_doubt=limits.answer_doubt_with_logs if self.logs else limits.answer_doubt,
        )

    def _recommender(self, beliefs: Beliefs, *, explores: bool) -> MemoryRecommender:
        settings = self.deps.settings
        leave_cost = leave_cost_of(beliefs.leaving, settings.critic.gamma, settings.actor.caution)
        return MemoryRecommender(beliefs, explores, leave_cost, settings.actor.variety)


def rows_of(training: Training, arms: dict[str, Floats], points: Sequence[int]) -> Iterator[Row]:
    """The rows of one seed: first those without knowledge, then those with that of each of the `arms`."""
    split, items = training.deps.worlds.test.settings.seed, len(training.deps.catalogue)
    # A column of equal numbers says nothing, but as many numbers are drawn with it as with any other.
    nothing = np.zeros((items, 1))
    without = training.episodes(nothing, points)

    def row(name: str, knowledge: Floats, evidence: Literal["own", "same"], outcomes: list[Outcome], point: int) -> Row:
        stars, steps = training.evaluated(knowledge, outcomes)
        return Row(
            split=split, seed=training.seed, knowledge=name, evidence=evidence, episodes=point, stars=stars, steps=steps
        )  # fmt: skip

    for point in points:
        yield row(_NOTHING, nothing, "own", without[point], point)
    for name, knowledge in arms.items():
        held = training.episodes(knowledge, points)
        for point in points:
            yield row(name, knowledge, "own", held[point], point)
            if point:
                yield row(name, knowledge, "same", without[point], point)


def play(
    deps: Dependencies, world: World, users: list[int], recommender: Recommender, seed: int
) -> tuple[Rollout, NDArray[np.bool_]]:
    """One episode of each user, and who left."""
    own = [masked_history(deps.settings, deps.dataset, user) for user in users]
    rollout = Rollout(
        world,
        users,
        [()] * len(users),
        own,
        mask_shown=True,
        seed_of=lambda row, step: (seed * 1_000_003 + users[row] * 7919 + step) % _SEEDS,
    )
    left = np.zeros(len(users), dtype=bool)
    for rows, reasons in rollout.play(lambda _, seen: recommender.choose(seen)):
        left[rows] = [REASON_NAMES[reason] != HORIZON.name for reason in reasons]
    return rollout, left


def outcomes_of(played: Rollout, left: NDArray[np.bool_], first: int) -> list[Outcome]:
    """What the episodes, the first of them number `first`, leave in memory."""
    found = []
    for row, count in enumerate(played.steps.tolist()):
        shown = played.shown[row, :count].tolist()
        for step, item in enumerate(shown):
            stars, last = float(played.rewards[row, step]), step + 1 == count
            before = tuple(shown[max(0, step - LONGEST) : step])
            found.append(
                Outcome(f"{first + row:06d}/{step:04d}", "", item, stars, stars, before, bool(left[row]) and last)
            )
    return found


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of a Markdown table: R_traj and stars a step without knowledge, and what knowledge adds to either."""
    points = sorted({row.episodes for row in rows})
    settings_met = dict.fromkeys((row.knowledge, row.evidence) for row in rows)
    yield f"| knowledge | evidence | {' | '.join(f'{point} episodes' for point in points)} |"
    yield f"| --- | --- |{' --- |' * len(points)}"
    for name, evidence in settings_met:
        cells = [_cell(rows, name, evidence, point) for point in points]
        yield f"| {name} | {evidence} | {' | '.join(cells)} |"


def _cell(rows: Sequence[Row], name: str, evidence: str, point: int) -> str:
    mine = [row for row in rows if (row.knowledge, row.evidence, row.episodes) == (name, evidence, point)]
    if not mine:
        return "-"
    pairs = {(row.split, row.seed) for row in mine}
    without = [
        row
        for row in rows
        if (row.knowledge, row.episodes) == (_NOTHING, point) and (row.split, row.seed) in pairs
    ]  # fmt: skip
    told = []
    for a_step, digits in ((False, 1), (True, 2)):
        found, base = _by_split(mine, a_step=a_step), _by_split(without, a_step=a_step)
        if name == _NOTHING:
            told.append(with_interval(mean_of(found, trained=True), digits))
        else:
            told.append(signed_interval(difference_of(found, base, trained=True), digits))
    return f"{told[0]}; {told[1]} a step"


def _by_split(rows: Sequence[Row], *, a_step: bool) -> list[Floats]:
    """For each split (seeds, users) the stars of an episode, or of a step."""
    ordered = sorted(rows, key=lambda row: (row.split, row.seed))
    return [
        np.array([np.array(row.stars) / (np.array(row.steps) if a_step else 1) for row in of_split])
        for _, of_split in groupby(ordered, key=lambda row: row.split)
    ]


def main() -> None:
    """Prints the rows as JSON, or their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--rule", default="distance", choices=RULES)
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--quality", default="0,0.1,0.2,0.3,0.5,0.8")
    parser.add_argument("--episodes", default="0,3,10,30,100")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--file", type=Path, action="append", default=[])
    parser.add_argument("--table", type=Path, nargs="+")
    asked = parser.parse_args()
    if asked.table:
        rows = [Row.model_validate_json(line) for file in asked.table for line in file.read_text().splitlines()]
        sys.stdout.writelines(f"{line}\n" for line in table(rows))
        return
    resources = Resources(load_settings({"run.quit_rule": asked.rule}))
    deps = resources.deps(asked.dataset, memory=None, llm=False)
    told: dict[str, Floats] = {}
    for file in asked.file:
        said = json.loads(file.read_text())
        log_odds = np.array([said.get(item.key, np.nan) for item in deps.catalogue], dtype=np.float64)
        column = Knowledge(file.stem, len(said), "", log_odds).column
        if column is None:
            parser.error(f"{file} says nothing of these items")
        told[file.stem] = column
    points = sorted(map(int, asked.episodes.split(",")))
    for seed in map(int, asked.seeds.split(",")):
        qualities = map(float, filter(None, asked.quality.split(",")))
        stand_ins = {f"{quality:g}": stand_in(deps.worlds.test, quality, seed) for quality in qualities}
        for row in rows_of(Training(deps, asked.logs, seed), told | stand_ins, points):
            sys.stdout.write(row.model_dump_json() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
