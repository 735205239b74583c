"""Rate limits: a token bucket per user."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from billp.serving.api.problems import Refused

_REMEMBERED = 100_000  # users; the least recent ones are forgotten, and have full buckets
_WHOLE = 1 - 1e-6  # of a request: differences of times are rounded, and who waits as long as told is let in


class Pace:
    """Lets each user send `rate` requests per second in the long run, and `burst` at once."""

    def __init__(self, rate: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now = rate, float(burst), now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, user: str) -> None:
        """Counts a request of the user; raises Refused, with the time to wait, if it is one too many."""
        now = self._now()
        left, at = self._left.pop(user, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        self._left[user] = (left - 1 if left >= _WHOLE else left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if left < _WHOLE:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"You ask more than {self._rate:g} times a second; wait a moment.",
                retry_after_s=(1 - left) / self._rate,
            )

    def forget(self, user: str) -> None:
        """Deletes the user's bucket."""
        self._left.pop(user, None)
