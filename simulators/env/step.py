"""Answers of simulated users to recommendations: a function of the world and of what was shown so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.env.world import World
from billp.simulators.quit.reasons import HORIZON, STAYS
from billp.simulators.quit.registry import REASON_NAMES, REASONS, code_of
from billp.simulators.quit.rule import Past
from billp.simulators.rating.base import Floats, Indices

_STAYS, _HORIZON = np.int8(code_of(STAYS)), np.int8(code_of(HORIZON))
_LEFT = np.array([reason.left for reason in REASONS.values()])


@dataclass(frozen=True, slots=True)
class StepResult:
    """`reward` in stars; `reason` why the episode ends here (a name of REASONS), empty while it goes on.

    A person who answers in a simulator's stead may leave for the reason `left`, and `said` is what they say with it.

    `too_close_to` is the earlier item (a catalogue index) that made the user leave, as it is too close to the new one,
    shares a category with it or is the same; -1 where the reason names no earlier item.
    """

    reward: float
    reason: str
    too_close_to: int = -1
    said: str = ""

    @property
    def left(self) -> bool:
        """Whether the user quit; at the horizon the episode is cut off instead."""
        return self.reason not in (STAYS.name, HORIZON.name)


@dataclass(frozen=True, eq=False)
class StepResults:
    """Many results, shape (n,) each: rewards, codes of REASON_NAMES, earlier items, the rule's notes."""

    rewards: Floats
    reasons: NDArray[np.int8]
    too_close_to: NDArray[np.int64]
    notes: NDArray[np.float64]

    @property
    def stays(self) -> NDArray[np.bool_]:
        """Which episodes go on."""
        return np.asarray(self.reasons == _STAYS)

    @property
    def left(self) -> NDArray[np.bool_]:
        """Which users quit."""
        return np.asarray(_LEFT[self.reasons])

    @property
    def cut_off(self) -> NDArray[np.bool_]:
        """Which episodes reached the horizon."""
        return np.asarray(self.reasons == _HORIZON)


def respond(world: World, user: int, shown: Sequence[int], item: int) -> StepResult:
    """Returns the answer of `user` to `item` after the recommendations `shown` (oldest first).

    Raises BadInputError if the user is not in this world.
    """
    answers = respond_many(
        world,
        users=np.asarray([user]),
        past=world.past(user, shown),
        repeated=np.asarray([item in shown]),
        steps=np.asarray([len(shown)]),
        items=np.asarray([item]),
    )
    return StepResult(float(answers.rewards[0]), REASON_NAMES[answers.reasons[0]], int(answers.too_close_to[0]))


def respond_many(
    world: World, *, users: Indices, past: Past, repeated: NDArray[np.bool_], steps: Indices, items: Indices
) -> StepResults:
    """Returns the answers of `users` to `items`, shape (n,) each, after `steps` recommendations.

    `past`, of shape (n, window), is what the quit rule looks back on; `repeated` says whether the item was recommended
    before. Raises BadInputError for a user who is not in this world.
    """
    ratings = world.ratings(users, items)
    verdicts = world.judge(users, past, items, world.judged(ratings), repeated)
    over = verdicts.stays & (steps + 1 >= world.horizon)
    return StepResults(
        world.paid(ratings), np.where(over, _HORIZON, verdicts.reasons), verdicts.too_close_to, verdicts.notes
    )
