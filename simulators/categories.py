"""An item's categories in one cell: how they are separated, and what they are."""

from __future__ import annotations

from collections.abc import Iterable

SPACE = " "
_GUESSED = ("|", ",")  # most telling first; a space is left
_NONE = ("unknown", "(no genres listed)")  # MovieLens' words for "none known"; as categories they would make
# strangers look alike


def guessed_separator(cells: Iterable[str]) -> str:
    """`|` where any of the cells has one, else a comma where any has one, else a space."""
    found: set[str] = set()
    for cell in cells:
        found.update(mark for mark in _GUESSED if mark in cell)
    return next((mark for mark in _GUESSED if mark in found), SPACE)


def split_categories(cell: str, separator: str | None) -> tuple[str, ...]:
    """The categories in a cell, each once, spaces within them kept as one; None separates nothing."""
    parts = [cell] if separator is None else cell.split() if separator == SPACE else cell.split(separator)
    names = (" ".join(part.split()) for part in parts)
    return tuple(dict.fromkeys(name for name in names if name and name.lower() not in _NONE))
