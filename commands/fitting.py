"""Tables for a terminal that may be too narrow for them: no word of a cell is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Cells = Sequence[Sequence[str]]
_NUMBER = re.compile(r"(?:[-+]?[\d.,]+%?|-|)")
_PROSE = 20  # characters that a column of words has at least
_INDENT = 2


def fitted(columns: Sequence[str], rows: Cells, title: str | None, width: int) -> RenderableType:
    """Returns a table if `width` has room for the longest word of each column, otherwise a paragraph for each row."""
    widths = _widths([columns, *rows], width)
    if widths is None:
        heading = [] if title is None else [Text(title, style="table.title")]
        return Group(*heading, *(part for row in rows for part in _paragraph(columns, row, width)))
    table = Table(title=title, title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        numbers = rows and position and all(_NUMBER.fullmatch(row[position]) for row in rows)
        justify = "right" if numbers else "left"
        table.add_column(column, justify=justify, overflow="fold", width=widths[position])  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*row)
    return table


def _widths(lines: Cells, width: int) -> list[int] | None:
    """Returns the width of each column: as wide as its cells where there is room, never less than its longest word."""
    cells = [[line[column] for line in lines] for column in range(len(lines[0]))]
    natural = [max(cell_len(part) for cell in column for part in [*cell.splitlines(), ""]) for column in cells]
    words = [max(cell_len(word) for cell in column for word in [*cell.split(), ""]) for column in cells]
    found = [max(word, min(whole, _PROSE)) for word, whole in zip(words, natural, strict=True)]
    left = width - sum(found) - 3 * len(found) - 1
    if left < 0:
        return None
    for column in sorted(range(len(found)), key=lambda column: natural[column]):
        more = min(left, natural[column] - found[column])
        found[column] += more
        left -= more
    return found


def _paragraph(columns: Sequence[str], row: Sequence[str], width: int) -> Iterator[RenderableType]:
    """Yields the first cell, and below it the others after their names, as many on a line as fit."""
    yield Text(row[0], style="bold", overflow="fold")
    said = [f"{name} {cell}".strip() for name, cell in zip(columns[1:], row[1:], strict=True) if cell]
    line = ""
    for part in said:
        longer = f"{line}; {part}" if line else part
        if line and cell_len(longer) > width - _INDENT - 1:
            yield Padding(Text(f"{line};"), (0, 0, 0, _INDENT))
            longer = part
        line = longer
    if line:
        yield Padding(Text(line), (0, 0, 0, _INDENT))
