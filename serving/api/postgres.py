"""Sessions in PostgreSQL, in a schema of the service's own."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from billp.errors import ArtifactError, BadInputError, StoreAwayError
from billp.serving.api.database import Statement, Syncing

_HELLO_S, _WAIT_S = 5.0, 10.0  # for the first answer of a server, and for a connection
_MOST = 8  # connections of each pool
_ENDING_S = 2.0  # in which a server notices that the process that served before has ended


class PostgresDatabase:
    """Tables and checkpoints in one schema. Its log holds them in the order in which they were written."""

    def __init__(
        self,
        tables: AsyncConnectionPool[Any],
        checkpoints: AsyncConnectionPool[Any],
        schema: str,
        stack: AsyncExitStack,
    ) -> None:
        self.saver = AsyncPostgresSaver(checkpoints)
        self._tables, self._schema, self._stack = tables, schema, stack
        self._syncing = Syncing(self._synced)

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

    async def sync(self) -> None:
        """See `Database`."""
        await self._syncing.sync()

    async def claim(self) -> None:
        """See `Database`. The lock is that of a connection, which ends with this process."""
        connection = await self._stack.enter_async_context(self._tables.connection())
        until = time.monotonic() + _ENDING_S
        while True:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (self._schema,))
            if await cursor.fetchone() == (True,):
                return
            if time.monotonic() >= until:
                raise ArtifactError(
                    f"Another process serves from the schema {self._schema}; stop it, or give this service another "
                    "--name."
                )
            await asyncio.sleep(0.1)

    async def forget_traces(self) -> None:
        """See `Database`. PostgreSQL takes deleted rows out of its files by VACUUM, its log when it moves on."""
        for (table,) in await self.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
            await self.rows(f'VACUUM "{table}"')

    async def _synced(self) -> None:
        """Commits synchronously, which makes everything before it in the log durable."""
        await self.together([("SET LOCAL synchronous_commit = on", ()), ("UPDATE pulse SET beats = beats + 1", ())])


async def open_postgres(url: str, name: str, stack: AsyncExitStack) -> PostgresDatabase:
    """Returns the service's schema, closed with the `stack`; raises BadInputError if PostgreSQL does not answer."""
    schema = schema_of(name)
    try:
        async with await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=round(_HELLO_S)
        ) as connection:
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        options: dict[str, Any] = {
            "autocommit": True,
            "options": f'-c search_path="{schema}" -c synchronous_commit=off',
            "prepare_threshold": 0,
        }
        tables: AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=_MOST, open=False, timeout=_WAIT_S, kwargs=options
        )
        checkpoints: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=_MOST, open=False, timeout=_WAIT_S, kwargs={**options, "row_factory": dict_row}
        )
        database = PostgresDatabase(
            await stack.enter_async_context(tables), await stack.enter_async_context(checkpoints), schema, stack
        )
        await database.saver.setup()
        async with tables.connection() as opened:
            await opened.execute("CREATE TABLE IF NOT EXISTS pulse (one INTEGER PRIMARY KEY, beats BIGINT NOT NULL)")
            await opened.execute("INSERT INTO pulse VALUES (1, 0) ON CONFLICT DO NOTHING")
    except (psycopg.Error, PoolTimeout) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(
            f"PostgreSQL cannot be used ({said}); start it, mend BILLP_POSTGRES_URL, or unset it to use SQLite."
        ) from error
    return database


def schema_of(name: str) -> str:
    """Returns the PostgreSQL schema of the service `name`."""
    return "billp_" + re.sub(r"[^a-z0-9]", lambda found: f"_{ord(found[0]):x}_", name)


def _numbered(statement: str) -> Any:  # noqa: ANN401 -- psycopg's type for statements takes literals alone
    return statement.replace("?", "%s")


def _away(error: BaseException) -> StoreAwayError:
    return StoreAwayError(f"PostgreSQL failed ({type(error).__name__}); nothing was lost, so try again in a moment.")
