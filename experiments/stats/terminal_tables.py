"""Tables in a terminal of any width: no name, number or interval is broken or cut off."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from billp.experiments.stats.tables import TextTable

Lines = Sequence[Sequence[str]]
"""Headers, then rows, of cells that may have several lines."""
_BREAKS = re.compile(r" (?=\[)|(?<=,) (?![^\[]*\])")  # before an interval, and after the commas of a list


def terminal_tables(table: TextTable, width: int) -> list[Table | Text]:
    """Returns what shows the table in `width` characters: tables, and its caption.

    If it does not fit as it is, a single row becomes one line per column; more rows have their intervals under the
    numbers, and columns that do not fit follow in further tables with the same first column.
    """
    every, lines = range(len(table.columns)), [table.columns, *table.rows]
    if sum(_widths(lines, every)) + 3 * len(every) + 1 <= width:
        drawn = [_drawn(lines, every)]
    elif len(table.rows) == 1:
        drawn = [_drawn([*zip(*lines, strict=True)], range(2), left=True)]
    else:
        narrow = [[column.replace(" ", "\n") for column in table.columns]]
        narrow += [[_BREAKS.sub("\n", cell) for cell in row] for row in table.rows]
        drawn = [_drawn(narrow, part, framed=False) for part in _parts(narrow, width)]
    drawn[0].title, drawn[0].title_justify = Text(table.title), "left"
    shown: list[Table | Text] = [drawn[0]]
    for part in drawn[1:]:
        shown += [Text(), part]
    return [*shown, *([Text(table.caption, style="table.caption")] if table.caption else [])]


def _parts(lines: Lines, width: int) -> list[list[int]]:
    """Returns which columns go into which table: the first into each, the others in order, at least one into each."""
    parts: list[list[int]] = [[0]]
    for column in range(1, len(lines[0])):
        more = [*parts[-1], column]
        if len(parts[-1]) > 1 and sum(_widths(lines, more)) + 2 * len(more) - 2 > width:
            parts.append([0])
        parts[-1].append(column)
    return parts


def _widths(lines: Lines, columns: Sequence[int]) -> list[int]:
    return [max(cell_len(part) for line in lines for part in line[column].split("\n")) for column in columns]


def _drawn(lines: Lines, columns: Sequence[int], *, framed: bool = True, left: bool = False) -> Table:
    """Draws the `columns` of `lines`; those after the first are at the right, unless `left`."""
    table = Table(header_style="bold")
    if not framed:
        table = Table(header_style="bold", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        justify = "right" if position and not left else "left"
        table.add_column(Text(lines[0][column]), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for line in lines[1:]:
        table.add_row(*(Text(line[column]) for column in columns))
    return table
