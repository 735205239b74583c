"""Events of a session for listeners: finished nodes, the Planner's words, items, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

EventName = Literal["node", "words", "item", "end"]
_MOST = 500  # events that wait for a slow listener; further ones are dropped for it


@dataclass(frozen=True, slots=True)
class Event:
    """An event; `data` is plain."""

    name: EventName
    data: dict[str, Any]


class Feed:
    """The events of one session."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Event]] = set()

    @property
    def heard(self) -> bool:
        """Whether anyone listens."""
        return bool(self._listeners)

    def tell(self, event: Event) -> None:
        """Sends `event` to all listeners."""
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(event)

    @contextmanager
    def listening(self) -> Iterator[AsyncIterator[Event]]:
        """Yields the events from now on; they end with the session."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_MOST)
        self._listeners.add(queue)
        try:
            yield _events(queue)
        finally:
            self._listeners.discard(queue)


async def _events(queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
    while True:
        event = await queue.get()
        yield event
        if event.name == "end":
            return
