"""Checks of a simulator: whether its users have a taste of their own, and whether its worlds agree.

The thresholds separate logs that a simulator can be built on from logs that say nothing. Examples of the former are
MovieLens-100k with three seeds, its first 100 users alone, and MovieLens-1M; of the latter MovieLens-100k with its
ratings shuffled, with each item's mean and noise in place of ratings, and with 95% of them set to 5.

| | RMSE below item means | commonest star | averages apart | items' correlation |
| --- | --- | --- | --- | --- |
| sound | 9% to 14% | 42% to 49% | 0.07 to 0.29 | 0.45 to 0.76 |
| shuffled | 1%, 4% | 75%, 77% | 0.00 | 0.07 |
| item means and noise | -1%, 0% | 63%, 55% | 0.14 | 0.67 |
| nearly all 5 | 2%, 5% | 100%, 100% | 0.02 | 0.09 |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from billp.simulators.env.world import World, Worlds
from billp.simulators.rating.base import Floats

GAIN = 0.04
"""The share by which a model's RMSE must be below that of item means; shrinking the means alone reaches 1% to 4%."""

BETTER = 0.01
"""The share by which the other model must be better in the test world for the worlds to disagree on the model."""

ONE_VALUE = 0.9
"""When this share of the answers is one number of stars, nothing can be learned from them."""

APART = 0.3
"""When the two worlds' average answers differ by this many stars, one world's figures say little of the other's."""

ALIKE = 0.3
"""The correlation that the items' average answers in the two worlds must have."""

TOGETHER = 3.0
"""Pairs of items must be too close in both worlds so many times as often as by chance.

MovieLens-100k and -1M have 9 to 14, made-up logs of goods, music, games, videos and a shop 5 to 11, logs without
telling categories 1 to 3 (MovieLens-100k fitted without them 2 to 3).
"""

_PAIRS = 20_000  # pairs of items drawn for it
_USERS, _ITEMS = 200, 2000  # asked of each world: a million answers at most


@dataclass(frozen=True, eq=False)
class _Answers:
    """Answers of some users of a world to some items: each item's average in stars, and the shares of the stars."""

    items: Floats
    shares: Floats  # of 1 to 5 stars


def concerns(worlds: Worlds) -> list[str]:
    """Returns one sentence for each concern about the simulator; none if there is no concern.

    Concerns are a model that is hardly better than item means, answers that are nearly all one star value, and worlds
    that disagree: on which model is better, on how much is liked, on which items are, or on which are alike.
    """
    said: list[str] = []
    for world in (worlds.train, worlds.test):
        errors = world.accuracy.rmse
        if errors.model > (1 - GAIN) * errors.item_mean:
            said.append(
                f"The {world.split} world's model (RMSE {errors.model:.3f}) is hardly better than the items' means "
                f"({errors.item_mean:.3f}): its users have no taste of their own; give more ratings a user."
            )
    train, test = _asked(worlds.train), _asked(worlds.test)
    for world, answers in ((worlds.train, train), (worlds.test, test)):
        most = int(answers.shares.argmax())
        if answers.shares[most] >= ONE_VALUE:
            said.append(
                f"{answers.shares[most]:.0%} of what the users of the {world.split} world answer is {most + 1} stars: "
                "no recommendation can be told from another; give ratings that differ, or build with "
                "--set simulator.reward_rounding=none, so that rewards are not rounded to whole stars."
            )
    return said + _disagreements(worlds, train, test)


def _disagreements(worlds: Worlds, train: _Answers, test: _Answers) -> list[str]:
    said: list[str] = []
    choice = worlds.choice
    if choice is not None and len(choice.test) > 1:
        other = min(choice.test, key=lambda kind: choice.test[kind])
        if choice.test[other] < (1 - BETTER) * choice.test[choice.kind]:
            said.append(
                f"The worlds disagree on the model: both use {choice.kind}, and in the test world {other} is better "
                f"({choice.test[other]:.3f} against {choice.test[choice.kind]:.3f} stars off). For "
                f"{other} in both, build it again with --set simulator.model={other}."
            )
    averages = [float(answers.items.mean()) for answers in (train, test)]
    if abs(averages[0] - averages[1]) >= APART:
        said.append(
            f"The worlds disagree on how much is liked: {averages[0]:.2f} stars on average in the train world, "
            f"{averages[1]:.2f} in the test world; give more users, or another simulator.seed."
        )
    if min(train.items.std(), test.items.std()) > 0:
        alike = float(np.corrcoef(train.items, test.items)[0, 1])
        if alike < ALIKE:
            said.append(
                f"The worlds disagree on what is liked: the items' averages correlate by {alike:.2f} only; "
                "what is learned from train users may not hold for test users; give more ratings an item."
            )
    return said + _closeness(worlds)


def _closeness(worlds: Worlds) -> list[str]:
    """Returns the sentence where what is too close in one world is hardly more often so in the other than by chance."""
    rng = np.random.default_rng(worlds.train.settings.seed)
    left, right = rng.integers(worlds.train.n_items, size=(2, _PAIRS))
    left, right = left[left != right], right[left != right]
    train, test = (
        np.linalg.norm(world.vectors[left] - world.vectors[right], axis=1) < world.beta
        for world in (worlds.train, worlds.test)
    )
    shares = float(train.mean()) if len(train) else 0.0, float(test.mean()) if len(test) else 0.0
    # Where a large share is close, it can't be so many times as often in both.
    if not 0 < max(shares) < 1 / TOGETHER or min(shares) == 0:
        return []
    again = float((train & test).mean()) / shares[0]
    if again >= TOGETHER * shares[1]:
        return []
    return [
        f"The worlds disagree on what is alike: of the pairs of items too close in the train world {again:.0%} are so "
        f"in the test world ({shares[1]:.0%} would be by chance); under rules that look at distances, what keeps train "
        "users may not keep test users; give items categories, or more ratings an item."
    ]


def _asked(world: World) -> _Answers:
    """Returns answers of users and items drawn with the same seed for each world, so that the items are the same."""
    rng = np.random.default_rng(world.settings.seed)
    items = rng.permutation(world.n_items)[:_ITEMS]
    users = rng.permutation(world.users)[:_USERS]
    totals, counts = np.zeros(len(items)), np.zeros(6)
    for user in users:
        predicted = world.model.predict(world.rows(np.full(len(items), user)), items)
        totals += np.clip(predicted, 1, 5)
        counts += np.bincount(world.reward(int(user), items).astype(np.int64), minlength=6)
    return _Answers((totals / len(users)).astype(np.float32), (counts[1:] / max(1.0, counts.sum())).astype(np.float32))
