"""Rivals of the tiny dataset, and users in the middle of an episode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from billp.agents.recommender import NO_ITEM, Observations
from billp.baselines.rivals.rival import Material
from tests.fakes.worlds import tiny_dataset, tiny_worlds


def material(**changed: Any) -> Material:
    """What a rival of the tiny train world is made from; no history is masked."""
    plain = Material(
        dataset=tiny_dataset(),
        world=tiny_worlds().train,
        seed=0,
        history=10,
        mask_shown=True,
        masked_history=lambda user: np.empty(0, dtype=np.int32),
    )
    return replace(plain, **changed)


def seen(shown: list[list[int]], masked: list[set[int]] | None = None, seed: int = 0) -> Observations:
    """Users to whom `shown` was recommended, for three stars each; what was shown is masked, and `masked` beside."""
    steps = np.array([len(items) for items in shown])
    padded = np.full((len(shown), int(steps.max(initial=0))), NO_ITEM)
    hidden = np.zeros((len(shown), 60), dtype=bool)
    for row, items in enumerate(shown):
        padded[row, : len(items)] = items
        hidden[row, list({*items, *(masked[row] if masked else ())})] = True
    return Observations(
        histories=[[] for _ in shown],
        shown=padded,
        rewards=np.where(padded >= 0, 3.0, 0.0),
        steps=steps,
        masked=hidden,
        seeds=seed + np.arange(len(shown)),
    )
