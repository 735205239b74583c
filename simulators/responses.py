"""What simulated users answer to recommendations: a function of the world and of what was shown so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.quit_rules import HORIZON, REASONS, STAYS, Reason, window_of
from simulators.rating_model import Floats, Indices
from simulators.worlds import World


@dataclass(frozen=True, slots=True)
class Answer:
    """`reward` in stars; `reason` why the episode ends here, empty while it goes on.

    `too_close_to` is the earlier item (a catalogue index) that the new one was too close to, shared a category with
    or repeats; -1 where none of these was the reason.
    """

    reward: float
    reason: Reason
    too_close_to: int

    @property
    def left(self) -> bool:
        """Whether the user quit; at the horizon time ran out instead."""
        return self.reason not in ("", "horizon")


@dataclass(frozen=True, eq=False)
class Answers:
    """Many answers, shape (n,) each: stars, codes of REASONS, and earlier items as in Answer."""

    rewards: Floats
    reasons: NDArray[np.int8]
    too_close_to: NDArray[np.int64]

    @property
    def left(self) -> NDArray[np.bool_]:
        """Who quit."""
        return np.asarray((self.reasons != STAYS) & (self.reasons != HORIZON))

    @property
    def cut_off(self) -> NDArray[np.bool_]:
        """Whose time ran out."""
        return np.asarray(self.reasons == HORIZON)


def respond(world: World, user: int, shown: Sequence[int], item: int) -> Answer:
    """The answer of `user` to `item` after the recommendations `shown` (oldest first).

    Raises BadInputError when the user does not live in this world.
    """
    answers = respond_many(
        world,
        users=np.asarray([user]),
        recent=window_of(shown, world.rule.window),
        repeated=np.asarray([item in shown]),
        steps=np.asarray([len(shown)]),
        items=np.asarray([item]),
    )
    return Answer(float(answers.rewards[0]), REASONS[answers.reasons[0]], int(answers.too_close_to[0]))


def respond_many(
    world: World, *, users: Indices, recent: Indices, repeated: NDArray[np.bool_], steps: Indices, items: Indices
) -> Answers:
    """The answers of `users` to `items`, shape (n,) each, after `steps` recommendations.

    `recent` (n, window of the rule) holds the last of them, oldest first and padded with -1 in front; `repeated` says
    whether the item is one of them all. Raises BadInputError for a user who does not live in this world.
    """
    rewards = world.rewards(users, items)
    verdicts = world.judge(recent, items, rewards, repeated)
    over = (verdicts.reasons == STAYS) & (steps + 1 >= world.horizon)
    return Answers(rewards, np.where(over, np.int8(HORIZON), verdicts.reasons), verdicts.too_close_to)
