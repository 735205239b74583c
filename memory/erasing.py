"""Erases records for good: afterwards no file in the memory's folder holds them.

Chroma only marks records as deleted. It keeps them in its log of writes (whole, until its index is next stored) and in
the free pages of its database. This module blanks the copies in the log and rewrites the database. On a Chroma server
only Chroma itself can do that.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from billp.errors import MemoryStoreError
from billp.memory.agent_memory import AgentMemory
from billp.memory.inventory import folder_of, memory_folder
from billp.memory.store.folder import FILE, FolderLock
from billp.memory.store.registry import drop_memory
from billp.settings import Settings
from billp.whole_files import out_of_sight

_WAIT_S = 30.0  # for Chroma, which may be reading
_PAGE = 500


def erase_user(settings: Settings, agent_memory: AgentMemory, user: str, *, runs: str = "") -> int:
    """Erases what `user` taught `agent_memory` in runs whose names begin with `runs`; returns how many records.

    Raises MemoryStoreError if the folder cannot be rewritten.
    """
    ids = agent_memory.ids_of(user, runs=runs)
    agent_memory.forget(ids)
    if ids and not settings.chroma_url:
        _blank(folder_of(settings, agent_memory.dataset, agent_memory.name) / FILE, ids)
    return len(ids)


def erase_memory(settings: Settings, dataset: str, name: str) -> None:
    """Removes the memory `name` of `dataset` with its files. It must not be open; a missing one is no error."""
    if settings.chroma_url:
        drop_memory(settings, dataset, name)
        return
    folder, root = folder_of(settings, dataset, name), memory_folder(settings)
    if folder == root:  # holds several memories, as in earlier versions
        drop_memory(settings, dataset, name)
        _blank(folder / FILE, [])
        return
    gone = out_of_sight(folder)
    if folder.is_dir():
        _remove(folder, gone)


def _remove(folder: Path, gone: Path) -> None:
    """Removes `folder` by way of `gone`, which needs no room on the disk."""
    lock = FolderLock(folder)
    try:
        try:
            folder.rename(gone)
        except PermissionError:  # Windows moves no folder in which a file is open
            lock.release()
            folder.rename(gone)
        lock.release()
        shutil.rmtree(gone)
    except OSError as error:
        left = gone if gone.exists() else folder
        raise MemoryStoreError(f"The memory in {left} cannot be removed ({error}); remove that folder.") from error
    finally:
        lock.release()


def _blank(file: Path, ids: Sequence[str]) -> None:
    """Removes the deleted records `ids` from Chroma's log and from the free pages of its database."""
    try:
        with closing(sqlite3.connect(file, timeout=_WAIT_S, isolation_level=None)) as database:
            database.execute("PRAGMA secure_delete = ON")
            for start in range(0, len(ids), _PAGE):
                database.executemany(
                    "UPDATE embeddings_queue SET metadata = NULL WHERE id = ?",
                    [(id_,) for id_ in ids[start : start + _PAGE]],
                )
            database.execute("INSERT INTO embedding_fulltext_search(embedding_fulltext_search) VALUES ('optimize')")
            database.execute("VACUUM")
    except sqlite3.Error as error:
        raise MemoryStoreError(
            f"The memory in {file.parent} was told to forget, but its files still hold what was deleted ({error}); "
            "try again when it is not in use."
        ) from error
