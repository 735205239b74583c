"""Metrics beyond accuracy: breadth, avoidable quits, and how often users would come back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict

from billp.catalogue import Catalogue
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.graphs.dependencies import Dependencies
from billp.graphs.state import Trajectory, Transition
from billp.simulators import Dataset, Worlds
from billp.simulators.env.visits import ReturnModel, expected_visits
from billp.simulators.quit.reasons import HORIZON

_HEAD = 0.2  # the most popular fifth of the catalogue; everything else is the long tail


class BeyondAccuracy(BaseModel):
    """Metrics of how a method recommends. Shares are None if there was nothing to take a share of."""

    model_config = ConfigDict(frozen=True)

    coverage: float
    """Share of the catalogue that was recommended at least once, to all users together; mean over seeds."""
    diversity: float | None
    """Mean over episodes of the mean Jaccard distance between the categories of two of its items (0 alike, 1 apart)."""
    long_tail: float | None
    """Share of recommendations outside the fifth of the catalogue that train users interacted with most."""
    grounding: float | None
    """Share of items named in free words that were served by just that title; None where all came from shortlists."""
    avoidable_quits: float | None
    """Share of quits where the shortlist held an item that would have kept the user; steps without one left out."""
    visits: float | None = None
    """Expected visits of a user in 30 days, by the model of return times; None in an earlier build."""
    bored_steps_back: dict[str, int]
    """Quits over an earlier item by how many steps back it was."""


def conduct_of(lines: Iterable[EpisodeLine], deps: Dependencies) -> BeyondAccuracy:
    """Returns breadth and avoidable quits of the finished episodes of `lines`, played in the worlds of `deps`."""
    head = _head(deps)
    seen = [(line.in_brief(), _seen(deps, line, line.output)) for line in lines if line.output is not None]
    seen.sort(key=lambda each: (each[0].seed, each[0].user))  # sums of floats depend on it
    done = [each for _, each in seen]
    steps_back = Counter(each.steps_back for each in done if each.steps_back is not None)
    return BeyondAccuracy(
        coverage=_mean(list(_covered(seen, len(deps.catalogue)).values())) or 0.0,
        diversity=_mean([each.diversity for each in done]),
        long_tail=_mean([item not in head for each in done for item in each.items]),
        grounding=_mean([named for each in done for named in each.grounded]),
        avoidable_quits=_mean([each.avoidable for each in done]),
        visits=_mean(list(visits_of([line for line, _ in seen], deps.dataset, deps.worlds).values())),
        bored_steps_back={str(back): steps_back[back] for back in sorted(steps_back)},
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The facts of one finished episode that the metrics need."""

    items: tuple[int, ...]
    grounded: tuple[bool, ...]
    """For each item named in free words: whether exactly that title was served."""
    diversity: float | None
    avoidable: bool | None
    steps_back: int | None
    """How many steps back the item was over which the user left."""


def _seen(deps: Dependencies, line: EpisodeLine, output: Trajectory) -> _Seen:
    steps = output["steps"]
    named = [step for step in steps if step["proposal"] and not step["shortlist"]]
    return _Seen(
        items=tuple(step["item"] for step in steps),
        grounded=tuple(_same(step["proposal"], step["title"]) for step in named),
        diversity=_diversity(deps.catalogue, steps),
        avoidable=_avoidable(deps, line, output),
        steps_back=_steps_back(steps),
    )


def _covered(seen: Sequence[tuple[EpisodeLine, _Seen]], items: int) -> dict[int, float]:
    """Returns by seed the share of the `items` that its users saw."""
    shown: dict[int, set[int]] = {}
    for line, each in seen:
        shown.setdefault(line.seed, set()).update(each.items)
    return {seed: len(found) / items for seed, found in shown.items()}


def _head(deps: Dependencies) -> set[int]:
    count = round(len(deps.catalogue) * _HEAD)
    return {int(item) for item in deps.ranking[:count]}


def _diversity(catalogue: Catalogue, steps: Sequence[Transition]) -> float | None:
    sets = [set(catalogue[step["item"]].categories) for step in steps]
    apart = [1 - len(a & b) / len(a | b) for a, b in combinations(sets, 2) if a | b]
    return sum(apart) / len(apart) if apart else None


def _avoidable(deps: Dependencies, line: EpisodeLine, output: Trajectory) -> bool | None:
    *before, last = output["steps"]
    if output["ended"] == "horizon" or not last["shortlist"]:
        return None
    world = deps.worlds.train if line.split == "train" else deps.worlds.test
    user = deps.dataset.user_index(line.user)
    return bool(world.would_keep(user, [step["item"] for step in before], last["shortlist"]).any())


def _steps_back(steps: Sequence[Transition]) -> int | None:
    *before, last = steps
    if last["too_close_to"] < 0:
        return None
    return [step["item"] for step in before][::-1].index(last["too_close_to"]) + 1


def _same(words: str, title: str) -> bool:
    return " ".join(words.split()).casefold() == " ".join(title.split()).casefold()


def _mean(values: Sequence[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else None


def visits_of(
    lines: Sequence[EpisodeLine], dataset: Dataset, worlds: Worlds, days: int = 30, model: ReturnModel | None = None
) -> dict[str, float]:
    """Returns the expected visits of each user in `days` days under a return `model`, by the user's key.

    On every visit a user has one of his finished episodes in `lines`, all equally likely; how content an episode left
    him is its R_each minus his usual rating. Users without a finished episode are left out.
    """
    episodes: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for line in lines:
        if line.output is not None:
            world = worlds.train if line.split == "train" else worlds.test
            usual = float(world.usual(np.asarray([dataset.user_index(line.user)]))[0])
            left = line.output["ended"] != HORIZON.name
            episodes[line.user].append((line.output["reward_each"] - usual, left))
    returns = model or ReturnModel()
    users = sorted(episodes)
    chances = [
        returns.chances(np.array([content for content, _ in had]), np.array([left for _, left in had]))
        for had in (episodes[user] for user in users)
    ]
    return dict(zip(users, expected_visits(chances, days).tolist(), strict=True))
