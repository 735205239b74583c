"""Tables as data: the same cells in the terminal, in Markdown and in LaTeX, and nothing in them is markup."""

from __future__ import annotations

import io

from rich.console import Console

from billp.experiments.stats.tables import TextTable

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


def test_the_terminal_shows_cells_as_they_are():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(TABLE.rich())
    said = console.export_text()
    for words in ("[bold]x[/bold]", "160.4 [151.0, 169.5]", "Users of 50% & more."):
        assert words in said
