"""`billp runs`: the folders of results."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from billp.commands.output import AsJson, settings_from, show_json, show_names, show_pairs, show_table, stdout
from billp.commands.shell_completion import run_names
from billp.errors import ArtifactError
from billp.settings import Settings

app = typer.Typer(help="List, show, rename and remove runs.", no_args_is_help=True)
Run = Annotated[str, typer.Argument(help="name in the runs folder", autocompletion=run_names)]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the runs there are, the newest first."""
    from billp.experiments.runs.listing import list_runs

    found = list_runs(settings_from().runs_dir)
    if as_json:
        show_json({"runs": [run.plain() for run in found]})
        return
    if not found:
        show_names([], "No runs yet; billp train, evaluate and compare make them.")
        return
    rows = [
        (run.name, run.command, run.method, run.dataset, _count(run.episodes), _when(run.changed), run.state)
        for run in found
    ]
    show_table(["run", "command", "method", "dataset", "episodes", "last episode", "state"], rows)


@app.command()
def show(run: Run, as_json: AsJson = False) -> None:
    """Show what a run was made with, and the parts that it has."""
    from billp.experiments.runs.listing import listed
    from billp.experiments.runs.run_names import run_named

    settings = settings_from()
    folder = run_named(settings.runs_dir, run)
    found = listed(folder, folder.parent)
    if as_json:
        show_json(found.plain() | {"folder": str(folder), "parts": found.parts})
        return
    show_pairs(
        {
            "folder": folder,
            "command": found.command,
            "method": found.method,
            "dataset": found.dataset,
            "episodes": _count(found.episodes),
            "last episode": _when(found.changed),
            "state": found.state,
        },
        run,
    )
    for part in found.parts:
        stdout.print(f"  part: {part}")
    stdout.print(f"Look at it: billp report {run}", soft_wrap=True)
    if found.state == "interrupted":
        stdout.print(f"Go on with it: {_continuation(folder, settings)}", soft_wrap=True)


@app.command()
def rename(run: Run, name: Annotated[str, typer.Argument(help="its new name")]) -> None:
    """Give a run another name; what it taught a memory is still known to be its own."""
    from billp.experiments.runs.listing import own_run, rename_run

    rename_run(own_run(settings_from().runs_dir, run), name)
    stdout.print(f"run {run} is called {name} now")


@app.command()
def rm(run: Run, yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False) -> None:
    """Remove a run with its episodes and its report; what it taught a memory stays there."""
    from billp.experiments.runs.listing import own_run, remove_run

    folder = own_run(settings_from().runs_dir, run)
    if not yes:
        typer.confirm(f"Remove {folder} and everything in it?", abort=True)
    remove_run(folder)
    stdout.print(f"run {run} is removed")


def _continuation(folder: Path, settings: Settings) -> str:
    from billp.experiments.runs.resuming import resumption

    try:
        return shlex.join(["billp", *resumption(folder, settings)])
    except ArtifactError as error:
        return str(error)


def _count(episodes: int | None) -> int | str:
    return "cannot be read" if episodes is None else episodes


def _when(changed: float | None) -> str:
    return "-" if changed is None else datetime.fromtimestamp(changed).astimezone().strftime("%Y-%m-%d %H:%M")
