"""Sessions in SQLite: one file, one connection, one thread that uses it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from billp.errors import ArtifactError, StoreAwayError
from billp.serving.api.database import Statement, Syncing
from billp.whole_files import hold, open_lock

P = ParamSpec("P")
Result = TypeVar("Result")
_WAIT_S = 10.0  # for another process that writes: `billp api token`


class Thread:
    """The thread of a connection; its errors are raised as StoreAwayError."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "sqlite")

    async def run(self, work: Callable[P, Result], *given: P.args, **named: P.kwargs) -> Result:
        """Returns the result of `work`, done after everything asked for before."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*given, **named))
        except sqlite3.Error as error:
            raise StoreAwayError(
                f"The sessions cannot be read or written ({type(error).__name__}); try again in a moment, and see "
                "whether the disk is full."
            ) from error

    def end(self) -> None:
        """Waits for running work."""
        self._executor.shutdown()


class ThreadedSaver(SqliteSaver):
    """LangGraph's checkpoint saver on that thread; its AsyncSqliteSaver uses the thread three times per checkpoint."""

    def __init__(self, connection: sqlite3.Connection, thread: Thread) -> None:
        super().__init__(connection)
        self._thread = thread

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `get_tuple`."""
        return await self._thread.run(self.get_tuple, config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See `put`."""
        return await self._thread.run(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See `put_writes`."""
        await self._thread.run(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `delete_thread`."""
        await self._thread.run(self.delete_thread, thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """See `get_delta_channel_history`."""
        return await self._thread.run(self.get_delta_channel_history, config=config, channels=channels)


class SqliteDatabase:
    """Tables and checkpoints in one file, so that its log holds them in the order in which they were written."""

    def __init__(self, connection: sqlite3.Connection, thread: Thread, folder: Path, stack: AsyncExitStack) -> None:
        self.saver = ThreadedSaver(connection, thread)
        self._connection, self._thread, self._folder, self._stack = connection, thread, folder, stack
        self._syncing = Syncing(lambda: thread.run(self._synced))

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """See `Database`."""
        return await self._thread.run(self._rows, statement, values)

    async def together(self, statements: Sequence[Statement]) -> None:
        """See `Database`."""
        await self._thread.run(self._together, statements)

    async def sync(self) -> None:
        """See `Database`."""
        await self._syncing.sync()

    async def claim(self) -> None:
        """See `Database`."""
        lock = self._stack.enter_context(open_lock(self._folder / "lock"))
        try:
            hold(lock, wait=False)
        except BlockingIOError:
            raise ArtifactError(
                f"Another process serves from {self._folder}; stop it, or give this service another --name."
            ) from None

    async def forget_traces(self) -> None:
        """See `Database`. Deleted rows are overwritten (secure_delete); the log still holds them, and is emptied."""
        await self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._connection:
            return self._connection.execute(statement, values).fetchall()

    def _together(self, statements: Sequence[Statement]) -> None:
        with self._connection:
            for statement, values in statements:
                self._connection.execute(statement, values)

    def _synced(self) -> None:
        """Commits synchronously, which makes everything before it in the log durable."""
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            self._rows("UPDATE pulse SET beats = beats + 1", ())
        finally:
            self._connection.execute("PRAGMA synchronous=NORMAL")


async def open_sqlite(folder: Path, stack: AsyncExitStack) -> SqliteDatabase:
    """Returns the database in `folder`, closed with the `stack`; raises ArtifactError where it cannot be opened."""
    thread = Thread()
    stack.callback(thread.end)
    try:
        connection = await thread.run(_opened, folder)
        database = SqliteDatabase(connection, thread, folder, stack)
        stack.push_async_callback(thread.run, connection.close)
        await thread.run(database.saver.setup)
    except (StoreAwayError, OSError) as error:
        told = f"The sessions in {folder} cannot be opened ({error.__cause__ or error}); mend or move that folder."
        raise ArtifactError(told) from error
    return database


def _opened(folder: Path) -> sqlite3.Connection:
    """Returns a connection to the file, which no other user of this machine may read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "sessions.sqlite"
    file.touch(mode=0o600)
    connection = sqlite3.connect(file, timeout=_WAIT_S, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS pulse (one INTEGER PRIMARY KEY, beats INTEGER NOT NULL)")
        connection.execute("INSERT INTO pulse VALUES (1, 0) ON CONFLICT DO NOTHING")
    return connection
