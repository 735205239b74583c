"""Which column of a table holds what: as named on the command line, otherwise guessed from the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from billp.errors import DataError
from billp.simulators.data.import_report import ColumnSpec
from billp.simulators.data.importers.table import Table
from billp.simulators.data.importers.text_table import TextTable
from billp.simulators.data.mapping import column_flag, found_column, found_columns, untold_columns

LOG_ROLES = ("user", "item", "rating", "hours", "timestamp")
ITEM_ROLES = ("item_key", "title", "categories", "year")

_NEEDED = ("user", "item", "item_key", "title")


def chosen_columns(log: Table, items: Table, given: ColumnSpec) -> ColumnSpec:
    """Returns `given` with the missing columns filled in.

    `rating` and `hours` are never both set: a rating column is preferred to an hours column unless only the latter is
    given. Raises DataError, listing the columns, for one that does not exist or cannot be guessed, and for a name that
    was given to a column without a header and says nothing.
    """
    if given.rating and given.hours:
        raise DataError("A log has ratings or hours, not both; give --rating-col or --hours-col.")
    if given.item is None:
        # Of two that could be it (asin and parent_asin), the one that the item table has as well.
        shared = [name for name in found_columns("item", log.names) if name in items.names]
        given = replace(given, item=shared[0] if shared else None)
    found: dict[str, Any] = _columns(log, {role: getattr(given, role) for role in LOG_ROLES})
    if given.hours:
        found["rating"] = None
    elif found["rating"]:
        found["hours"] = None
    # The id most likely has the same name in both tables.
    same = found["item"] if found["item"] in items.names and not given.item_key else given.item_key
    found |= _columns(items, {role: getattr(given, role) for role in ITEM_ROLES} | {"item_key": same})
    low, high = given.scale
    if not -float("inf") < low < high < float("inf"):
        raise DataError(f"Ratings from {low:g} to {high:g} are no scale; give --rating-min below --rating-max.")
    chosen = replace(given, **found)
    _refuse_misnamed(log, items, chosen)
    return chosen


def unused_columns(log: Table, items: Table, chosen: ColumnSpec) -> dict[str, tuple[str, ...]]:
    """Returns the columns of each file that are taken for nothing; a file whose columns are all used is left out."""
    left = {
        table.path.name: tuple(name for name in table.names if name and name not in taken)
        for table, roles in ((log, LOG_ROLES), (items, ITEM_ROLES))
        for taken in [{getattr(chosen, role) for role in roles}]
    }
    return {file: names for file, names in left.items() if names}


def _refuse_misnamed(log: Table, items: Table, chosen: ColumnSpec) -> None:
    """Raises DataError where a name that the user gave a column is taken for nothing: it may be misspelt."""
    unused = unused_columns(log, items, chosen)
    for table, flag, roles in ((log, "--columns", LOG_ROLES), (items, "--item-columns", ITEM_ROLES)):
        named = isinstance(table, TextTable) and table.form.columns is not None
        if named and table.path.name in unused:
            untaken = [role.replace("_", " ") for role in roles if getattr(chosen, role) is None]
            raise DataError(
                f"{table.path.name}: the column named {unused[table.path.name][0]!r} is taken for nothing; write - for "
                f"it in {flag} to leave it out{f', or name it as {_either(untaken)}' if untaken else ''}."
            )


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _columns(table: Table, given: Mapping[str, str | None]) -> dict[str, Any]:
    """Returns the column for each role: the `given` one, otherwise guessed; None for one that is not needed."""
    header = f"{table.path.name} line 1" if table.unit == "line" else table.path.name
    for role, name in given.items():
        if name is not None and name not in table.names:
            there = ", ".join(name for name in table.names if name) or "none"
            raise DataError(f"{header}: no column {name!r} among {there}; give {column_flag(role)} one of these.")
    found = {role: name or found_column(role, table.names) for role, name in given.items()}
    untold = [role for role, name in found.items() if name is None and role in _NEEDED]
    if untold:
        flag = "--columns user,item,rating,time" if "user" in given else "--item-columns item,title,categories"
        headed = isinstance(table, TextTable) and table.form.columns is None
        raise untold_columns(header, table.names, untold, f", or name all with {flag} if there is no header" * headed)
    return found
