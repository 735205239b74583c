"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import BadInputError


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Gives an empty folder beside `target` to fill; on success it takes the place of `target`.

    When the block raises, or the process is killed in it, what stood at `target` is untouched. (Killed in the instant
    between the two renames that end it, the old folder is left in a `.NAME-*` folder beside `target`.) A disk that
    cannot be written to raises BadInputError.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    new, old = work / "new", work / "old"
    try:
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


def _unwritable(target: Path, error: OSError) -> BadInputError:
    return BadInputError(f"{target} cannot be written ({error.strerror}); free space or choose another data_dir.")
