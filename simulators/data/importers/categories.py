"""Categories in one cell: how a column writes them, and how they are parsed."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

SPACE = " "
LISTS = "lists"
"""Cells that are lists: as Python or pandas writes them, with brackets or (RecBole) without, or JSON."""

_GUESSED = ("|", ">", ";", ",")  # most telling first
_NONE = ("unknown", "(no genres listed)")  # MovieLens' words for "none known"; as categories they would make
# strangers look alike
_MOST_LISTS = 0.9  # share of cells that look like lists from which on the column holds lists
_NAMES = ("name", "title", "label", "genre", "category", "description", "value")  # keys of what an object is called
_LONGEST = 20_000  # characters of a cell that is parsed as a list

_BRACKETED = re.compile(r"\s*[\[({].*[\])}]\s*", re.DOTALL)
_QUOTED = re.compile(r"""\s*(?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*\s*""")
_NO_COMMA = re.compile(r"""(?<=['"])\s+(?=['"])""")  # between the strings of a NumPy array


def guessed_separator(cells: Iterable[str]) -> str | None:
    """Returns how a column writes categories, told from its different cells: LISTS, `|`, `>`, `;`, a comma or a space.

    LISTS where nine in ten of the cells that hold something look like lists; else the first of `|`, `>`, `;` and comma
    that any of the cells has. A space separates only where fewer words make up more different cells ("Action Comedy",
    "Action Drama", "Comedy Drama"); otherwise a cell is one category ("Hip Hop", "Home & Garden") and None is returned.
    """
    found: set[str] = set()
    words: set[str] = set()
    lists = 0
    filled = {" ".join(cell.split()) for cell in cells} - {""}
    for cell in filled:
        lists += bool(_BRACKETED.fullmatch(cell) or _QUOTED.fullmatch(cell))
        found.update(mark for mark in _GUESSED if mark in cell)
        words.update(cell.split())
    if filled and lists >= _MOST_LISTS * len(filled):
        return LISTS
    mark = next((mark for mark in _GUESSED if mark in found), None)
    return SPACE if mark is None and len(words) < len(filled) else mark


def split_categories(cell: str, separator: str | None) -> tuple[str, ...]:
    """Returns the categories in a cell, each once, spaces within them kept as one; None separates nothing."""
    if separator == LISTS:
        parts: Iterable[str] = _listed(cell)
    else:
        parts = [cell] if separator is None else cell.split() if separator == SPACE else cell.split(separator)
    names = (" ".join(part.split()) for part in parts)
    return tuple(dict.fromkeys(name for name in names if name and name.lower() not in _NONE))


def _listed(cell: str) -> Iterator[str]:
    text = cell.strip()
    if not (_BRACKETED.fullmatch(text) or _QUOTED.fullmatch(text)) or len(text) > _LONGEST:
        yield text  # one category that is written without brackets
        return
    for read in (json.loads, lambda text: ast.literal_eval(_NO_COMMA.sub(", ", text))):
        try:
            yield from _names(read(text))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return
    yield from (part.strip().strip("'\"") for part in text.strip("[](){}").split(","))  # [Drama, War]


def _names(value: object) -> Iterator[str]:
    """Yields what a list, or a list in it, holds: words, numbers, and the names of objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        known = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
        yield from [known] if known else (word for word in value.values() if isinstance(word, str))
    elif isinstance(value, list | tuple | set):
        for part in sorted(value, key=str) if isinstance(value, set) else value:
            yield from _names(part)
    elif value is not None:
        yield str(value)


def torn_apart(items: Iterable[Sequence[str]]) -> str | None:
    """Returns a sentence if the `items`' categories look wrongly split: fragments of a list, or never apart.

    Signs are quotes, brackets or separators at the ends of a category; a word such as "and" or "&"; and two categories
    that occur only together, on three items or more.
    """
    counts: Counter[str] = Counter()
    neighbours: Counter[tuple[str, str]] = Counter()
    for names in items:
        counts.update(names)
        neighbours.update(pairwise(names))
    for name in counts:
        if name[0] in "'\"[({,;&" or name[-1] in "'\"[({,;&" or name.casefold() in ("and", "of", "the", "und", "et"):
            return f"{name!r} is no category"
    for (one, other), times in neighbours.most_common():
        if times >= 3 and times == counts[one] == counts[other]:
            return f"{one!r} and {other!r} come only together"
    return None
