"""`billp report`: the results of runs, as a page and as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from billp.commands.output import AsJson, settings_from, show_json, stdout
from billp.commands.shell_completion import run_names
from billp.commands.typed_path import typed_path
from billp.commands.waiting import spinner


def report(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN [RUN...]", help="names in the runs folder, or paths", autocompletion=run_names),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            parser=typed_path, metavar="FILE", help="file to write", show_default="report.html in the first run"
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(parser=typed_path, metavar="DIR|FILE", help="also export episodes and steps as CSV")
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(parser=typed_path, metavar="DIR|FILE", help="also export episodes and steps as Parquet"),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(parser=typed_path, metavar="FILE", help="write the tables of results as Markdown")
    ] = None,
    latex: Annotated[
        Path | None, typer.Option(parser=typed_path, metavar="FILE", help="the same for LaTeX (package booktabs)")
    ] = None,
    png: Annotated[bool, typer.Option("--png", help="draw pictures beside the page, for papers and slides")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="the same as SVG")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a page about a run, or about several to compare them: tables, curves and every episode step by step.

    The page is one file and needs no network. An export into a folder makes two files, episodes and steps; into a
    file NAME.csv or NAME.parquet, that one and NAME-steps beside it. Pictures (extra `plots`) are methods, which
    compares them, and learning or training, their curve.
    """
    from billp.experiments.runs.run_names import run_named

    settings = settings_from()
    roots = list(dict.fromkeys(run_named(settings.runs_dir, name) for name in runs))

    from billp.pages.page_file import write_page
    from billp.reports import read_report, write_csv, write_parquet, write_tables
    from billp.reports.pictures import check_pictures, write_pictures
    from billp.reports.run_data import catalogues

    asked: tuple[tuple[Literal["png", "svg"], bool], ...] = (("png", png), ("svg", svg))
    forms = [form for form, wanted in asked if wanted]
    if forms:
        check_pictures()
    target = out or roots[0] / "report.html"
    with spinner("reading episodes"):
        made = read_report(roots)
        found = made.runs
        held = write_page(made, target, catalogues(settings.data, found))
        files = [
            *(write_tables(made, markdown, "markdown") if markdown else ()),
            *(write_tables(made, latex, "latex") if latex else ()),
        ]
        files += [file for form in forms for file in write_pictures(made, target.parent, form)]
        files += [*(write_csv(found, csv) if csv else ()), *(write_parquet(found, parquet) if parquet else ())]
    if as_json:
        show_json({"report": str(target), "exports": [str(file) for file in files], **made.plain()})
        return
    stdout.print(f"Report: {target}", markup=False, soft_wrap=True)
    if held.held < held.of:
        stdout.print(f"It holds {held.held} of {held.of} episodes; an export holds all.")
    for file in files:
        stdout.print(f"Export: {file}", markup=False, soft_wrap=True)
