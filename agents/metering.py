"""How busy the LLM is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass

from agents.models import Model, Reply, Request


@dataclass(frozen=True, slots=True)
class Load:
    """The LLM's load between the first call and the last reply. All zero where nothing was asked."""

    seconds: float
    busy_share: float
    """Share of that time with at least one call under way."""
    calls_at_once: float
    """Calls under way, averaged over that time."""


class MeteredModel:
    """A model that keeps count of how many calls are under way."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._under_way = 0
        self._first: float | None = None
        self._last = 0.0
        self._busy = 0.0
        self._call_seconds = 0.0

    async def ask(self, request: Request) -> Reply:
        """Passes the request on."""
        self._tick()
        self._under_way += 1
        try:
            return await self._model.ask(request)
        finally:
            self._tick()
            self._under_way -= 1

    @property
    def load(self) -> Load:
        """The load so far."""
        seconds = self._last - self._first if self._first is not None else 0.0
        if seconds <= 0:
            return Load(0.0, 0.0, 0.0)
        return Load(seconds, self._busy / seconds, self._call_seconds / seconds)

    def _tick(self) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = self._last = now
        if self._under_way:
            self._busy += now - self._last
            self._call_seconds += (now - self._last) * self._under_way
        self._last = now
