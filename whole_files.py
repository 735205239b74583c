"""Files and folders that appear whole or not at all, and what a killed process left of them, swept up."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_BUSY = ".busy"  # locked while a work folder is in use


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Path]]:
    """Gives a file beside each of `targets` to write; on success all of them take their places.

    When the block raises, or the process is killed in it, what stood there is untouched. Raises OSError where it cannot
    be written.
    """
    partials = [target.with_name(f".{target.name}.{os.getpid()}") for target in targets]
    for target in targets:
        _sweep_files(target)
    try:
        yield partials
        for partial in partials:
            partial.stat()  # one that is missing keeps all from being replaced
        for partial, target in zip(partials, targets, strict=True):
            partial.replace(target)
    finally:
        for partial in partials:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def write_whole(target: Path, text: str) -> None:
    """Replaces `target` by `text`, whole or not at all; a file that holds it already is left alone."""
    with suppress(OSError, UnicodeDecodeError):
        if target.read_text(encoding="utf-8") == text:
            return
    with replacing(target) as (partial,):
        partial.write_text(text, encoding="utf-8")


@contextmanager
def work_folder(parent: Path, name: str) -> Iterator[Path]:
    """An empty folder `.NAME-xxxxxxxx` in `parent`, removed when the block ends; raises OSError.

    Those of the same name that killed processes left are removed, too; those in use are not touched.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f".{_escaped(name)}-*"):
        _sweep_folder(left)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    with (work / _BUSY).open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a plain file; raises OSError for anything else, such as a pipe, and for more than `limit` bytes."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(f"{path} has {size} bytes, more than the {limit} that it may have")
        return file.read()


def bounded_lines(path: Path, longest: int) -> Iterator[bytes]:
    """The lines of a plain file with their line ends; raises OSError as `read_bounded`, for a line over `longest`."""
    with open_plain(path) as file:
        while line := file.readline(longest + 1):
            if len(line) > longest:
                raise OSError(f"{path} has a line of more than {longest} bytes")
            yield line


def private_folder(path: Path) -> None:
    """Makes the folder, readable by its owner alone, where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    with suppress(OSError):  # somebody else's, which may be shared on purpose
        path.chmod(0o700)


def open_plain(path: Path) -> BinaryIO:
    """A plain file, opened to be read; raises OSError for anything else, such as a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for until somebody writes
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is no plain file")
    return os.fdopen(handle, "rb")


def _sweep_files(target: Path) -> None:
    for left in target.parent.glob(f".{_escaped(target.name)}.*"):
        number = left.name.rpartition(".")[2]
        if number.isdecimal() and not _runs(int(number)):
            with suppress(OSError):
                left.unlink()


def _sweep_folder(left: Path) -> None:
    with suppress(OSError), (left / _BUSY).open("r+") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)
