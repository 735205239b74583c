"""Output of commands: tables or one JSON object on stdout, progress and logs on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from billp.commands import console
from billp.commands.console import echo_json
from billp.errors import BillpError
from billp.settings import Settings, load_settings

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on stdout instead of a table")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="any setting, e.g. critic.gamma=0.7 (see `billp settings`)"),
]
PromptsFolder = Annotated[str | None, typer.Option("--prompts", metavar="DIR", help="prompt pack to use")]


stdout, stderr = console.stdout, console.stderr
_NUMBER = re.compile(r"(?:[-+]?[\d.,]+%?|-|)")


def settings_from(assignments: Sequence[str] | None = None, **flags: Any) -> Settings:
    """Returns settings with `--set` assignments and named flags; double underscores in flags stand for dots."""
    named = {name.replace("__", "."): value for name, value in flags.items()}
    for assignment in assignments or ():
        name, equals, value = assignment.partition("=")
        if not equals:
            raise typer.BadParameter(f"{assignment!r} has no '='; write NAME=VALUE", param_hint="--set")
        named[name.strip()] = value.strip()
    return load_settings(named)


def show_json(value: BaseModel | Mapping[str, Any] | Sequence[Any]) -> None:
    """Prints one JSON object (or list) and nothing else."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    echo_json(json.dumps(plain, ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Prints a table; cells are data, never markup."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        numbers = rows and position and all(_NUMBER.fullmatch(str(row[position])) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    stdout.print(table)


def show_pairs(pairs: Mapping[str, object], title: str | None = None) -> None:
    """Prints name and value, one line each."""
    if title:
        stdout.print(title, style="bold")
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        stdout.print(f"  {name:<{width}}  {value}")


@contextmanager
def fraction_bar(text: str) -> Iterator[Callable[[float], None]]:
    """Shows a progress bar on stderr; call what it yields with the fraction done."""
    with _bar(False) as bar:
        task = bar.add_task(text, total=1.0)
        try:
            yield lambda fraction: bar.update(task, completed=fraction)
        except BillpError:
            bar.remove_task(task)  # errors are one sentence, without a bar that stands still above
            raise
        bar.update(task, completed=1.0)


@contextmanager
def count_bar(text: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows a counting progress bar on stderr; call what it yields after each one."""
    with _bar(True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def named_bars(text: str, total: int) -> Iterator[tuple[Callable[[], None], Callable[[str, float], None]]]:
    """Shows a bar that counts, as `count_bar` does, and one bar for each name with its fraction done."""
    with _bar(True) as bar:
        task = bar.add_task(text, total=total)
        named: dict[str, TaskID] = {}

        def show(name: str, fraction: float) -> None:
            if name not in named:
                named[name] = bar.add_task(f"  {name} (%)", total=100)
            bar.update(named[name], completed=int(100 * fraction))

        yield lambda: bar.advance(task), show


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """Shows on stderr what is being done while it cannot be counted."""
    with stderr.status(Text(text)):
        yield


def _bar(counts: bool) -> Progress:
    done = MofNCompleteColumn() if counts else TextColumn("{task.percentage:>3.0f}%")
    return Progress(
        TextColumn("{task.description:<34}", markup=False), BarColumn(), done, TimeElapsedColumn(),
        TimeRemainingColumn(), console=stderr,
    )  # fmt: skip
