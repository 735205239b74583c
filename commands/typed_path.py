"""Paths that people type as arguments and options."""

from __future__ import annotations

from pathlib import Path

import typer

from billp.setting_groups import at_home


def typed_path(text: str | Path) -> Path:
    """Returns the path, with `~` resolved, as no shell does it in `--out=~/page.html`.

    Raises typer.BadParameter for an empty path, a home folder that is not there, and a NUL.
    """
    if not str(text):
        raise typer.BadParameter("it is empty; name a file or a folder")
    try:
        return at_home(Path(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
