"""Summaries of datasets and worlds, to be shown or printed as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from billp.settings import ModelKind, QuitRuleName, Rounding
from billp.simulators.data.dataset import Dataset
from billp.simulators.data.import_report import ImportReport
from billp.simulators.data.importers.categories import torn_apart
from billp.simulators.data.mapping import ColumnMapping
from billp.simulators.env.world import Split, World, Worlds
from billp.simulators.quit.registry import rule_named
from billp.simulators.rating.model_choice import ModelChoice
from billp.simulators.rating.soundness import concerns
from billp.simulators.reference_policies import Outcome, PolicyName, policy_outcomes, policy_users

_SAMPLED_PAIRS = 100_000


class _Summary(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetInfo(_Summary):
    """A dataset: sizes, how often each number of stars (half a star rounded up) was given, items of each category.

    `negatives` counts the sampled pairs of an implicit log; no other number includes them. `torn_apart` says why the
    categories look wrongly split, None if they do not. `intake` says how the log was imported, None if its files are
    copies.
    """

    name: str
    users: int
    items: int
    interactions: int
    negatives: int
    rating_histogram: dict[str, int]
    categories: dict[str, int]
    torn_apart: str | None
    mapping: ColumnMapping
    fingerprint: str
    intake: ImportReport | None


class WorldInfo(_Summary):
    """One world: sizes, quit rule, errors in stars, and the share of each number of stars over random users and items.

    `window`, `beta` (None if the rule does not work on distances) and `parameters`, by the settings' names, are those
    of the quit rule; `min_reward` is None if no single rating makes users leave. `too_low` is the share of random users
    and items whose rating, as the quit rule sees it, is below `min_reward`. `policies` holds the outcome of one episode
    of each of `policy_users` users under policies that do not learn.
    """

    split: Split
    users: int
    items: int
    interactions: int
    quit_rule: QuitRuleName
    window: int
    beta: float | None
    parameters: dict[str, float]
    repeats: bool
    min_reward: float | None
    reward_rounding: Rounding
    judgement_rounding: Rounding
    too_low: float | None
    horizon: int
    model: ModelKind
    rmse: dict[str, float]
    mae: dict[str, float]
    reward_histogram: dict[str, float]
    policy_users: int
    policies: dict[PolicyName, Outcome]
    seed: int


class WorldsInfo(_Summary):
    """Both worlds of a dataset, why they use their rating model, and concerns about them."""

    name: str
    fingerprint: str
    train: WorldInfo
    test: WorldInfo
    choice: ModelChoice | None
    concerns: list[str]


def dataset_info(dataset: Dataset, intake: ImportReport | None = None) -> DatasetInfo:
    """Returns the summary of the dataset."""
    categories = Counter(category for item in dataset.catalogue for category in item.categories)
    stars = np.bincount(np.floor(dataset.ratings + 0.5).astype(np.int64), minlength=6)
    return DatasetInfo(
        name=dataset.name,
        users=len(dataset.user_keys),
        items=len(dataset.catalogue),
        interactions=len(dataset),
        negatives=0 if dataset.negatives is None else len(dataset.negatives),
        rating_histogram={str(star): int(stars[star]) for star in range(1, 6)},
        categories=dict(sorted(categories.items())),
        torn_apart=torn_apart(item.categories for item in dataset.catalogue),
        mapping=dataset.mapping,
        fingerprint=dataset.fingerprint,
        intake=intake,
    )


def world_info(worlds: Worlds, dataset: Dataset) -> WorldsInfo:
    """Returns the summary of both worlds, built from `dataset`. Takes seconds: it runs the reference policies."""
    popularity = dataset.popularity(worlds.train.users)
    return WorldsInfo(
        name=worlds.name,
        fingerprint=worlds.fingerprint,
        train=_world_info(worlds.train, popularity),
        test=_world_info(worlds.test, popularity),
        choice=worlds.choice,
        concerns=concerns(worlds),
    )


def _world_info(world: World, popularity: NDArray[np.int64]) -> WorldInfo:
    rng = np.random.default_rng(world.settings.seed)
    users = rng.choice(world.users, _SAMPLED_PAIRS)
    ratings = world.ratings(users, rng.integers(world.n_items, size=_SAMPLED_PAIRS))
    shares = np.bincount(np.floor(ratings + 0.5).astype(np.int64), minlength=6) / _SAMPLED_PAIRS
    settings = world.settings
    chosen = policy_users(world)
    rule = rule_named(settings.quit_rule)
    displeased = np.isfinite(world.rule.min_rating)
    return WorldInfo(
        split=world.split,
        users=len(world.users),
        items=world.n_items,
        interactions=world.interactions,
        quit_rule=settings.quit_rule,
        window=getattr(settings, rule.window),
        beta=world.beta if rule.uses_beta else None,
        parameters={name: getattr(settings, name) for name in rule.parameters},
        repeats=settings.repeats,
        min_reward=settings.min_reward if displeased else None,
        reward_rounding=settings.reward_rounding,
        judgement_rounding=settings.judgement_rounding,
        too_low=float((world.judged(ratings) < settings.min_reward).mean()) if displeased else None,
        horizon=world.horizon,
        model=world.model.kind,
        rmse=asdict(world.accuracy.rmse),
        mae=asdict(world.accuracy.mae),
        reward_histogram={str(star): float(shares[star]) for star in range(1, 6)},
        policy_users=len(chosen),
        policies=policy_outcomes(world, popularity, chosen),
        seed=settings.seed,
    )
