"""Sessions in PostgreSQL, in a schema of the service's own."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from billp.errors import ArtifactError, BadInputError, StoreAwayError
from billp.serving.api.database import Statement

_HELLO_S, _WAIT_S = 5.0, 10.0  # for the first answer of a server, and for a connection
_MOST = 8  # connections of each pool
_LOOK_S = 1.0  # between two looks at whether PostgreSQL was restarted
_ENDING_S = 2.0  # in which a server notices that the process that served before has ended


class PostgresSaver(AsyncPostgresSaver):
    """LangGraph's checkpoint saver; its errors are raised as StoreAwayError."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `AsyncPostgresSaver`, as with the others."""
        with _talking():
            return await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Stores a checkpoint."""
        with _talking():
            return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Stores what tasks wrote."""
        with _talking():
            await super().aput_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Deletes the checkpoints of a thread."""
        with _talking():
            await super().adelete_thread(thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Returns what was written to `channels`."""
        with _talking():
            return await super().aget_delta_channel_history(config=config, channels=channels)


class Claim:
    """The lock on a schema that keeps a second process from serving from it."""

    def __init__(self, url: str, schema: str) -> None:
        self._url, self._schema = url, schema
        self._held: psycopg.AsyncConnection[TupleRow] | None = None
        self._lost = False

    def check(self) -> None:
        """Raises StoreAwayError if another process has taken the lock."""
        if self._lost:
            raise StoreAwayError(f"{self._taken} Restart this one when it has ended.")

    async def take(self, stack: AsyncExitStack) -> None:
        """Takes the lock, and keeps it until the `stack` ends; raises ArtifactError if another process holds it."""
        until = time.monotonic() + _ENDING_S
        while not await self._try():
            if time.monotonic() >= until:
                raise ArtifactError(f"{self._taken} Stop it, or give this service another --name.")
            await asyncio.sleep(0.1)
        stack.push_async_callback(self._release)
        keeping = asyncio.create_task(self._keep())
        stack.callback(keeping.cancel)

    @property
    def _taken(self) -> str:
        return f"Another process serves from the schema {self._schema}."

    async def _try(self) -> bool:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=round(_HELLO_S))
        try:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (self._schema,))
            if await cursor.fetchone() == (True,):
                self._held = connection
        finally:
            if self._held is not connection:
                await connection.close()
        return self._held is connection

    async def _keep(self) -> None:
        """Takes the lock again when PostgreSQL has restarted, unless another process was faster."""
        while not self._lost:
            await asyncio.sleep(_LOOK_S)
            try:
                if self._held is not None:
                    await self._held.execute("SELECT 1")
                else:
                    self._lost = not await self._try()
            except psycopg.Error:
                await self._release()

    async def _release(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            await held.close()


class PostgresDatabase:
    """Tables and checkpoints in one schema. Every write is on disk when it returns.

    PostgreSQL may crash and come back while this process goes on: if its last commits were not on disk, what is written
    next would refer to what is gone.
    """

    def __init__(
        self,
        tables: AsyncConnectionPool[Any],
        checkpoints: AsyncConnectionPool[Any],
        claim: Claim,
        stack: AsyncExitStack,
    ) -> None:
        self.saver = PostgresSaver(checkpoints)
        self._tables, self._claim, self._stack = tables, claim, stack

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Database`."""
        self._claim.check()
        with _talking():
            async with self._tables.connection() as connection:
                cursor = await connection.execute(_numbered(statement), values)
                return await cursor.fetchall() if cursor.description else []

    async def together(self, statements: Sequence[Statement]) -> None:
        """See `Database`."""
        self._claim.check()
        with _talking():
            async with self._tables.connection() as connection, connection.transaction():
                for statement, values in statements:
                    await connection.execute(_numbered(statement), values)

    async def sync(self) -> None:
        """See `Database`."""

    async def claim(self) -> None:
        """See `Database`. The lock is that of a connection, which ends with this process."""
        with _talking():
            await self._claim.take(self._stack)

    async def forget_traces(self) -> None:
        """See `Database`. PostgreSQL takes deleted rows out of its files by VACUUM, its log when it moves on."""
        for (table,) in await self.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
            await self.rows(f'VACUUM "{table}"')


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
            "options": f'-c search_path="{schema}" -c synchronous_commit=on',
            "prepare_threshold": 0,
        }
        tables: AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=_MOST, open=False, timeout=_WAIT_S, kwargs=options
        )
        checkpoints: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=_MOST, open=False, timeout=_WAIT_S, kwargs={**options, "row_factory": dict_row}
        )
        database = PostgresDatabase(
            await stack.enter_async_context(tables), await stack.enter_async_context(checkpoints), Claim(url, schema),
            stack,
        )  # fmt: skip
        await database.saver.setup()
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


@contextmanager
def _talking() -> Iterator[None]:
    """Wraps what is asked of PostgreSQL: its errors are raised as StoreAwayError."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        raise StoreAwayError(
            f"PostgreSQL failed ({type(error).__name__}); nothing was lost, so try again in a moment."
        ) from error
