"""Measures the load of the LLM, by this process or by several."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from billp.agents.llm.abilities import Abilities, abilities_of
from billp.agents.llm.wrapping import Manager, WrappedChat


@dataclass(frozen=True, slots=True)
class Load:
    """The LLM's load between the first call and the last reply. All zero if nothing was asked."""

    seconds: float
    busy_share: float
    """Share of that time with at least one call running."""
    calls_at_once: float
    """Running calls, averaged over that time."""


@dataclass(eq=False)
class Calls:
    """When calls ran: in seconds since the epoch, since workers on several machines tell of theirs.

    `starts[k]` to `ends[k]` are the times with at least one call running, ascending and apart; `call_seconds` is the
    sum over calls.
    """

    starts: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    call_seconds: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.starts)

    def add(self, start: float, end: float) -> None:
        """Adds a time with calls running; times that touch become one."""
        first, last = bisect_left(self.ends, start), bisect_right(self.starts, end)
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last], self.ends[first:last] = array("d", [start]), array("d", [end])

    @property
    def load(self) -> Load:
        """The load from the first call on to the last reply."""
        seconds = self.ends[-1] - self.starts[0] if self.starts else 0.0
        if seconds <= 0:
            return Load(0.0, 0.0, 0.0)
        busy = sum(end - start for start, end in zip(self.starts, self.ends, strict=True))
        return Load(seconds, busy / seconds, self.call_seconds / seconds)


class MeteredChat(WrappedChat):
    """A chat model that counts its running calls."""

    _under_way: int = PrivateAttr(0)
    _since: float = PrivateAttr(0.0)
    _calls: Calls = PrivateAttr(default_factory=Calls)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> ChatResult:
        with self._counted():
            return await super()._agenerate(messages, stop, run_manager, **kwargs)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        with self._counted():
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk

    @property
    def abilities(self) -> Abilities:
        """What the inner model can do."""
        return abilities_of(self.inner)

    @property
    def busy(self) -> bool:
        """Whether a call is running."""
        return self._under_way > 0

    @property
    def load(self) -> Load:
        """The load so far."""
        return self._calls.load

    def take(self) -> Calls:
        """Returns the calls since the last time, as far as they ran, and forgets them."""
        self._tick()
        taken, self._calls = self._calls, Calls()
        return taken

    def add(self, calls: Calls) -> None:
        """Counts calls of another process as well."""
        for start, end in zip(calls.starts, calls.ends, strict=True):
            self._calls.add(start, end)
        self._calls.call_seconds += calls.call_seconds

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._tick()
        self._under_way += 1
        try:
            yield
        finally:
            self._tick()
            self._under_way -= 1

    def _tick(self) -> None:
        now = time.time()
        if self._under_way and now > self._since:
            self._calls.add(self._since, now)
            self._calls.call_seconds += (now - self._since) * self._under_way
        self._since = now
