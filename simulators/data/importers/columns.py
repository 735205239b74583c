"""Which column of a table holds what: as named on the command line, otherwise guessed from the names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from billp.errors import DataError
from billp.simulators.data.import_report import ColumnSpec
from billp.simulators.data.importers.table import Table
from billp.simulators.data.importers.text_table import TextTable
from billp.simulators.data.mapping import column_flag, found_column, found_columns, untold_column

LOG_ROLES = ("user", "item", "rating", "hours", "timestamp")
ITEM_ROLES = ("item_key", "title", "categories", "year")

_NEEDED = ("user", "item", "item_key", "title")


def chosen_columns(log: Table, items: Table, given: ColumnSpec) -> ColumnSpec:
    """Returns `given` with the missing columns filled in.

    `rating` and `hours` are never both set: a rating column is preferred to an hours column unless only the latter is
    given. Raises DataError, listing the columns, for one that does not exist or cannot be guessed.
    """
    if given.rating and given.hours:
        raise DataError("A log has ratings or hours, not both; give --rating-col or --hours-col.")
    if given.item is None:
        # Of two that could be it (asin and parent_asin), the one that the item table has as well.
        shared = [name for name in found_columns("item", log.names) if name in items.names]
        given = replace(given, item=shared[0] if shared else None)
    found: dict[str, Any] = {role: _column(log, role, getattr(given, role)) for role in LOG_ROLES}
    if given.hours:
        found["rating"] = None
    elif found["rating"]:
        found["hours"] = None
    # The id most likely has the same name in both tables.
    same = found["item"] if found["item"] in items.names and not given.item_key else given.item_key
    found |= {role: _column(items, role, same if role == "item_key" else getattr(given, role)) for role in ITEM_ROLES}
    low, high = given.scale
    if not -float("inf") < low < high < float("inf"):
        raise DataError(f"Ratings from {low:g} to {high:g} are no scale; give --rating-min below --rating-max.")
    return replace(given, **found)


def _column(table: Table, role: str, given: str | None) -> str | None:
    header = f"{table.path.name} line 1" if table.unit == "line" else table.path.name
    if given is not None:
        if given not in table.names:
            there = ", ".join(name for name in table.names if name) or "none"
            raise DataError(f"{header}: no column {given!r} among {there}; give {column_flag(role)} one of these.")
        return given
    found = found_column(role, table.names)
    if found is None and role in _NEEDED:
        log = role in LOG_ROLES
        flag = "--columns user,item,rating,time" if log else "--item-columns item,title,categories"
        headed = isinstance(table, TextTable) and table.form.columns is None
        raise untold_column(header, table.names, role, f", or name all with {flag} if there is no header" * headed)
    return found
