"""Output of commands: tables or one JSON object on stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from billp.commands import console
from billp.commands.console import echo_json, filled
from billp.settings import Settings, assigned, load_settings

if TYPE_CHECKING:
    from billp.experiments.stats.tables import TextTable

AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on stdout instead of a table")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="any setting, e.g. critic.gamma=0.7 (see `billp settings`)"),
]
PromptsFolder = Annotated[
    str | None,
    typer.Option("--prompts", metavar="NAME|DIR", help="prompt pack to use", show_default="the shipped pack"),
]


stdout, stderr = console.stdout, console.stderr


def settings_from(assignments: Sequence[str] | None = None, **flags: Any) -> Settings:
    """Returns settings with `--set` assignments and named flags; double underscores in flags stand for dots."""
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return load_settings(named | assigned(assignments or ()))


def show_json(value: BaseModel | Mapping[str, Any] | Sequence[Any]) -> None:
    """Prints one JSON object (or list) and nothing else."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    echo_json(json.dumps(plain, ensure_ascii=False, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Prints a table; cells are data, never markup."""
    from billp.commands.fitting import fitted

    stdout.print(fitted(columns, [[str(cell) for cell in row] for row in rows], title, stdout.width))


def show_results(table: TextTable) -> None:
    """Prints a table of results, in as many parts as the terminal needs."""
    from billp.experiments.stats.terminal_tables import terminal_tables

    for part in terminal_tables(table, stdout.width):
        stdout.print(part)


def show_pairs(pairs: Mapping[str, object], title: str | None = None) -> None:
    """Prints name and value, one pair below the other; a long value goes on below its beginning."""
    if title:
        stdout.print(title, style="bold")
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        stdout.print(f"  {name:<{width}}  {filled(str(value), stdout.width, width + 4)}", soft_wrap=True)


def show_commands(commands: Mapping[str, str]) -> None:
    """Prints what may be done next, and below each the command, in one piece to be copied."""
    for what, command in commands.items():
        stdout.print(f"  {what}")
        stdout.print(f"      {command}", soft_wrap=True)


def show_names(names: Sequence[str], none: str) -> None:
    """Prints one name a line; on stderr, if there is none, the sentence `none`, so that a pipe gets nothing."""
    for name in names:
        stdout.print(name, soft_wrap=True)
    if not names:
        stderr.print(none)
