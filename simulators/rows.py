"""Reading the two tables that people bring: items, and who met which of them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from catalogue import Item
from simulators.categories import guessed_separator, split_categories
from simulators.intake import Columns
from simulators.progress import Progress
from simulators.table import Table, fault

_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BREAKS = re.compile(r"[\t\r\n]")


@dataclass(frozen=True, eq=False)
class Meetings:
    """The rows of a log in the order of the file: `users` counts `user_keys`, `items` the item table's rows.

    `values` are ratings or hours, 1 where there are neither; `times` Unix seconds, 0 without a time column.
    `unknown` counts the rows passed over.
    """

    user_keys: list[str]
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float64]
    times: NDArray[np.float64]
    unknown: int


def item_index(table: Table, columns: Columns) -> tuple[dict[str, int], str]:
    """Item id to the number of its row, from 0, and what separates the categories: see `guessed_separator`.

    Raises DataError at an id that is empty or appears twice.
    """
    index: dict[str, int] = {}
    cells: set[str] = set()  # far fewer than items
    for number, (cell, categories) in table.rows((columns.item_key, columns.categories)):
        key = cell.strip()
        if not key or key in index or _BREAKS.search(key):
            said = f"item id {key!r} appears twice" if key in index else f"{key!r} cannot be an item's id"
            raise fault(table, number, f"{said}; give every item one row and one id.")
        index[key] = len(index)
        cells.add(categories)
    return index, guessed_separator(cells)


def items_of(table: Table, columns: Columns, separator: str | None) -> Iterator[Item]:
    """The items of the table, one at a time; raises DataError at one without a title."""
    wanted = (columns.item_key, columns.title, columns.categories, columns.year)
    for index, (number, (key, title, categories, year)) in enumerate(table.rows(wanted)):
        words = " ".join(title.split())
        if not words:
            raise fault(table, number, f"item {key.strip()!r} has no title; give it one or remove the row.")
        names = split_categories(categories, separator)
        if any("|" in name for name in names):
            raise fault(table, number, f"a category holds '|' beside the separator {separator!r}; take one of the two.")
        found = _YEAR.search(year)
        yield Item(index, key.strip(), words, names, int(found[0]) if found else None)


def meetings_of(
    table: Table,
    columns: Columns,
    index: dict[str, int],
    *,
    skip_unknown_items: bool,
    progress: Progress | None = None,
) -> Meetings:
    """The rows of the log; raises DataError at one that cannot be used.

    `columns` are chosen ones, among them not both a rating and an hours column.
    """
    scale = columns.scale if columns.rating else None
    value_column = columns.rating or columns.hours
    index_of_user: dict[str, int] = {}
    users, items, values, times = array("i"), array("i"), array("d"), array("d")
    unknown = 0
    rows = table.rows((columns.user, columns.item, value_column, columns.timestamp), progress)
    for number, (user_cell, item_cell, value_cell, time_cell) in rows:
        item = index.get(item_cell.strip())
        if item is None:
            if not skip_unknown_items:
                raise fault(
                    table,
                    number,
                    f"item {item_cell!r} is not in the item table; add it there, remove the row, "
                    "or pass over such rows with --skip-unknown-items.",
                )
            unknown += 1
            continue
        key = user_cell.strip()
        user = index_of_user.get(key)
        if user is None:
            if not key or _BREAKS.search(key):
                raise fault(table, number, f"{key!r} cannot be a user's id; fill it in or remove the row.")
            user = index_of_user[key] = len(index_of_user)
        users.append(user)
        items.append(item)
        values.append(1.0 if value_column is None else _value(table, number, value_cell, scale))
        times.append(_time(table, number, time_cell) if columns.timestamp else 0.0)
    return Meetings(
        list(index_of_user),
        np.asarray(users, dtype=np.int32),
        np.asarray(items, dtype=np.int32),
        np.asarray(values, dtype=np.float64),
        np.asarray(times, dtype=np.float64),
        unknown,
    )


def _value(table: Table, number: int, cell: str, scale: tuple[float, float] | None) -> float:
    """The rating on the `scale`, or the hours where it is None."""
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if scale is None:
        if not 0 <= value < np.inf:  # NaN fails as well, here and below
            raise fault(table, number, f"hours {cell!r} are no number from 0 up; correct or remove the row.")
    elif not scale[0] <= value <= scale[1]:
        raise fault(
            table,
            number,
            f"rating {cell!r} is no number from {scale[0]:g} to {scale[1]:g}; correct or remove the row, "
            "or give the scale with --rating-min and --rating-max.",
        )
    return value


def _time(table: Table, number: int, cell: str) -> float:
    try:
        moment = float(cell)
    except ValueError:
        try:
            read = datetime.fromisoformat(cell.strip())
        except ValueError:
            moment = np.nan
        else:
            moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    if not abs(moment) < 2**62:  # NaN fails as well
        raise fault(
            table, number, f"time {cell!r} is neither a number nor a date such as 2026-01-31; correct or remove it."
        )
    return moment
