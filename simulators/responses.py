"""What a simulated user answers to one recommendation: a function of the world and of what was shown so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from simulators.worlds import World


@dataclass(frozen=True, slots=True)
class Answer:
    """`reward` in stars; `reason` why the episode ends here, empty while it goes on.

    `too_close_to` is the earlier item that was too close (a catalogue index), -1 unless that was the reason.
    """

    reward: float
    reason: Literal["", "too_close", "low_reward", "horizon"]
    too_close_to: int

    @property
    def left(self) -> bool:
        """Whether the user quit; at the horizon time ran out instead."""
        return self.reason in ("too_close", "low_reward")


def respond(world: World, user: int, shown: Sequence[int], item: int) -> Answer:
    """The answer of `user` to `item` after the recommendations `shown` (oldest first).

    Raises BadInputError when the user does not live in this world.
    """
    reward = float(world.reward(user, [item])[0])
    verdict = world.rule.judge(world.vectors, shown, item, reward)
    if verdict.reason is not None:
        return Answer(reward, verdict.reason, -1 if verdict.too_close_to is None else verdict.too_close_to)
    return Answer(reward, "horizon" if len(shown) + 1 >= world.horizon else "", -1)
