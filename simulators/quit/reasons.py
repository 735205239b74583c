"""Reasons why an episode ends, each described once for rules, graph and reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why an episode ends with a step.

    `name` is what runs and environments store. `brief` says it in a word or two, `words` in full, fit to follow "the
    user". `earlier` says how the last item relates to the earlier one that the user left over ("too close to"); it is
    empty where no earlier item is named. `left` is False where the user would have stayed.
    """

    name: str
    brief: str
    words: str
    earlier: str = ""
    left: bool = True


STAYS = Reason("", "goes on", "stays", left=False)
"""The episode goes on."""

HORIZON = Reason("horizon", "stayed", "stayed to the horizon", left=False)
"""The horizon was reached."""

LOW_REWARD = Reason("low_reward", "disappointed", "left: the last item disappointed")
"""The last item alone was rated too low."""

REPEAT = Reason("repeat", "repeat", "left: the last item had been shown before", earlier="a repeat of")
"""An item came again in a world without repeats, whichever the quit rule."""

TOO_CLOSE = Reason(
    "too_close", "too close", "left: the last item was too close to a recent one", earlier="too close to"
)
"""The last item is too like a recent one; every rule that works on distances may give this reason."""
