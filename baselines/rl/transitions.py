"""Steps to learn from: what was seen, recommended and answered, and what was seen then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from billp.baselines.rl.observations import Observations

MOST_STARS = 5.0


@dataclass(frozen=True, eq=False)
class Transitions:
    """One entry a step, the steps of an episode one after another.

    `rewards` are in fifths of a star scale. An episode is `terminated` where the user left and `truncated` where time
    ran out, or where the record of it breaks off: there the state goes on being worth something.
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
        """The last `count` of them, or all; an episode may lose its beginning."""
        start = max(0, len(self) - count)
        return Transitions(*(getattr(self, field.name)[start:] for field in fields(self)))


def joined(parts: Sequence[Transitions]) -> Transitions:
    """All of them, one after another."""
    return Transitions(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Transitions))
    )
