"""Fields of NAME.user (age, occupation, ...) as integer codes for rating models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billp.errors import DataError
from billp.simulators.data.atomic_files import read_header, read_rows

BUCKETS = 10
MOST_VALUES = 100
"""A field of words with more values than this identifies users instead of grouping them, and is left out."""


@dataclass(frozen=True, eq=False)
class UserField:
    """One field: `codes[u]` of user `u` is 0 if it is not known, else 1 to `size` - 1; shape (n_users,)."""

    name: str
    codes: NDArray[np.int64]
    size: int


def read_user_fields(path: Path, user_column: str, user_keys: tuple[str, ...]) -> tuple[UserField, ...]:
    """Returns the fields of type token and float in `path`, coded for the users with these ids; skips other users.

    Numbers with more than BUCKETS different values (an age) are put into BUCKETS buckets of about equal size. A field
    of words with more than MOST_VALUES different ones (a postal code), and a field with one value, are left out.

    Raises DataError if there is no column of user ids, and for an id that is empty or appears twice.
    """
    header = read_header(path)
    names = list(header)
    if user_column not in header:
        raise DataError(
            f"{path.name} line 1: no column {user_column!r} among {', '.join(names)}; add it or remove the file."
        )
    key = names.index(user_column)
    index = {user: position for position, user in enumerate(user_keys)}
    columns = {
        place: _Column(len(user_keys))
        for place, name in enumerate(names)
        if place != key and header[name] in ("token", "float")
    }
    seen: set[str] = set()
    for number, fields in read_rows(path):
        user = fields[key]
        if not user or user in seen:
            fault = f"user id {user!r} appears twice" if user else "the user id is empty"
            raise DataError(f"{path.name} line {number}: {fault}; give every user one line and one id.")
        seen.add(user)
        position = index.get(user)
        if position is not None:
            for place, column in columns.items():
                column.put(position, fields[place].strip())
    coded = ((names[place], *column.coded()) for place, column in columns.items())
    return tuple(UserField(name, codes, size) for name, codes, size in coded if size > 2)


def bucketed(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Returns codes of numbers and how many codes there are: 0 for NaN, else the bucket from 1 on.

    Each value has its own bucket if there are at most BUCKETS values; otherwise quantiles separate the buckets.
    """
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    if len(distinct) > BUCKETS:
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BUCKETS + 1)[1:-1]))
    else:
        edges = distinct[1:]
    codes = np.zeros(len(values), dtype=np.int64)
    codes[known] = 1 + np.searchsorted(edges, values[known], side="right")
    return codes, len(edges) + 2


class _Column:
    """One field while it is read: numbers until a value is not a number, words until there are too many."""

    def __init__(self, n_users: int) -> None:
        self._numbers: NDArray[np.float64] | None = np.full(n_users, np.nan)
        self._codes: NDArray[np.int64] | None = np.zeros(n_users, dtype=np.int64)
        self._words: dict[str, int] = {}

    def put(self, user: int, word: str) -> None:
        if not word:
            return
        if self._numbers is not None:
            try:
                self._numbers[user] = float(word)
            except ValueError:
                self._numbers = None
        if self._codes is not None:
            self._codes[user] = self._words.setdefault(word, len(self._words) + 1)
            if len(self._words) > MOST_VALUES:
                self._codes = None

    def coded(self) -> tuple[NDArray[np.int64], int]:
        """Returns the codes, and how many there are; no codes if the field is of no use."""
        if self._numbers is not None:
            return bucketed(self._numbers)
        if self._codes is not None:
            return self._codes, len(self._words) + 1
        return np.zeros(0, dtype=np.int64), 0
