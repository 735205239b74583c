"""Reads the item table and the log of an import."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Item
from billp.errors import DataError
from billp.simulators.data.import_report import ColumnSpec
from billp.simulators.data.importers.categories import LISTS, guessed_separator, split_categories
from billp.simulators.data.importers.table import Faults, Table, fault
from billp.simulators.data.importers.times import TimeForm, time_form
from billp.simulators.progress import Progress

_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BREAKS = re.compile(r"[\t\r\n]")
_PADDED = re.compile(r"0*([^.]+?)(?:\.0+)?")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_LIKES = _WORDS | {"1": True, "1.0": True, "0": False, "0.0": False}
_SAMPLED = 10_000  # rows that tell how times are written, and whether any item is known


@dataclass(eq=False)
class ItemIndex:
    """Item id to the number of its item, from 0, and what separates the categories (see `guessed_separator`).

    `passed` holds the numbers of the rows that became no item. `find` also knows ids that differ from the table's only
    by leading zeros or a final `.0`, if exactly one id of the table matches; `matched` counts the rows found this way,
    and `example` is the first one's id and the table's.
    """

    rows: dict[str, int]
    separator: str | None
    passed: set[int]
    matched: int = 0
    example: tuple[str, str] | None = None
    _alike: dict[str, str | None] = field(default_factory=dict)

    def find(self, key: str) -> int | None:
        """Returns the number of the one item whose id equals `key` but for leading zeros or a final `.0`."""
        if not self._alike:
            for own in self.rows:
                plain = _plain(own)
                self._alike[plain] = None if plain in self._alike else own
        own_key = self._alike.get(_plain(key))
        if own_key is None:
            return None
        self.matched += 1
        self.example = self.example or (key, own_key)
        return self.rows[own_key]


@dataclass(frozen=True, eq=False)
class Interactions:
    """The rows of a log in the order of the file: `users` index `user_keys`, `items` the item table's items.

    `values` are ratings or hours, or 1 if the log has neither; `times` are Unix seconds, 0 without a time column.
    `read` counts all rows, `unknown` those skipped because their item is not known; `time_form` says how times were
    read.
    """

    user_keys: list[str]
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float64]
    times: NDArray[np.float64]
    read: int
    unknown: int
    time_form: TimeForm | None


def item_index(table: Table, columns: ColumnSpec, faults: Faults) -> ItemIndex:
    """Returns the ids of the item table.

    An id that is empty or appears twice, and an item without a title, are faults.
    """
    index: dict[str, int] = {}
    cells: set[str] = set()  # far fewer than items
    passed: set[int] = set()
    rows = table.rows((columns.item_key, columns.title, columns.categories), unreadable=faults.unreadable)
    count = 0
    for number, (cell, title, categories) in rows:
        count += 1
        key = cell.strip()
        if not key or key in index or _BREAKS.search(key):
            reason = "repeated id" if key in index else "no usable id"
            said = f"item id {key!r} appears twice" if key in index else f"{key!r} cannot be an item's id"
            faults.add(number, reason, f"{said}; give every item one row and one id.")
            passed.add(number)
        elif not title.split():
            faults.add(number, "empty title", f"item {key!r} has no title; give it one or remove the row.")
            passed.add(number)
        else:
            index[key] = len(index)
            cells.add(categories)
    faults.settle(count + faults.counts["unreadable row"])
    return ItemIndex(index, guessed_separator(cells), passed)


def items_of(table: Table, columns: ColumnSpec, index: ItemIndex, separator: str | None) -> Iterator[Item]:
    """Yields the items of the table, without the rows that the index skipped."""
    wanted = (columns.item_key, columns.title, columns.categories, columns.year)
    rows = table.rows(wanted, unreadable=lambda number, text: None)  # counted when the index was made
    kept = ((number, cells) for number, cells in rows if number not in index.passed)
    for position, (number, (key, title, categories, year)) in enumerate(kept):
        names = split_categories(categories, separator)
        if separator == LISTS:
            names = tuple(name.replace("|", "/") for name in names)
        elif any("|" in name for name in names):
            raise fault(table, number, f"a category holds '|' beside the separator {separator!r}; take one of the two.")
        found = _YEAR.search(year)
        yield Item(position, key.strip(), " ".join(title.split()), names, int(found[0]) if found else None)


def interactions_of(
    table: Table,
    columns: ColumnSpec,
    index: ItemIndex,
    faults: Faults,
    *,
    skip_unknown_items: bool,
    likes: bool = False,
    progress: Progress | None = None,
) -> Interactions:
    """Returns the rows of the log; raises DataError at a row that cannot be used, or, with the reasons, at too many.

    `columns` are complete and do not have both a rating and an hours column. With `likes` 1 and 0 mean liked and not.
    """
    scale = columns.scale if columns.rating else None
    words = _LIKES if likes else _WORDS
    value_column = columns.rating or columns.hours
    form = _time_form(table, columns.timestamp) if columns.timestamp else None
    index_of_user: dict[str, int] = {}
    users, items, values, times = array("i"), array("i"), array("d"), array("d")
    read = unknown = 0
    first: tuple[int, str] | None = None  # the first row whose item is not known, and its id
    refuses = not (skip_unknown_items or faults.lenient)
    known = index.rows
    wanted = (columns.user, columns.item, value_column, columns.timestamp)
    for number, (user_cell, item_cell, value_cell, time_cell) in table.rows(wanted, progress, faults.unreadable):
        read += 1
        item = known.get(item_cell.strip())
        if item is None and (item := index.find(item_cell.strip())) is None:
            unknown += 1
            first = first or (number, item_cell)
            if faults.lenient and not skip_unknown_items:
                faults.add(number, "unknown item", _unknown(item_cell))
            elif refuses and (users or unknown == _SAMPLED):
                break
            continue
        if refuses and first is not None:
            break
        try:
            key = user_cell.strip()
            user = index_of_user.get(key)
            if user is None and (not key or _BREAKS.search(key)):
                raise _BadCell("no usable user", f"{key!r} cannot be a user's id; fill it in or remove the row.")
            value = 1.0 if value_column is None else _value(value_cell, scale, words)
            moment = 0.0 if form is None else _time(time_cell, form)
        except _BadCell as bad:
            faults.add(number, bad.reason, bad.text)
            continue
        if user is None:
            user = index_of_user[key] = len(index_of_user)
        users.append(user)
        items.append(item)
        values.append(value)
        times.append(moment)
    if first is not None and unknown == read:
        raise _none_known(table, columns, index, first[1])
    if first is not None and refuses:
        raise fault(table, first[0], _unknown(first[1]))
    faults.settle(read + faults.counts["unreadable row"])
    if not users:
        raise DataError(f"{table.path.name}: none of its {read:,} rows can be used; see them, and mend the file.")
    return Interactions(
        list(index_of_user),
        np.asarray(users, dtype=np.int32),
        np.asarray(items, dtype=np.int32),
        np.asarray(values, dtype=np.float64),
        np.asarray(times, dtype=np.float64),
        read,
        unknown if skip_unknown_items else 0,
        form,
    )


def likes_in(table: Table, column: str) -> set[bool] | None:
    """Returns which of liked (True) and not liked (False) a column says; None where a cell says anything else."""
    said: set[bool] = set()
    for _, (cell, _) in table.rows((column, None), unreadable=lambda number, text: None):
        if (liked := _LIKES.get(cell.strip().lower())) is not None:
            said.add(liked)
        elif cell.strip():
            return None
    return said


class _BadCell(Exception):
    """A cell that cannot be used: the reason it is counted under, and what is wrong and what to do."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


def _unknown(cell: str) -> str:
    return (
        f"item {cell!r} is not in the item table; add it there, remove the row, "
        "or pass over such rows with --skip-unknown-items."
    )


def _none_known(table: Table, columns: ColumnSpec, index: ItemIndex, cell: str) -> DataError:
    """Returns the error for a log and an item table that have no item in common."""
    own = next(iter(index.rows), "")
    return DataError(
        f"{table.path.name}: none of its items is in the item table; the log's column {columns.item!r} says {cell!r}, "
        f"the item table's column {columns.item_key!r} says {own!r}; "
        "give --item-col and --item-key-col columns with the same ids."
    )


def _plain(key: str) -> str:
    """Returns the id without leading zeros and without a final `.0`, which spreadsheets and pandas drop or add."""
    found = _PADDED.fullmatch(key)
    return found[1] if found else key


def _value(cell: str, scale: tuple[float, float] | None, words: Mapping[str, bool]) -> float:
    """Returns the rating on the `scale`, or the hours where it is None; a decimal comma is understood.

    The `words` for liked and not liked stand at three quarters and one quarter of the scale, which is where implicit
    logs put what was liked and what was left aside.
    """
    if scale is not None and (liked := words.get(cell.strip().lower())) is not None:
        return scale[0] + (0.75 if liked else 0.25) * (scale[1] - scale[0])
    try:
        value = float(cell)
    except ValueError:
        try:
            value = float(cell.replace(",", "."))
        except ValueError:
            value = np.nan
    if scale is None:
        if not 0 <= value < np.inf:  # NaN fails as well, here and below
            raise _BadCell("hours no number", f"hours {cell!r} are no number from 0 up; correct or remove the row.")
    elif not scale[0] <= value <= scale[1]:
        raise _BadCell(
            "rating off the scale",
            f"rating {cell!r} is no number from {scale[0]:g} to {scale[1]:g}; correct or remove the row, "
            "or give the scale with --rating-min and --rating-max.",
        )
    return value


def _time_form(table: Table, column: str) -> TimeForm:
    """Returns how the times are written, told from the first rows."""
    rows = table.rows((column, None), unreadable=lambda number, text: None)
    return time_form([cell for _, (cell, _) in islice(rows, _SAMPLED)])


def _time(cell: str, form: TimeForm) -> float:
    try:
        moment = form.read(cell)
    except (ValueError, OverflowError):
        moment = np.nan
    if not abs(moment) < 2**62:  # NaN fails as well
        raise _BadCell(
            "time unreadable",
            f"time {cell!r} is neither a number nor a date such as 2026-01-31; correct or remove it "
            f"(the other times are read {form.words}).",
        )
    return moment
