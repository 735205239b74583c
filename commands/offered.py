"""How commands offer an option, and what some options hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import typer
from typer.models import OptionInfo


@dataclass(frozen=True)
class Offered:
    """How commands offer an option.

    `otherwise` is the default in words where it is None, `on` names the commands that take it, `defaults` the commands
    whose default differs from the field's, `old` its former flag, `completed` what the shell offers. Without `help`,
    the field's type declares the option, as for commands without episodes.
    """

    help: str | None = None
    otherwise: str | None = None
    on: str = ""
    defaults: Mapping[str, object] = field(default_factory=dict)
    flag: str | None = None
    old: str | None = None
    least: int | None = None
    metavar: str | None = None
    completed: Callable[[str], list[str]] | None = None

    def info(self, flag: str | None, *, hidden: bool = False) -> OptionInfo:
        """Returns the option for Typer."""
        flags = [] if flag is None else [flag]
        text = None if hidden else self.help
        found: OptionInfo = typer.Option(
            *flags,
            help=text,
            min=self.least,
            metavar=self.metavar,
            hidden=hidden,
            autocompletion=self.completed,
            show_default=self.otherwise or True,
        )
        return found


def number_list(text: str, option: str) -> list[int]:
    """Returns the whole numbers from 0 up that `option` names."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 0,1,2", param_hint=option)
    return [int(part) for part in parts]
