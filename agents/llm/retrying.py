"""Retries calls to a server: bounded tries while it is slow or overloaded, bounded seconds while it is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from billp.errors import ModelUnavailableError, ServerAwayError
from billp.setting_groups import LLMSettings

log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 5.0  # seconds between two tries, if the server does not say when to retry
Answer = TypeVar("Answer")


class MomentaryError(Exception):
    """The same call may succeed later; `after_s` is when the server asked to retry, if it did."""

    def __init__(self, words: str, after_s: float | None = None) -> None:
        super().__init__(words)
        self.after_s = after_s


class AwayError(MomentaryError):
    """No server answered: no connection, a broken one, or a gateway without a server behind it."""


class Patience:
    """Retries calls to one server as long as its settings say."""

    def __init__(self, where: str, settings: LLMSettings) -> None:
        """Takes the server's name for errors, and the settings."""
        self._where = where
        self._settings = settings
        self._away = False

    async def answer(self, once: Callable[[], Awaitable[Answer]], *, waits: bool = True) -> Answer:
        """Returns what `once` returns; calls it again while it raises MomentaryError or AwayError.

        After MomentaryError it retries at most `llm.retries` times with growing pauses, then raises
        ModelUnavailableError. After AwayError it retries for `llm.patience_s` seconds, then raises ServerAwayError;
        without `waits` it raises at once.
        """
        failures, away_since = 0, None
        for pause in _pauses(self._settings.backoff_s):
            try:
                answer = await once()
            except AwayError as error:
                away_since = away_since or time.monotonic()
                self._wait_for_it(error, time.monotonic() - away_since, self._settings.patience_s if waits else 0.0)
                after_s = min(error.after_s or 0.0, self._settings.patience_s)
            except MomentaryError as error:
                after_s = error.after_s or 0.0
                if failures >= self._settings.retries or after_s > self._settings.patience_s:
                    raise self._unavailable(error, after_s) from error
                failures += 1
            else:
                self._away = False
                return answer
            await asyncio.sleep(max(pause, after_s))
        raise AssertionError("the pauses never end")

    def _wait_for_it(self, error: AwayError, seconds: float, patience: float) -> None:
        """Logs once that the server is away; raises ServerAwayError when it is away for too long."""
        if seconds >= patience:
            raise ServerAwayError(
                f"{self._where} is away and did not come back within {patience:g} s "
                f"({error}); start it, then go on with --resume, or raise llm.patience_s."
            ) from error
        if not self._away:
            log.warning("%s is away; waiting up to %g s for it.", self._where, patience)
        self._away = True

    def _unavailable(self, error: MomentaryError, after_s: float) -> ModelUnavailableError:
        if after_s > self._settings.patience_s:
            return ModelUnavailableError(
                f"{self._where} asks not to be called for {after_s:g} s ({error}); "
                f"wait, run fewer episodes side by side, or raise llm.patience_s."
            )
        return ModelUnavailableError(
            f"{self._where} did not answer within {self._settings.retries + 1} tries "
            f"({error}); check that it runs, or raise llm.timeout_s."
        )


def retry_after(header: str | None) -> float | None:
    """Returns the seconds that a `Retry-After` header (number or date) asks to wait; None if it says nothing."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _pauses(first_s: float) -> Iterator[float]:
    """Yields seconds between tries: each twice the one before, up to five."""
    pause = first_s
    while True:
        yield min(pause, _LONGEST_PAUSE_S)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
