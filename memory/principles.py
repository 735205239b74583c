"""Principles: what is claimed to make users leave, counted over many episodes, and confirmed or retired.

Users left after a share of the steps at which a principle was at work, and after another share of the other steps.
Each share has a Beta posterior, whose prior is worth one departure at the share of all steps. A principle is confirmed
if the first share is larger than the second with a probability of `SURE`, and retired if with that probability it is
not even `_WORTH` times as large; otherwise it is open. So a principle without effect is retired like a wrong one: the
region of practical equivalence of Kruschke (2018, Rejecting or accepting parameter values in Bayesian estimation).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

State = Literal["confirmed", "open", "retired"]
SURE = 0.975
_WORTH = 2.0
_POINTS = (np.arange(64) + 0.5) / 64  # quantiles of the second share over which the first is compared with it


@dataclass(frozen=True)
class Principle:
    """One cause of leaving with its object, and the evidence for and against it.

    `id` names both. The claim held in `claims` episodes. Users left after `left` of the `shown` steps at which it was
    at work, and after `other_left` of the `other_shown` other steps. A cause of closeness is at work within `span`
    steps, from `level` on; both are 0 for other causes.
    """

    id: str
    cause: str
    kind: str
    level: int
    span: int
    claims: int
    left: int
    shown: int
    other_left: int
    other_shown: int

    @cached_property
    def state(self) -> State:
        """Whether the evidence confirms it, retires it or leaves it open."""
        if self._above(1.0) >= SURE:
            return "confirmed"
        return "retired" if self._above(_WORTH) <= 1 - SURE else "open"

    def _above(self, times: float) -> float:
        """Returns the probability that its share of departures is more than `times` that of the other steps."""
        from scipy.special import betainc, betaincinv  # noqa: PLC0415  # takes a while to load

        usual = (self.left + self.other_left) / max(self.shown + self.other_shown, 1)
        usual = min(max(usual, 1e-3), 0.5)
        prior = 1.0, 1 / usual - 1
        others = betaincinv(prior[0] + self.other_left, prior[1] + self.other_shown - self.other_left, _POINTS)
        bounds = np.minimum(times * others, 1.0)
        return float(np.mean(1 - betainc(prior[0] + self.left, prior[1] + self.shown - self.left, bounds)))

    def words(self) -> str:
        """Returns the principle and its counts in a few words."""
        return f"{self._said()} ({self.left} of {self.shown} left; else {self.other_left} of {self.other_shown})"

    def _said(self) -> str:
        if self.cause == "low rating":
            return f"users leave over {self.kind}" if self.kind else "users leave over what they dislike"
        if self.cause == "repetition":
            return f"users leave when {self.kind} comes too often"
        within = "the last item" if self.span == 1 else f"one of the last {self.span}"
        if self.cause == "few ratings":
            return f"users leave over an item hardly known, or shown soon after one (within {self.span})"
        alike = f"close in {self.cause}" if self.cause == "year" else f"alike in {self.cause}"
        return f"users leave over an item {alike} to {within}"
