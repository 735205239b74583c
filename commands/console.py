"""The only access to the terminal: no text in data can control it.

Titles, names, replies of models and messages of servers pass through here. Control characters, zero-width characters
and bidi overrides are removed, and square brackets are not markup.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from textwrap import wrap
from typing import Any

import typer
from rich import console as rich_console
from rich.segment import Segment
from rich.table import Table

from billp.words import for_json, for_terminal

_WIDE = 4000
_NARROWEST = 20  # characters of a line, whatever stands before it


class Console(rich_console.Console):
    """Rich's console for data: strings are not markup, and no character that controls a terminal is printed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Prints; a path or id stays in one piece, and into a pipe or file a table is plain rows, one per line."""
        if all(isinstance(shown, str) for shown in objects):
            told = " ".join(objects)
            super().print(
                told if options.get("soft_wrap") else filled(told, self.width), **{**options, "soft_wrap": True}
            )
            return
        if not self.is_terminal:
            for shown in objects:
                if isinstance(shown, Table):
                    shown.box, shown.pad_edge = None, False
        super().print(*objects, **options)

    def render(
        self, renderable: rich_console.RenderableType, options: rich_console.ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yields the pieces of `renderable`; only rich itself may move the cursor."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else piece._replace(text=for_terminal(piece.text))


def filled(text: str, width: int, indent: int = 0) -> str:
    """Returns `text` in lines of `width` characters, all but the first indented; a longer word stays in one piece."""
    room = max(width - indent, _NARROWEST)
    lines = list[str]()
    for line in text.split("\n"):
        lines += wrap(line, room, break_long_words=False, break_on_hyphens=False, replace_whitespace=False) or [""]
    return f"\n{' ' * indent}".join(lines)


# A pipe has no width, and its reader needs each row, id and path in one piece.
stdout = Console(width=None if sys.stdout is not None and sys.stdout.isatty() else _WIDE)
stderr = Console(stderr=True)


def echo(text: str) -> None:
    """Prints `text` on stdout unchanged and unwrapped."""
    typer.echo(for_terminal(text))


def echo_json(text: str) -> None:
    """Prints JSON on stdout; characters that control a terminal are escaped."""
    typer.echo(for_json(text))


def complain(text: str) -> None:
    """Prints a line on stderr, unwrapped."""
    typer.echo(for_terminal(text), err=True)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return for_terminal(super().format(record))


def log_to_stderr(level: int) -> None:
    """Shows log records from `level` on."""
    handler = logging.StreamHandler()
    handler.setLevel(level)
    handler.setFormatter(_Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
