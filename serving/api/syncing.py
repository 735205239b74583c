"""One write to the disk for all who wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Syncing:
    """Shares calls of `write`, each of which covers what was done before it began."""

    def __init__(self, write: Callable[[], Awaitable[None]]) -> None:
        self._write = write
        self._next: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def sync(self) -> None:
        """Returns when a write that began after this call is done."""
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        await asyncio.shield(self._next)

    async def _run(self) -> None:
        async with self._one_at_a_time:
            self._next = None  # who comes from here on has written what this one may not cover
            await self._write()
