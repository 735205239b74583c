"""Transitions: what was observed, recommended and answered, and what was observed next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from billp.baselines.rl.observations import Observations

MOST_STARS = 5.0


@dataclass(frozen=True, eq=False)
class Transitions:
    """One entry per step, the steps of an episode one after another.

    `rewards` are in fifths of the star scale. An episode is `terminated` if the user left and `truncated` if the
    horizon was reached or its record stops: then the value of the next state counts.
    """

    seen: Observations
    items: NDArray[np.int64]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    seen_next: Observations

    def __len__(self) -> int:
        return len(self.items)

    def newest(self, count: int) -> Transitions:
        """Returns the last `count` of them, or all; an episode may lose its beginning."""
        start = max(0, len(self) - count)
        return Transitions(*(getattr(self, field.name)[start:] for field in fields(self)))


def joined(parts: Sequence[Transitions]) -> Transitions:
    """Returns all of them, one after another."""
    return Transitions(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Transitions))
    )
