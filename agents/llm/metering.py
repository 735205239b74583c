"""Measures the load of the LLM."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


class MeteredChat(WrappedChat):
    """A chat model that counts its running calls."""

    _under_way: int = PrivateAttr(0)
    _first: float | None = PrivateAttr(None)
    _last: float = PrivateAttr(0.0)
    _busy: float = PrivateAttr(0.0)
    _call_seconds: float = PrivateAttr(0.0)

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
        seconds = self._last - self._first if self._first is not None else 0.0
        if seconds <= 0:
            return Load(0.0, 0.0, 0.0)
        return Load(seconds, self._busy / seconds, self._call_seconds / seconds)

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
        now = time.monotonic()
        if self._first is None:
            self._first = self._last = now
        if self._under_way:
            self._busy += now - self._last
            self._call_seconds += (now - self._last) * self._under_way
        self._last = now
