"""Tables of commands in narrow terminals."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from billp.commands.console import filled
from billp.commands.fitting import fitted

WORDS = st.lists(st.text("abc-/0123456789", min_size=1, max_size=50), min_size=1, max_size=5).map(" ".join)
COLUMNS = ("id", "method", "last episode", "text")


def shown(rows: list[tuple[str, ...]], width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(fitted(COLUMNS, rows, "all of them", width))
    return console.export_text()


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=3), st.integers(60, 140))
def test_no_word_of_a_cell_is_broken_at_any_width(rows: list[tuple[str, ...]], width: int):
    said = shown(rows, width)
    assert max(map(len, said.splitlines())) <= width
    found = {word.rstrip(";") for word in re.findall(r"[^\s│┃]+", said)}
    for row in rows:
        assert {word for cell in row for word in cell.split()} <= found


@given(st.lists(WORDS, min_size=1, max_size=4).map("\n".join), st.integers(30, 90), st.integers(0, 8))
def test_no_word_of_a_text_is_broken_and_its_lines_begin_below_each_other(text: str, width: int, indent: int):
    first, *others = filled(text, width, indent).split("\n")
    assert " ".join([first, *others]).split() == text.split()
    assert all(line.startswith(" " * indent) for line in others)
    assert all(len(line) <= width or " " not in line.strip() for line in (" " * indent + first, *others))


def test_a_row_that_does_not_fit_is_a_paragraph_that_names_its_columns():
    id_ = "evaluate-billp-memory-only-no-logs-20261127-082541-542"
    said = shown([(id_, "billp-memory-only-no-logs", "2026-11-27 08:25", "a lesson")], 80)
    assert [line.rstrip() for line in said.splitlines()] == [
        "all of them", id_, "  method billp-memory-only-no-logs; last episode 2026-11-27 08:25;", "  text a lesson",
    ]  # fmt: skip
