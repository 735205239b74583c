"""Erases records for good: afterwards no file in the memory's folder holds them.

Chroma only marks records as deleted. It keeps them in its log of writes (whole, until its index is next stored) and in
the free pages of its database. This module blanks the copies in the log and rewrites the database. On a Chroma server
only Chroma itself can do that.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from billp.errors import MemoryStoreError
from billp.memory.agent_memory import AgentMemory
from billp.memory.inventory import folder_of, memory_folder
from billp.memory.records import Kind
from billp.memory.store.connection import is_open, sweep_copies
from billp.memory.store.folder import FILE, FolderLock, blank_unset, open_database
from billp.memory.store.registry import drop_memory
from billp.settings import Settings
from billp.whole_files import out_of_sight

_WAIT_S = 30.0  # for Chroma, which may be reading
_BEGUN = "billp.erasing"  # is in the folder from the first deletion until no file holds what was deleted
_DELETED = """
    UPDATE embeddings_queue AS entry SET metadata = NULL WHERE metadata IS NOT NULL AND EXISTS (
        SELECT 1 FROM embeddings_queue AS later WHERE later.topic = entry.topic AND later.id = entry.id
        AND later.operation = 3 AND later.seq_id > entry.seq_id
    )
"""
"""Blanks what Chroma's log holds of records that it tells to delete later on."""


def erase_user(settings: Settings, agent_memory: AgentMemory, user: str, *, runs: str = "") -> int:
    """Erases what `user` taught `agent_memory` in runs whose names begin with `runs`; returns how many records.

    Raises MemoryStoreError if the folder cannot be rewritten; the next call erases what is left.
    """
    ids = agent_memory.ids_of(user, runs=runs)
    erase_records(settings, agent_memory, ids)
    return len(ids)


def erase_records(settings: Settings, agent_memory: AgentMemory, ids: Sequence[str]) -> None:
    """Erases the records with these ids; an id without a record is no error. Raises as `erase_user` does."""
    with _for_good(settings, agent_memory.dataset, agent_memory.name, needed=bool(ids)):
        agent_memory.forget(ids)


def erase_kind(settings: Settings, agent_memory: AgentMemory, kind: Kind) -> None:
    """Erases all records of `kind`. Raises as `erase_user` does."""
    with _for_good(settings, agent_memory.dataset, agent_memory.name):
        agent_memory.clear(kind)


def erase_memory(settings: Settings, dataset: str, name: str) -> None:
    """Removes the memory `name` of `dataset` with its files, damaged ones too; a missing one is no error.

    If this process has it open, it is emptied instead. Raises MemoryStoreError if another process has it open, or its
    files cannot be removed.
    """
    if settings.chroma_url:
        drop_memory(settings, dataset, name)
        return
    folder, root = folder_of(settings, dataset, name), memory_folder(settings)
    if folder == root or is_open(folder):  # the root held several memories in earlier versions
        with _for_good(settings, dataset, name):
            drop_memory(settings, dataset, name)
        return
    sweep_copies(folder)
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


@contextmanager
def _for_good(settings: Settings, dataset: str, name: str, *, needed: bool = True) -> Iterator[None]:
    """Removes from the files what the block deletes, and what an earlier block deleted that was broken off."""
    if settings.chroma_url:
        yield
        return
    folder = folder_of(settings, dataset, name)
    begun = folder / _BEGUN
    if not needed and not begun.exists():
        yield
        return
    try:
        begun.touch()
        yield
        _blank(folder / FILE)
        begun.unlink()
    except (OSError, sqlite3.Error) as error:
        raise MemoryStoreError(
            f"The memory in {folder} was told to forget, but its files still hold what was deleted ({error}); "
            "try again when it is not in use."
        ) from error


def _blank(file: Path) -> None:
    """Removes what was deleted from Chroma's log, from the free pages of its database, and from copies and indices."""
    with open_database(file, _WAIT_S) as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute(_DELETED)
        database.execute("INSERT INTO embedding_fulltext_search(embedding_fulltext_search) VALUES ('optimize')")
        database.execute("VACUUM")
        used = {id_ for (id_,) in database.execute("SELECT id FROM segments")}
    blank_unset(file.parent)
    for index in {header.parent for header in file.parent.glob("*/header.bin")}:
        if index.name not in used:  # Chroma leaves those of a collection that is gone
            shutil.rmtree(index)
    sweep_copies(file.parent)
