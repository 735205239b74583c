"""Folders that appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billp.errors import BadInputError

_WORK = re.compile(r"\.(.+)-[a-z0-9_]{8}")  # as mkdtemp ends names


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Gives an empty folder beside `target` to fill; on success it takes the place of `target`.

    When the block raises, or the process is killed in it, what stood at `target` is untouched. What a killed process
    left beside `target`, or beside any other folder there, is cleared away by the next call; if it was killed in the
    instant between the two renames that end the work, the old folder is put back. A disk that cannot be written to
    raises BadInputError.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    new, old = work / "new", work / "old"
    try:
        with _held(work):
            new.mkdir()
            yield new
            if target.exists():
                target.rename(old)  # a folder cannot replace one that holds files, so the old one steps aside
            try:
                new.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Removes the work folders in `folder` that no process holds any more."""
    for work in folder.glob(".*"):
        found = _WORK.fullmatch(work.name)
        if found is None or not work.is_dir():
            continue
        try:
            with _held(work):
                if (work / "old").is_dir() and not (folder / found[1]).exists():
                    (work / "old").rename(folder / found[1])
                shutil.rmtree(work, ignore_errors=True)
        except OSError:
            continue  # another process works in it, or has just finished


@contextmanager
def _held(work: Path) -> Iterator[None]:
    """Marks the folder as one that a living process works in; OSError where another one does."""
    mark = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(mark)


def _unwritable(target: Path, error: OSError) -> BadInputError:
    return BadInputError(f"{target} cannot be written ({error.strerror}); free space or choose another data_dir.")
