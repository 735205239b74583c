"""The database of a service: SQLite in the data folder, or PostgreSQL; one way of asking both.

Statements are written with `?` for values, in words that both understand.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiosqlite
import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from billp.errors import ArtifactError, BadInputError, StoreAwayError
from billp.settings import Settings

Statement = tuple[str, Sequence[object]]
_HELLO_S, _WAIT_S = 5.0, 10.0  # for the first answer of a server, and for a connection or a lock


class Database(Protocol):
    """A database and the checkpoints that it keeps for LangGraph; what was written is on the disk."""

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

    async def claim(self) -> None:
        """Keeps it for this process until it ends; raises ArtifactError where another one serves from it."""
        ...

    async def forget_traces(self) -> None:
        """Takes what was deleted out of the files, too."""
        ...


class SqliteDatabase:
    """Two files: the tables, and the checkpoints; who writes the one need not wait for the other."""

    def __init__(
        self, tables: aiosqlite.Connection, checkpoints: aiosqlite.Connection, folder: Path, stack: AsyncExitStack
    ) -> None:
        self.saver = AsyncSqliteSaver(checkpoints)
        self._folder, self._stack = folder, stack
        self._tables, self._checkpoints = tables, checkpoints
        self._one_at_a_time = asyncio.Lock()

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Database`."""
        async with self._one_at_a_time:
            try:
                async with self._tables.execute(statement, values) as cursor:
                    return [tuple(row) for row in await cursor.fetchall()]
            except sqlite3.Error as error:
                raise _away(error) from error

    async def together(self, statements: Sequence[Statement]) -> None:
        """See `Database`."""
        async with self._one_at_a_time:
            try:
                await self._tables.execute("BEGIN IMMEDIATE")
                try:
                    for statement, values in statements:
                        await self._tables.execute(statement, values)
                except BaseException:
                    await self._tables.execute("ROLLBACK")
                    raise
                await self._tables.execute("COMMIT")
            except sqlite3.Error as error:
                raise _away(error) from error

    async def claim(self) -> None:
        """See `Database`."""
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._stack.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArtifactError(_claimed(f"the sessions in {self._folder}")) from None

    async def forget_traces(self) -> None:
        """See `Database`. Deleted rows are overwritten (secure_delete); the log still holds them."""
        async with self._one_at_a_time, self.saver.lock:
            for connection in (self._tables, self._checkpoints):
                await connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class PostgresDatabase:
    """A schema of its own in a PostgreSQL database."""

    def __init__(
        self,
        tables: AsyncConnectionPool[Any],
        checkpoints: AsyncConnectionPool[Any],
        schema: str,
        stack: AsyncExitStack,
    ) -> None:
        self.saver = AsyncPostgresSaver(checkpoints)
        self._tables, self._schema, self._stack = tables, schema, stack

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Database`."""
        try:
            async with self._tables.connection() as connection:
                cursor = await connection.execute(_numbered(statement), values)
                return await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, PoolTimeout) as error:
            raise _away(error) from error

    async def together(self, statements: Sequence[Statement]) -> None:
        """See `Database`."""
        try:
            async with self._tables.connection() as connection, connection.transaction():
                for statement, values in statements:
                    await connection.execute(_numbered(statement), values)
        except (psycopg.Error, PoolTimeout) as error:
            raise _away(error) from error

    async def claim(self) -> None:
        """See `Database`. The lock is that of a connection, which ends with this process."""
        connection = await self._stack.enter_async_context(self._tables.connection())
        cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (self._schema,))
        if await cursor.fetchone() != (True,):
            raise ArtifactError(_claimed(f"the schema {self._schema}"))

    async def forget_traces(self) -> None:
        """See `Database`. PostgreSQL takes deleted rows out of its files by VACUUM, its log when it moves on."""
        for (table,) in await self.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
            await self.rows(f'VACUUM "{table}"')


@asynccontextmanager
async def open_database(settings: Settings, folder: Path, name: str) -> AsyncIterator[Database]:
    """The database of the service `name`: PostgreSQL where `postgres_url` is set, else SQLite in `folder`.

    Raises BadInputError where PostgreSQL does not answer, ArtifactError where the files cannot be opened.
    """
    async with AsyncExitStack() as stack:
        if settings.postgres_url is not None:
            yield await _open_postgres(settings.postgres_url.get_secret_value(), name, stack)
        else:
            yield await _open_sqlite(folder, stack)


async def _open_sqlite(folder: Path, stack: AsyncExitStack) -> SqliteDatabase:
    opened = []
    try:
        for path in await asyncio.to_thread(_private_files, folder):
            connection = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None, timeout=_WAIT_S))
            # FULL: an answer that was acknowledged is on the disk, not in the system's buffers.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                await connection.execute(f"PRAGMA {pragma}")
            opened.append(connection)
        tables, checkpoints = opened
        database = SqliteDatabase(tables, checkpoints, folder, stack)
        await database.saver.setup()
    except (sqlite3.Error, OSError) as error:
        raise ArtifactError(
            f"The sessions in {folder} cannot be opened ({error}); mend or move that folder."
        ) from error
    return database


def _private_files(folder: Path) -> list[Path]:
    """The files for tables and checkpoints, which nobody else on this machine may read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = [folder / "tables.sqlite", folder / "checkpoints.sqlite"]
    for file in files:
        file.touch(mode=0o600)
    return files


async def _open_postgres(url: str, name: str, stack: AsyncExitStack) -> PostgresDatabase:
    schema = schema_of(name)
    try:
        async with await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=round(_HELLO_S)
        ) as connection:
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        options: dict[str, Any] = {"autocommit": True, "options": f'-c search_path="{schema}"', "prepare_threshold": 0}
        tables: AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=8, open=False, timeout=_WAIT_S, kwargs=options
        )
        checkpoints: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=8, open=False, timeout=_WAIT_S, kwargs={**options, "row_factory": dict_row}
        )
        database = PostgresDatabase(
            await stack.enter_async_context(tables), await stack.enter_async_context(checkpoints), schema, stack
        )
        await database.saver.setup()
    except (psycopg.Error, PoolTimeout) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(
            f"PostgreSQL cannot be used ({said}); start it, mend BILLP_POSTGRES_URL, or unset it to use SQLite."
        ) from error
    return database


def schema_of(name: str) -> str:
    """The PostgreSQL schema of the service `name`."""
    return "billp_" + re.sub(r"[^a-z0-9]", lambda found: f"_{ord(found[0]):x}_", name)


def _claimed(what: str) -> str:
    return f"Another process serves from {what}; stop it, or give this service another --name."


def _numbered(statement: str) -> Any:  # noqa: ANN401 -- psycopg's type for statements takes literals alone
    return statement.replace("?", "%s")


def _away(error: BaseException) -> StoreAwayError:
    return StoreAwayError(
        f"The database of the service failed ({type(error).__name__}); nothing was lost, so try again in a moment."
    )
