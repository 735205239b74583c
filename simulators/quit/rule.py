"""The interface of a quit rule: it judges many recommendations at once, each after what the same user was shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from billp.settings import QuitRuleName, SimulatorSettings
from billp.simulators.quit.item_traits import ItemTraits
from billp.simulators.quit.reasons import Reason
from billp.simulators.rating.base import Floats, Indices

NO_ITEM = -1
"""Marks the absence of an item in arrays of items."""


@dataclass(frozen=True, eq=False)
class Past:
    """The earlier recommendations that a rule looks back on.

    `items` has shape (*S, window), or one that broadcasts to it: the last recommendations, oldest first, NO_ITEM in
    front if there were fewer. `notes`, of the same shape, holds what the rule noted at those steps, 0 where it noted
    nothing.
    """

    items: Indices
    notes: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judgement:
    """A rule's judgement on recommendations, shape S each.

    `leaves`: whether the user leaves for the rule's own reason. `earlier`: the earlier item that is the cause, or
    NO_ITEM. `notes`: one number that the rule needs again with the next recommendations, 0 if it keeps none.
    """

    leaves: NDArray[np.bool_]
    earlier: NDArray[np.int64]
    notes: NDArray[np.float64]


def leaving_over(leaves: NDArray[np.bool_], earlier: Indices | int = NO_ITEM) -> Judgement:
    """Returns the judgement of a rule that keeps no notes: who leaves, and over which earlier item."""
    return Judgement(leaves, np.where(leaves, earlier, NO_ITEM), np.zeros(leaves.shape))


class QuitRule(Protocol):
    """Decides after each recommendation whether the user leaves. It draws nothing: the same question has one answer."""

    @property
    def window(self) -> int:
        """How many of the last recommendations the rule looks at."""
        ...

    @property
    def keeps_notes(self) -> bool:
        """Whether the rule reads its own notes of earlier steps; they are collected only for such a rule."""
        ...

    @property
    def min_rating(self) -> float:
        """A rating below this makes the user leave at once, for LOW_REWARD; minus infinity if none does."""
        ...

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        """Returns the judgement on `items`, which `users` rate `ratings`, all of one shape S or broadcasting to it.

        `users` are the dataset's indices, `ratings` predicted stars from 1 to 5.
        """
        ...


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a rule is made from.

    `beta` is the world's distance below which two items count as close, `n_users` counts the whole dataset, and
    `usual(users)` returns what each of `users` would rate on average over the catalogue, shape (n,).
    """

    settings: SimulatorSettings
    traits: ItemTraits
    beta: float
    n_users: int
    usual: Callable[[Indices], NDArray[np.float64]]


@dataclass(frozen=True)
class RuleKind:
    """A rule's entry in the registry: its name, the reason it gives, and how it is made.

    `window` names the setting that says how far it looks back, `parameters` its other settings; `uses_beta` says
    whether it works on distances.
    """

    name: QuitRuleName
    reason: Reason
    make: Callable[[Surroundings], QuitRule]
    window: str
    parameters: tuple[str, ...] = ()
    uses_beta: bool = False


def window_of(shown: Sequence[int] | Indices, window: int) -> NDArray[np.int64]:
    """Returns the last `window` of the items `shown` (oldest first), with NO_ITEM in front: shape (1, window)."""
    last = shown[max(0, len(shown) - window) :]  # a plain [-window:] would take all at window 0
    recent = np.full((1, window), NO_ITEM, dtype=np.int64)
    recent[0, window - len(last) :] = last
    return recent


def notes_of(notes: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Returns the last `window` of the notes (oldest first), with 0 in front."""
    last = notes[max(0, len(notes) - window) :]
    recent = np.zeros((1, window))
    recent[0, window - len(last) :] = last
    return recent
