"""A copy of a memory's folder to read from, so that readers need no lock and disturb no writer."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from billp.errors import MemoryStoreError
from billp.memory.store.index_check import index_fault

FILE = "chroma.sqlite3"
_TRIES = 20
_WAIT_S = 5.0  # for another process that is writing
DAMAGED = (sqlite3.Error, UnicodeDecodeError)  # what a damaged database raises: it may quote itself in no UTF-8


def take_snapshot(folder: Path, target: Path) -> None:
    """Copies the memory in `folder`, as it stands at one moment, into the empty folder `target`.

    Another process may be writing: the database is copied as one transaction sees it, and it holds every write since
    the vector indices beside it were last stored; where one of those is stored meanwhile, the copy is made again.
    Raises MemoryStoreError where it cannot be read, OSError where the disk of `target` is full.
    """
    if not (folder / FILE).exists():
        return
    for _ in range(_TRIES):
        before = _indices(folder)
        try:
            for name in before:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, target / name)
            _copy_database(folder / FILE, target / FILE)
        except FileNotFoundError:  # an index was dropped in between
            continue
        except (OSError, *DAMAGED) as error:
            if lacks_room(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise unreadable(folder, error) from error
        if _indices(folder) == before:
            return
    raise MemoryStoreError(f"The memory in {folder} is written all the time; try again in a moment.")


def check_folder(folder: Path, known_as: Path) -> None:
    """Raises MemoryStoreError where database or indices are damaged; Chroma itself may crash on them."""
    path = folder / FILE
    if not path.exists():
        return
    try:
        with closing(open_database(path)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        faults = [fault for header in sorted(folder.glob("*/header.bin")) if (fault := index_fault(header.parent))]
    except (OSError, *DAMAGED) as error:
        raise unreadable(known_as, error) from error
    if said != "ok" or not {"collections", "segments", "embeddings"} <= tables:
        faults.append(f"{FILE} is damaged" if tables else f"{FILE} holds nothing")
    if faults:
        raise unreadable(known_as, faults[-1])


def lacks_room(error: BaseException) -> bool:
    """Whether a full disk is what went wrong; Chroma and SQLite say so in words."""
    return (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "disk is full" in str(error)


def unreadable(folder: Path, why: object) -> MemoryStoreError:
    """The error that says that the memory in a folder cannot be read."""
    return MemoryStoreError(f"The memory in {folder} cannot be read ({why}); restore it or move it away.")


def open_database(path: Path) -> sqlite3.Connection:
    """The database, to be read; what a writer that was killed left half-done is first rolled back."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_WAIT_S)


def _copy_database(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with closing(open_database(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _indices(folder: Path) -> Mapping[str, tuple[int, int]]:
    """The files of the vector indices, with size and time of the last change."""
    found = {}
    for path in sorted(folder.glob("*/*.*")):
        about = path.stat()
        found[str(path.relative_to(folder))] = (about.st_size, about.st_mtime_ns)
    return found
