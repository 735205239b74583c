"""Tables as data: the same cells in the terminal, in Markdown and in LaTeX, and nothing in them is markup."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from billp.experiments.stats.tables import TextTable
from billp.experiments.stats.terminal_tables import terminal_tables

TABLE = TextTable(
    title="ml-100k, 5 users",
    columns=("method", "R_traj", "coverage"),
    rows=(("billp@a|b", "160.4 [151.0, 169.5]", "13%"), ("[bold]x[/bold]", "1 & 2", "-")),
    caption="Users of 50% & more.",
)


def test_markdown_keeps_its_cells_apart():
    assert TABLE.markdown().splitlines() == [
        "**ml-100k, 5 users**",
        "",
        "| method | R_traj | coverage |",
        "| --- | ---: | ---: |",
        "| billp@a\\|b | 160.4 [151.0, 169.5] | 13% |",
        "| [bold]x[/bold] | 1 & 2 | - |",
        "",
        "Users of 50% & more.",
    ]


def test_markdown_takes_neither_html_nor_links_from_a_name():
    name = "<img src=x>[a](javascript:b)![c][d]" + "\\"
    (cell,) = TextTable("t", ("method",), ((name,),)).markdown().splitlines()[4:5]
    assert cell == r"| \<img src=x>[a]\(javascript:b)![c]\[d]" + "\\\\ |"


def test_latex_escapes_what_it_would_read():
    text = TABLE.latex()
    assert r"\caption{ml-100k, 5 users. Users of 50\% \& more.}" in text
    assert r"method & R\_traj & coverage \\" in text
    assert r"billp@a|b & 160.4 [151.0, 169.5] & 13\% \\" in text
    assert r"\begin{tabular}{lrr}" in text
    assert text.count(r"\\") == 3


def shown(table: TextTable, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    for part in terminal_tables(table, width):
        console.print(part)
    return console.export_text()


def test_the_terminal_shows_cells_as_they_are():
    said = shown(TABLE, 100)
    for words in ("[bold]x[/bold]", "160.4 [151.0, 169.5]", "Users of 50% & more."):
        assert words in said


NAMES = st.lists(
    st.text("abcdefghijkl-", min_size=1, max_size=36).map(lambda name: f"m{name}m"), min_size=1, max_size=4, unique=True
)


@given(NAMES, st.integers(1, 9), st.integers(60, 120))
def test_no_name_number_or_interval_is_broken_at_any_width(names: list[str], metrics: int, width: int):
    columns = ("method", *(f"Metric_{number}" for number in range(metrics)))
    rows = [(name, *(f"{number}00.5 [{number}99.5, {number}01.5]" for number in range(metrics))) for name in names]
    said = shown(TextTable("t", columns, tuple(rows), "From users."), width)
    assert max(map(len, said.splitlines())) <= width
    words = re.findall(r"[^\s│┃]+(?: \d+\.\d\])?", said)
    for row in rows:
        assert row[0] in words
        for cell in row[1:]:
            number, _, interval = cell.partition(" ")
            assert number in words
            assert interval in said
    for column in columns:
        assert column in words
    assert said.count("From users.") == 1


def test_one_method_that_is_too_wide_has_a_line_for_each_number():
    row = ("billp-memory-only-no-logs (training)", "34.3 [29.6, 39.0]", "128.9 [124.5, 133.2]")
    said = shown(TextTable("ml-100k, 20 users", ("method", "Len", "R_traj"), (row,)), 70)
    assert [line.split("│")[1:3] for line in said.splitlines() if line.startswith("│")] == [
        [" Len    ", f" {row[1]:<36} "],
        [" R_traj ", f" {row[2]:<36} "],
    ]
