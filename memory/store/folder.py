"""A memory's folder on the disk: locked by its one writer, checked for damage, copied for readers."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billp.errors import MemoryStoreError
from billp.memory.store.gates import gate_of
from billp.whole_files import hold, open_lock, open_plain

FILE = "chroma.sqlite3"
_TRIES = 20
_WAIT_S = 5.0  # for another process that is writing
DAMAGED = (sqlite3.Error, UnicodeDecodeError)  # what a damaged database raises; its message may not be UTF-8
LOCK = "billp.lock"
_HEADER = struct.Struct("<i6QiI3QdQ")
_STORED = "index_metadata.pickle"  # is there once the index was stored; its content is Chroma's business
_COUNT = 4  # bytes before a list of neighbours


class FolderLock:
    """An exclusive lock on a folder, held until `release` or until the process ends, in whatever way.

    Chroma's folder is for one process: a second one would wait a quarter of an hour for the first (chroma #7040).
    """

    def __init__(self, folder: Path, wait_s: float = 2.0) -> None:
        """Locks the existing `folder`; raises MemoryStoreError if another process still holds it after `wait_s`."""
        self.folder = folder
        path = folder / LOCK
        try:
            self._file = open_lock(path)
        except OSError as error:
            raise unreadable(folder, error) from error
        patience = time.monotonic() + wait_s
        while True:
            try:
                hold(self._file, wait=False)
                break
            except BlockingIOError as error:
                if time.monotonic() < patience:
                    time.sleep(0.05)
                    continue
                owner = self._file.read(100).decode(errors="replace").strip() or "unknown"
                self._file.close()
                raise MemoryStoreError(
                    f"The memory in {folder} is in use by process {owner}: wait for it, "
                    "or let both use one Chroma server (BILLP_CHROMA_URL)."
                ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Releases the lock; the file stays, since removing it would let two processes lock two different files."""
        self._file.close()


def take_snapshot(folder: Path, target: Path) -> None:
    """Copies the memory in `folder`, as it stands at one moment, into the empty folder `target`.

    Another process may be writing. The database is copied as one transaction sees it, and holds every write since the
    vector indices beside it were last stored. If an index is stored meanwhile, the copy is made again.
    Raises MemoryStoreError if it cannot be read, OSError if the disk of `target` is full.
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


def put_in_place(work: Path, folder: Path) -> None:
    """Moves the memory in `work` into the place of the one in `folder`, which nothing has open; raises OSError.

    An index has a name of its own, so a kill leaves one memory or the other whole, and at most indices beside it that
    nothing uses.
    """
    old = {header.parent for header in folder.glob("*/header.bin")}
    blank_unset(work)
    for index in {header.parent for header in work.glob("*/header.bin")}:
        index.rename(folder / index.name)
    (work / FILE).replace(folder / FILE)
    _settle(folder)  # before what the old database needs is gone
    for index in old:
        shutil.rmtree(index)


def _settle(folder: Path) -> None:
    """Returns when the names in `folder` are on the disk; does nothing where folders cannot be opened (Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def blank_unset(folder: Path) -> None:
    """Overwrites the lengths in indices in `folder` that were made and not stored since; raises OSError.

    They are 400 bytes that Chroma never set: what was freed before, texts too. The C library scrubs larger pieces alone
    (`scrub_freed_memory`), for it hands out small ones again as they are.
    """
    for lengths in folder.glob("*/length.bin"):
        if not (lengths.parent / _STORED).exists():
            opened = os.open(lengths, os.O_WRONLY)  # in place, since Chroma may have it open
            try:
                os.write(opened, bytes(lengths.stat().st_size))
            finally:
                os.close(opened)


def indexed(folder: Path) -> int:
    """Returns how many vectors the stored indices in `folder` hold, with those of deleted records."""
    headers = [_bytes_of(header) for header in folder.glob("*/header.bin")]
    return sum(_HEADER.unpack(header)[3] for header in headers if len(header) == _HEADER.size)


def check_folder(folder: Path, known_as: Path) -> None:
    """Raises MemoryStoreError if the database or an index is damaged; Chroma itself may crash on them."""
    path = folder / FILE
    if not path.exists():
        return
    try:
        with open_database(path) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        faults = [f"{file.name} of an index is no plain file" for file in folder.glob("*/*.bin") if not file.is_file()]
        indices = () if faults else sorted(header.parent for header in folder.glob("*/header.bin"))
        faults += [fault for index in indices if (fault := index_fault(index))]
    except (OSError, *DAMAGED) as error:
        raise unreadable(known_as, error) from error
    if said != "ok" or not {"collections", "segments", "embeddings"} <= tables:
        faults.append(f"{FILE} is damaged" if tables else f"{FILE} holds nothing")
    if faults:
        raise unreadable(known_as, faults[-1])


def lacks_room(error: BaseException) -> bool:
    """Returns whether a full disk caused `error`; Chroma and SQLite only say so in words."""
    return (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or "disk is full" in str(error)


def unreadable(folder: Path, why: object) -> MemoryStoreError:
    """Makes the error that says that the memory in `folder` cannot be read."""
    return MemoryStoreError(f"The memory in {folder} cannot be read ({why}); restore it or move it away.")


@contextmanager
def open_database(path: Path, wait_s: float = _WAIT_S) -> Iterator[sqlite3.Connection]:
    """Provides the database, while Chroma does not use it in this process.

    What a killed writer left half-done is rolled back first. Each statement is a transaction.
    """
    address = f"{path.resolve().as_uri()}?mode=rw"
    with (
        gate_of(path.parent).alone(),
        closing(sqlite3.connect(address, uri=True, timeout=wait_s, isolation_level=None)) as database,
    ):
        yield database


def _copy_database(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with open_database(source) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _indices(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Returns the files of the vector indices, with their sizes and times of change."""
    found = {}
    for path in sorted(folder.glob("*/*.*")):
        about = path.stat()
        found[str(path.relative_to(folder))] = (about.st_size, about.st_mtime_ns)
    return found


def index_fault(folder: Path) -> str:
    """Says what is wrong with the vector index in `folder`; empty where nothing is, or none was stored yet.

    Chroma's core crashes on a damaged one. The layout is hnswlib's: a header; the lowest level, one element after
    another, each with its neighbours, vector and label; and for each element its neighbours on the levels above.
    """
    if not (folder / _STORED).exists():
        return ""
    header = _bytes_of(folder / "header.bin")
    if len(header) != _HEADER.size:
        return "the header of an index is cut off"
    (_, _, most, count, size, label, vector, _, enter, upper, lowest, _, _, _) = _HEADER.unpack(header)
    if not (count <= most and enter < max(count, 1) and vector == _COUNT + 4 * lowest and label < size <= 2**20):
        return "the header of an index is damaged"
    level0 = np.fromfile(folder / "data_level0.bin", dtype=np.uint8)
    if len(level0) != count * size or (folder / "length.bin").stat().st_size != 4 * count:
        return "an index is cut off"
    above = _lists_above(_bytes_of(folder / "link_lists.bin"), count, _COUNT + 4 * upper)
    sound = _are_neighbours(level0.reshape(count, size)[:, :vector], lowest, count)
    return "" if sound and above is not None and _are_neighbours(above, upper, count) else "an index is damaged"


def _bytes_of(path: Path) -> bytes:
    with open_plain(path) as file:
        return file.read()


def _lists_above(links: bytes, count: int, width: int) -> NDArray[np.uint8] | None:
    """Returns the lists of neighbours on the upper levels, shape (n, width); None if they are invalid."""
    lists, at = [], 0
    for _ in range(count):
        size = int.from_bytes(links[at : at + _COUNT], "little")
        if at + _COUNT + size > len(links) or size % width:
            return None
        lists.append(links[at + _COUNT : at + _COUNT + size])
        at += _COUNT + size
    return np.frombuffer(b"".join(lists), dtype=np.uint8).reshape(-1, width) if at == len(links) else None


def _are_neighbours(rows: NDArray[np.uint8], most: int, count: int) -> bool:
    """Returns whether each of `rows` (n, 4 + 4 most) begins with a count up to `most` of valid elements."""
    numbers = np.ascontiguousarray(rows[:, :2]).view("<u2")
    elements = np.ascontiguousarray(rows[:, _COUNT:]).view("<u4")
    used = np.arange(most) < numbers
    return bool((numbers <= most).all() and (elements[used] < count).all())
