"""The dial: what it would be worth if a language model knew which items are liked.

    python -m benchmarks.knowledge [--dataset ml-100k] [--rule distance] [--logs] [--quality 0,0.3,0.8] [--file SCORES]

A stand-in says of every item a number that correlates with the test users' average reward by `quality`, and memory
alone learns with it as with anything known of items: its weight comes from answers. Printed as JSON: R_traj and R_each
of the first 100 test users after 0, 3, 10, 30 and 100 training episodes, for each quality and without the stand-in,
means over seeds, and how far they lie from those without it, with the standard error of that over seeds. `--file` adds
a model's own numbers (JSON, item key to number), and may be given several times. Needs no LLM.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from billp.baselines.rollout import Rollout
from billp.graphs.methods import method_named
from billp.graphs.ranking import MemoryRecommender, believe, stake_of
from billp.graphs.services import Services
from billp.graphs.users import masked_history
from billp.graphs.workshop import Workshop
from billp.memory import Knowledge
from billp.memory.item_values import Observed, known_of
from billp.memory.leaving import LONGEST
from billp.memory.outcomes import Outcome
from billp.settings import QuitRuleName, load_settings
from billp.simulators import World, users_of
from billp.simulators.quit.reasons import HORIZON
from billp.simulators.quit.registry import REASON_NAMES

Floats = NDArray[np.float64]
_POINTS, _USERS, _BATCH = (0, 3, 10, 30, 100), 100, 10
_SEEDS = 2**32


def stand_in(world: World, quality: float, seed: int) -> Floats:
    """(items, 1) numbers that correlate with the average reward of the world's users by about `quality`."""
    items = np.arange(world.n_items)
    means = np.mean([world.model.predict(world.rows(np.full(len(items), user)), items) for user in world.users], axis=0)
    standard = (means - means.mean()) / means.std()
    noise = np.random.default_rng(seed).standard_normal(len(items))
    return np.asarray((quality * standard + np.sqrt(1 - quality**2) * noise)[:, None])


def curve(services: Services, knowledge: Floats | None, *, logs: bool, seed: int) -> dict[int, tuple[float, float]]:
    """R_traj and R_each of the test users after each number of training episodes."""
    catalogue, limits = services.catalogue, services.settings.memory
    known = known_of(catalogue, knowledge)
    observed = services.believer.logs if logs else Observed.nothing(len(catalogue))
    doubt = limits.answer_doubt_with_logs if logs else limits.answer_doubt
    closeness = services.believer.closeness(method_named("billp-memory-only" if logs else "billp-memory-only-no-logs"))
    outcomes: list[Outcome] = []

    def recommender(*, explores: bool) -> MemoryRecommender:
        beliefs = believe(closeness, known, observed, outcomes, answer_doubt=doubt)
        stake = stake_of(beliefs.leaving, services.settings.critic.gamma, services.settings.actor.caution)
        return MemoryRecommender(beliefs, explores, stake, services.settings.actor.variety)

    train, test = services.worlds.train, services.worlds.test
    learners, evaluated = users_of(train, len(train.users), seed), users_of(test, _USERS, test.settings.seed)
    reached: dict[int, tuple[float, float]] = {}
    done = 0
    for point in _POINTS:
        while done < point:
            count = min(_BATCH, point - done)
            users = [learners[(done + place) % len(learners)] for place in range(count)]
            played, left = play(services, train, users, recommender(explores=True), seed + done)
            outcomes += outcomes_of(played, left, done)
            done += count
        played, _ = play(services, test, evaluated, recommender(explores=False), seed)
        sums = played.rewards.sum(axis=1)
        reached[point] = (round(float(sums.mean()), 1), round(float((sums / played.steps).mean()), 3))
    return reached


def play(
    services: Services, world: World, users: list[int], recommender: MemoryRecommender, seed: int
) -> tuple[Rollout, NDArray[np.bool_]]:
    """One episode of each user, and who left."""
    own = [masked_history(services.settings, services.dataset, user) for user in users]
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


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--rule", default="distance", choices=get_args(QuitRuleName))
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--quality", default="0,0.1,0.2,0.3,0.5,0.8")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--file", type=Path, action="append", default=[])
    asked = parser.parse_args()
    workshop = Workshop(load_settings({"run.quit_rule": asked.rule}))
    services = workshop.services(asked.dataset, memory=None, llm=False)
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    arms: dict[str, list[Floats | None]] = {"nothing": [None for _ in seeds]}
    for file in asked.file:
        said = json.loads(file.read_text())
        log_odds = np.array([said.get(item.key, np.nan) for item in services.catalogue], dtype=np.float64)
        column = Knowledge(file.stem, len(said), "", log_odds).column
        arms[file.stem] = [column for _ in seeds]
    for quality in map(float, filter(None, asked.quality.split(","))):
        arms[f"{quality:g}"] = [stand_in(services.worlds.test, quality, seed) for seed in seeds]
    without = np.zeros((len(seeds), len(_POINTS), 2))
    for name, knowledge in arms.items():
        curves = [
            curve(services, said, logs=asked.logs, seed=seed) for seed, said in zip(seeds, knowledge, strict=True)
        ]
        reached = np.array([[found[point] for point in _POINTS] for found in curves])  # (seeds, points, 2)
        without = reached if name == "nothing" else without
        gain = reached - without
        error = gain.std(axis=0, ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else np.full(gain.shape[1:], np.nan)
        told = {"mean": reached.mean(axis=0), "gain": gain.mean(axis=0), "gain_error": error}
        by_point = {what: dict(zip(_POINTS, np.round(row, 3).tolist(), strict=True)) for what, row in told.items()}
        sys.stdout.write(json.dumps({"knowledge": name, **by_point, "by_seed": curves}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
