"""The shortlist: candidates that fit the thought and the experiences, for the LLM to choose from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from billp.agents.grounding import Vectors
from billp.errors import EpisodeError


@dataclass(frozen=True, slots=True)
class Experience:
    """What memory knows of one item in a similar state; `distance` is the squared L2 distance of the two states."""

    item: int
    encouraged: bool
    distance: float


def draw_shortlist(
    vectors: Vectors,
    rng: Generator,
    *,
    thought: Vectors | None,
    experiences: Sequence[Experience],
    evidence: float,
    masked: Collection[int],
    size: int,
    pool: int,
) -> list[int]:
    """Returns at most `size` distinct catalogue indices, none of them masked, in random order.

    It draws `pool` items uniformly, so that the cost does not grow with the catalogue and the choice stays varied, and
    keeps those of highest fit: closeness to the thought, plus `evidence` times what similar states taught (closeness to
    encouraged items minus closeness to discouraged ones), plus `evidence` times the item's fit to the `plan`. Without
    thought, plan and experience all items are equally likely. `vectors` is (items, d), `thought` (d,), unit length.
    Raises EpisodeError if every item is masked.
    """
    candidates = _pool(len(vectors), rng, masked, pool)
    fit = np.zeros(len(candidates))
    if thought is not None:
        fit += vectors[candidates] @ thought
    if experiences:
        fit += evidence * _taught(vectors, candidates, experiences)
    best = np.argsort(-fit, kind="stable")[:size]
    return [int(candidates[position]) for position in rng.permutation(best)]


def _pool(items: int, rng: Generator, masked: Collection[int], pool: int) -> NDArray[np.int64]:
    hidden = set(masked)
    free = items - len(hidden)
    if free <= 0:
        raise EpisodeError("Every item was shown already; use a larger catalogue or set actor.mask_shown to false.")
    drawn = rng.choice(items, size=min(items, pool + len(hidden)), replace=False)
    return np.array([item for item in drawn if int(item) not in hidden][:pool], dtype=np.int64)


def _taught(vectors: Vectors, candidates: NDArray[np.int64], experiences: Sequence[Experience]) -> NDArray[np.float64]:
    """Returns (candidates,) in [-1, 1]: mean over experiences, weighted by nearness, of sign times closeness."""
    weights = np.exp([-experience.distance for experience in experiences])
    signs = np.where([experience.encouraged for experience in experiences], 1.0, -1.0)
    closeness = vectors[candidates] @ vectors[[experience.item for experience in experiences]].T
    # Plus one in the denominator: a single experience counts half, many count fully.
    taught = closeness.astype(np.float64) @ (weights * signs) / (weights.sum() + 1.0)
    return np.asarray(taught, dtype=np.float64)
