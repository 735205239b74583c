"""Folders that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billp.errors import BadInputError
from billp.whole_files import check_room, replace_folder, work_folder


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Gives an empty folder beside `target` to fill; on success it takes the place of `target`.

    When the block raises, or the process is killed in it, what stood at `target` is untouched. What a killed process
    left beside `target`, or beside any other folder there, is cleared away by the next call. A disk that cannot be
    written to raises BadInputError.
    """
    with _written(target), work_folder(target.parent, target.name) as work:
        new = work / "new"
        new.mkdir()
        yield new
        replace_folder(target, work)


def check_place(target: Path) -> None:
    """Raises BadInputError, as `replaced_folder` would, where the disk is full: for work that comes before that."""
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
