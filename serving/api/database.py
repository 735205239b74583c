"""The database of a service: its interface, and which one is used.

Statements use `?` for values and only SQL that SQLite and PostgreSQL both understand.
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

    What was written survives the end of this process; after `sync` also a crash of the machine, or of a database that
    runs by itself. Writes become durable in the order in which they were made.
    """

    @property
    def saver(self) -> BaseCheckpointSaver[Any]:
        """The store of the graph's checkpoints."""
        ...

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Returns the rows of one statement; raises StoreAwayError, as `together` does, if the database fails."""
        ...

    async def together(self, statements: Sequence[Statement]) -> None:
        """Executes all statements or none."""
        ...

    async def sync(self) -> None:
        """Returns when everything written, checkpoints too, is on disk; callers that wait share one write."""
        ...

    async def claim(self) -> None:
        """Reserves it for this process until it ends; raises ArtifactError if another one serves from it."""
        ...

    async def forget_traces(self) -> None:
        """Removes what was deleted from the files too."""
        ...


@asynccontextmanager
async def open_database(settings: Settings, folder: Path, name: str) -> AsyncIterator[Database]:
    """Yields the database of the service `name`: PostgreSQL if `postgres_url` is set, otherwise SQLite in `folder`.

    Raises BadInputError if PostgreSQL does not answer, ArtifactError if the file cannot be opened.
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
            self._next = None  # later callers may have written what this write does not cover
            await self._write()
