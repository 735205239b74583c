"""Files and folders that are written completely or not at all; removes what killed processes left."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

from billp import platforms
from billp.errors import BadInputError

_WORK = ".billp-"  # within the names of work folders
_REMOVED = ".removed"  # ends the name of a folder while it is removed
_BUSY = ".busy"  # locked while a work folder is in use
_NEW, _OLD = "new", "old"
_LONG_S = 86_400.0  # no file is written for longer
_LEAST = 1 << 20  # bytes of room without which no work is begun
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Path]]:
    """Provides a file beside each of `targets` to write; on success all of them replace their targets.

    If the block raises, or the process is killed in it, the old files are untouched. Raises OSError if a file cannot be
    written, and for a target that is something else than a file: a device such as /dev/null, a pipe, a folder, a link.
    """
    for target in targets:
        check_plain(target)
    partials = [target.with_name(f".{target.name}.{os.getpid()}") for target in targets]
    for target in targets:
        sweep_files(target)
    try:
        yield partials
        for partial in partials:
            partial.stat()  # if one is missing, none is replaced
        for partial, target in zip(partials, targets, strict=True):
            partial.replace(target)
    finally:
        for partial in partials:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def hold(file: IO[Any] | int, *, wait: bool = True) -> None:
    """Locks an open file against other processes, until it is closed or this process ends, however it ends.

    Raises OSError; without `wait`, BlockingIOError if another process holds it.
    """
    platforms.lock(file, wait=wait)


def write_whole(target: Path, text: str) -> None:
    """Replaces `target` by `text` atomically; a file with the same text is left alone."""
    new = text.encode()
    with suppress(OSError):
        if read_bounded(target, len(new)) == new:
            return
    with replacing(target) as (partial,):
        partial.write_bytes(new)


@contextmanager
def work_folder(parent: Path, name: str) -> Iterator[Path]:
    """Provides an empty folder in `parent`, named after `name`, and removes it afterwards; raises OSError if full.

    It also removes work folders that killed processes left in `parent`, but none that are in use.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    check_room(parent)
    work, busy = _taken(parent, name)
    try:
        with busy:
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)  # Windows removes no open file


def sweep(parent: Path) -> None:
    """Removes work folders that killed processes left in `parent`, but none that are in use."""
    for left in parent.glob(f".*{_WORK}*"):
        _sweep_folder(left)


def sweep_files(target: Path) -> None:
    """Removes what processes left beside `target` that were killed while they wrote it."""
    for left in target.parent.glob(f".{_escaped(target.name)}.*"):
        number = left.name.rpartition(".")[2]
        if number.isdecimal():
            with suppress(OSError):
                if not _in_use(left, int(number)):
                    left.unlink()


def replace_folder(target: Path, work: Path) -> None:
    """Puts the folder `new` of the work folder `work` in the place of `target`; raises OSError.

    If the file system cannot exchange two folders there is an instant without `target`; if the process is killed in it,
    the next `work_folder` beside it restores the folder.
    """
    new, old = work / _NEW, work / _OLD
    if not target.exists():
        new.rename(target)
        return
    try:
        _exchange(new, target)
        return
    except OSError:
        target.rename(old)  # a folder cannot replace one that holds files, so the old one is moved first
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise


def out_of_sight(folder: Path) -> Path:
    """Returns where to move `folder` before it is removed, so that a kill leaves no half of it in its place.

    What earlier kills left beside it is swept up first.
    """
    for left in folder.parent.glob(f".*{_REMOVED}"):
        shutil.rmtree(left, ignore_errors=True)
    return folder.with_name(f".{folder.name}{_REMOVED}")


def check_room(folder: Path) -> None:
    """Raises OSError if the disk of the folder, which need not exist yet, is full; call it before long work."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if shutil.disk_usage(there).free < _LEAST:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(there))


def read_bounded(path: Path, limit: int) -> bytes:
    """Returns the bytes of a regular file; raises OSError for anything else and for more than `limit` bytes."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(f"{path} has {size} bytes, more than the {limit} that it may have")
        return file.read()


def bounded_lines(path: Path, longest: int) -> Iterator[bytes]:
    """Yields the lines of a regular file with line ends; raises OSError as `read_bounded`, for lines over `longest`."""
    with open_plain(path) as file:
        while line := file.readline(longest + 1):
            if len(line) > longest:
                raise OSError(f"{path} has a line of more than {longest} bytes")
            yield line


def private_folder(path: Path) -> None:
    """Creates the folder, readable by its owner alone, if it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    with suppress(OSError):  # an existing one may be shared on purpose
        path.chmod(0o700)


def open_plain(path: Path) -> BufferedReader:
    """Opens a regular file for reading; raises OSError for anything else, such as a pipe."""
    handle = os.open(path, os.O_RDONLY | platforms.AT_ONCE | platforms.AS_IT_IS)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(handle, "rb")


def check_plain(path: Path) -> None:
    """Raises OSError if something else than a plain file stands at `path`, a link included; nothing may stand there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no plain file", str(path))


def open_lock(path: Path) -> BinaryIO:
    """Opens the file `path` to `hold` it, and creates it if it is not there; what is in it stays.

    Raises OSError for a link, which might lead to any file, and for anything else that is no plain file.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | platforms.NO_LINK | platforms.AT_ONCE | platforms.AS_IT_IS, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(handle, "r+b", buffering=0)


def _taken(parent: Path, name: str) -> tuple[Path, TextIO]:
    """Creates a work folder and locks it; another process may remove it before it is locked."""
    while True:
        work = Path(tempfile.mkdtemp(prefix=f".{name}{_WORK}", dir=parent))
        try:
            busy = (work / _BUSY).open("w")
        except FileNotFoundError:
            continue
        hold(busy)
        if (work / _BUSY).exists():
            return work, busy
        busy.close()


def _sweep_folder(left: Path) -> None:
    with suppress(OSError):
        if not (left / _BUSY).exists():
            left.rmdir()  # killed before it was locked, so that it is empty
            return
        with (left / _BUSY).open("r+") as busy:
            hold(busy, wait=False)
            target = left.with_name(left.name[1:].rpartition(_WORK)[0])
            if (left / _OLD).is_dir() and not target.exists():
                (left / _OLD).rename(target)
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(left, ignore_errors=True)  # as in `work_folder`


def _exchange(one: Path, other: Path) -> None:
    """Exchanges two folders in one step, as Linux can on most disks; raises OSError if that is impossible."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, TypeError):  # TypeError: on Windows there is no library without a name
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if call(_AT_FDCWD, os.fsencode(one.absolute()), _AT_FDCWD, os.fsencode(other.absolute()), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _in_use(left: Path, process: int) -> bool:
    """Returns whether the process that wrote the file `left` may still be writing it; raises OSError."""
    runs = platforms.runs(process)
    return time.time() - left.stat().st_mtime < _LONG_S if runs is None else runs


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Provides an empty folder beside `target` to fill; on success it replaces `target`.

    If the block raises, or the process is killed in it, the old `target` is untouched. The next call removes what a
    killed process left beside `target` or beside any other folder there. Raises BadInputError if the disk cannot be
    written to.
    """
    with _written(target), work_folder(target.parent, target.name) as work:
        new = work / "new"
        new.mkdir()
        yield new
        replace_folder(target, work)


def check_place(target: Path) -> None:
    """Raises BadInputError if `target` cannot be written, as `replaced_folder` would; call it before long work."""
    with _written(target):
        check_room(target)


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInputError(
            f"{target} cannot be written ({error.strerror}); free space or choose another data_dir."
        ) from error
