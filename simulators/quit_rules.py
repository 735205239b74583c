"""When a simulated user has had enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.rating_model import Floats, Indices


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the user made of one recommendation; `reason` None means that the user stays.

    `too_close_to` is the earlier item that was too close, a catalogue index; None unless that was the reason.
    """

    reason: Literal["too_close", "low_reward"] | None = None
    too_close_to: int | None = None


class QuitRule(Protocol):
    """Decides after each recommendation whether the user leaves."""

    def judge(self, vectors: Floats, recent: Sequence[int], item: int, reward: float) -> Verdict:
        """The verdict on `item`, recommended after `recent` (oldest first), for which the user gave `reward`.

        `vectors` has shape (n_items, d); only the rows of the items at hand are read.
        """
        ...


@dataclass(frozen=True)
class DistanceRule:
    """The user leaves when bored or displeased, from the first step on.

    Bored: the item is closer than `beta` (Euclidean distance of item vectors) to one of the last `window` items, or
    is one of them. Displeased: the reward is below `min_reward`. When both hold, boredom is the reason given. The
    rule is that of BiLLP (Shi et al., SIGIR 2024, arXiv 2403.00843), where the window is called W.
    """

    beta: float
    window: int
    min_reward: float

    def judge(self, vectors: Floats, recent: Sequence[int], item: int, reward: float) -> Verdict:
        """The verdict on `item`; of several earlier items that are too close, the closest is named."""
        last = list(recent[max(0, len(recent) - self.window) :])  # a plain [-window:] would take all at window 0
        if last:
            apart = distances(vectors, np.asarray(last), np.full(len(last), item))
            # A repeat is too close even at beta 0, where nothing is closer than beta.
            apart[np.asarray(last) == item] = -1.0
            nearest = int(apart.argmin())
            if apart[nearest] < self.beta or apart[nearest] < 0:
                return Verdict("too_close", last[nearest])
        return Verdict("low_reward") if reward < self.min_reward else Verdict()


def distances(vectors: Floats, left: Indices, right: Indices) -> NDArray[np.float64]:
    """Euclidean distances between the items `left[k]` and `right[k]`, shape (n,)."""
    apart: NDArray[np.float64] = np.linalg.norm(vectors[left].astype(np.float64) - vectors[right], axis=1)
    return apart


def distance_quantile(vectors: Floats, q: float, rng: np.random.Generator, pairs: int = 200_000) -> float:
    """The `q` quantile of the distances between two different items, from `pairs` pairs drawn at random."""
    n_items = len(vectors)
    if n_items < 2:
        return 0.0
    left = rng.integers(n_items, size=pairs)
    right = (left + rng.integers(1, n_items, size=pairs)) % n_items  # never left itself
    return float(np.quantile(distances(vectors, left, right), q))
