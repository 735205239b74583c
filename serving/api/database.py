"""The database of a service: what it must be able to do, and which one it is.

Statements are written with `?` for values, in words that SQLite and PostgreSQL both understand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver

from billp.settings import Settings

Statement = tuple[str, Sequence[object]]


class Database(Protocol):
    """A database and the checkpoints that it keeps for LangGraph.

    What was written is there after this process is killed; after `sync` also where the whole machine stops. It is never
    there without what was written before it.
    """

    @property
    def saver(self) -> BaseCheckpointSaver[Any]:
        """What keeps the graph's checkpoints."""
        ...

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that one statement gives; raises StoreAwayError, as `together` does, where the database fails."""
        ...

    async def together(self, statements: Sequence[Statement]) -> None:
        """All statements or none."""
        ...

    async def sync(self) -> None:
        """Returns when all that was written, checkpoints too, is on the disk; those who wait share one write."""
        ...

    async def claim(self) -> None:
        """Keeps it for this process until it ends; raises ArtifactError where another one serves from it."""
        ...

    async def forget_traces(self) -> None:
        """Takes what was deleted out of the files, too."""
        ...


@asynccontextmanager
async def open_database(settings: Settings, folder: Path, name: str) -> AsyncIterator[Database]:
    """Yields the database of the service `name`: PostgreSQL where `postgres_url` is set, else SQLite in `folder`.

    Raises BadInputError where PostgreSQL does not answer, ArtifactError where the file cannot be opened.
    """
    async with AsyncExitStack() as stack:
        if settings.postgres_url is not None:
            from billp.serving.api.postgres import open_postgres

            yield await open_postgres(settings.postgres_url.get_secret_value(), name, stack)
        else:
            from billp.serving.api.sqlite import open_sqlite

            yield await open_sqlite(folder, stack)


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
