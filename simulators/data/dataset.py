"""A dataset: its catalogue and its users' ratings."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Catalogue, Item
from billp.errors import DataError
from billp.names import nearest
from billp.simulators.data.atomic_files import read_header, read_rows
from billp.simulators.data.importers.categories import SPACE, split_categories
from billp.simulators.data.mapping import ColumnMapping, column_flag
from billp.simulators.data.user_fields import UserField, read_user_fields
from billp.simulators.progress import Progress
from billp.simulators.rating.base import Logs
from billp.whole_files import open_plain

LIKED = 4.0
"""Ratings from here on, on the scale of 1 to 5, count as liked."""

SUFFIXES = (".inter", ".item", ".user")
"""The atomic files of a dataset; the last is optional."""

_YEAR = re.compile(r"\d{4}(?=\.0$|$)")


@dataclass(frozen=True, eq=False)
class Dataset:
    """The logs of one dataset, sorted by user and then by time; rows of equal time keep the order of the file.

    `users`, `items` (int32, catalogue indices), `ratings` (float32) and `timestamps` (int64) have one entry per row and
    are read-only. Ratings are on a scale of 1 to 5, whatever the scale of the file. `user_keys[u]` is the id of user
    `u` in the file, `user_fields` is what else is known of the users. `fingerprint` changes with the files' bytes and
    with the mapping.

    `negatives` are sampled pairs that are not in the log, which say what an implicit log cannot: what users left aside.
    `rated_by` includes them; no user's rows, histories or counts do.
    """

    name: str
    catalogue: Catalogue
    user_keys: tuple[str, ...]
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64]
    mapping: ColumnMapping
    fingerprint: str
    user_fields: tuple[UserField, ...] = ()
    negatives: Logs | None = None

    def __len__(self) -> int:
        return len(self.users)

    def rated_by(self, users: NDArray[np.int32]) -> Logs:
        """Returns all ratings of `users`: the rows of the log, then the sampled negatives."""
        logs = Logs(self.users, self.items, self.ratings)
        parts = [logs] if self.negatives is None else [logs, self.negatives]
        mine = [part.at(np.flatnonzero(np.isin(part.users, users))) for part in parts]
        return Logs(
            np.concatenate([part.users for part in mine]),
            np.concatenate([part.items for part in mine]),
            np.concatenate([part.ratings for part in mine]),
        )

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.searchsorted(self.users, np.arange(len(self.user_keys) + 1)).astype(np.int64)

    @cached_property
    def _index_of_key(self) -> dict[str, int]:
        return {key: index for index, key in enumerate(self.user_keys)}

    def user_index(self, key: str) -> int:
        """Returns the index of the user with id `key`; raises DataError naming similar ids if there is none."""
        try:
            return self._index_of_key[key]
        except KeyError:
            near = nearest(key, self.user_keys)
            raise DataError(f"Dataset {self.name} has no user {key!r}; ids like it are {', '.join(near)}.") from None

    def popularity(self, users: NDArray[np.int32]) -> NDArray[np.int64]:
        """Returns the interactions of each item in the logs of `users`, shape (items,)."""
        return np.bincount(self.items[np.isin(self.users, users)], minlength=len(self.catalogue))

    def history(self, user: int, n: int) -> list[int]:
        """Returns the last `n` items that the user liked (rated 4 or better), oldest first.

        For a user who liked none, these are the last `n` rated items.
        """
        if not 0 <= user < len(self.user_keys):
            raise DataError(f"Dataset {self.name} has no user {user}; ask for one from 0 to {len(self.user_keys) - 1}.")
        rows = slice(self._starts[user], self._starts[user + 1])
        items = self.items[rows]
        liked = items[self.ratings[rows] >= LIKED]
        chosen = liked if len(liked) else items
        return [int(item) for item in chosen[max(0, len(chosen) - n) :]]

    def rated(self, user: int) -> NDArray[np.int32]:
        """Returns all items that the user rated, each once, ascending; shape (k,)."""
        return np.unique(self.items[self._starts[user] : self._starts[user + 1]])


def read_dataset(folder: Path, name: str, mapping: ColumnMapping, progress: Progress | None = None) -> Dataset:
    """Reads the dataset in `folder`: NAME.inter, NAME.item and, if it exists, NAME.user.

    Raises DataError, naming file and line, at the first fault.
    """
    inter, item, user = (folder / f"{name}{suffix}" for suffix in SUFFIXES)
    catalogue = _read_catalogue(item, name, mapping)
    user_keys, users, items, ratings, timestamps, sampled = _read_log(inter, catalogue, mapping, progress)
    user_fields = read_user_fields(user, mapping.user, user_keys) if user.exists() else ()
    negatives = Logs(users[sampled], items[sampled], ratings[sampled]) if sampled.any() else None
    logged = np.flatnonzero(~sampled)
    order = logged[np.lexsort((timestamps[logged], users[logged]))]  # lexsort is stable
    columns = users[order], items[order], ratings[order], timestamps[order]
    for column in columns:
        column.setflags(write=False)
    digests = {path.suffix: file_digest(path) for path in (inter, item, user) if path.exists()}
    fingerprint = _fingerprint(digests, mapping)
    return Dataset(name, catalogue, user_keys, *columns, mapping, fingerprint, user_fields, negatives)


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of the file, in hexadecimal."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(digests: dict[str, str], mapping: ColumnMapping) -> str:
    lines = [f"{suffix} {digest}" for suffix, digest in sorted(digests.items())]
    return hashlib.sha256("\n".join([*lines, mapping.model_dump_json()]).encode()).hexdigest()


def _columns(path: Path, mapping: ColumnMapping, roles: Sequence[str]) -> tuple[list[int], dict[str, str]]:
    """Returns the positions of the columns for the roles (-1 for an unmapped role), and the header."""
    header = read_header(path)
    names = list(header)
    wanted: dict[str, str | None] = {role: getattr(mapping, role) for role in roles}
    for role, name in wanted.items():
        if name is not None and name not in header:
            raise DataError(
                f"{path.name} line 1: no column {name!r} among {', '.join(names)}; "
                f"rename one, or name another with {column_flag(role)}."
            )
    return [-1 if name is None else names.index(name) for name in wanted.values()], header


def _read_catalogue(path: Path, name: str, mapping: ColumnMapping) -> Catalogue:
    (key, title, categories, year), header = _columns(path, mapping, ("item", "title", "categories", "year"))
    separator: str | None = mapping.category_separator
    if separator == SPACE and (mapping.categories is None or header[mapping.categories] != "token_seq"):
        separator = None
    split: dict[str, tuple[str, ...]] = {"": ()}  # items with the same categories share them
    items: list[Item] = []
    seen: set[str] = set()
    for number, fields in read_rows(path):
        item, words = fields[key], fields[title].strip()
        if not item or item in seen:
            fault = f"item id {item!r} appears twice" if item else "the item id is empty"
            raise DataError(f"{path.name} line {number}: {fault}; give every item one line and one id.")
        if not words:
            raise DataError(f"{path.name} line {number}: item {item!r} has no title; give it one or remove the line.")
        seen.add(item)
        cell = fields[categories] if categories >= 0 else ""
        if cell not in split:
            split[cell] = split_categories(cell, separator)
        # A year that is not a number ("V", "unknown") is left out: an item may have no year.
        match = _YEAR.match(fields[year].strip()) if year >= 0 else None
        items.append(Item(len(items), item, words, split[cell], int(match[0]) if match else None))
    return Catalogue(name, tuple(items))


def _read_log(
    path: Path, catalogue: Catalogue, mapping: ColumnMapping, progress: Progress | None
) -> tuple[
    tuple[str, ...],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int64],
    NDArray[np.bool_],
]:
    (user_at, item_at, rating_at, time_at, sampled_at), _ = _columns(
        path, mapping, ("user", "item", "rating", "timestamp", "sampled")
    )
    index_of_user: dict[str, int] = {}
    index_of_item = catalogue.index_of_key
    users, items, ratings, times, sampled = array("i"), array("i"), array("d"), array("d"), array("b")
    for number, fields in read_rows(path, progress):
        user = fields[user_at]
        if not user:
            raise DataError(f"{path.name} line {number}: the user id is empty; fill it in or remove the line.")
        item = index_of_item.get(fields[item_at])
        if item is None:
            raise DataError(
                f"{path.name} line {number}: item {fields[item_at]!r} is not in {path.stem}.item; "
                "add it there or remove the line."
            )
        try:
            ratings.append(float(fields[rating_at]))
            times.append(float(fields[time_at]) if time_at >= 0 else 0.0)
        except ValueError as error:
            raise DataError(f"{path.name} line {number}: {error}; write ratings and times as numbers.") from error
        users.append(index_of_user.setdefault(user, len(index_of_user)))
        items.append(item)
        sampled.append(sampled_at >= 0 and fields[sampled_at] == "1")
    low, high = mapping.rating_min, mapping.rating_max
    stars, moments = np.asarray(ratings), np.asarray(times)
    # All rows are checked at once; row r is line r + 2. NaN fails both comparisons.
    _refuse(path, ~((stars >= low) & (stars <= high)), f"the rating is not within {low:g} to {high:g}")
    _refuse(path, ~(np.abs(moments) < 2**62), "the timestamp is not a finite number")
    scaled = (1 + 4 * (stars - low) / (high - low)).astype(np.float32)
    return (
        tuple(index_of_user),
        np.asarray(users, dtype=np.int32),
        np.asarray(items, dtype=np.int32),
        scaled,
        moments.astype(np.int64),
        np.asarray(sampled, dtype=np.bool_),
    )


def _refuse(path: Path, bad: NDArray[np.bool_], fault: str) -> None:
    if bad.any():
        raise DataError(f"{path.name} line {int(bad.argmax()) + 2}: {fault}; correct the line or the mapping.")
