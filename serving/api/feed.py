"""What goes on in a session, for those who listen: nodes as they finish, the Planner's words, items, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

EventName = Literal["node", "words", "item", "end"]
_MOST = 500  # events that wait for a listener who is slow; further ones pass it by


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `data` is plain."""

    name: EventName
    data: dict[str, Any]


class Feed:
    """The events of one session."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Event]] = set()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def tell(self, event: Event) -> None:
        """Hands `event` to all listeners."""
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
