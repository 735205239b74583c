"""What commands that run episodes share: the run's folder, its tape, and the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from billp.commands.console import complain
from billp.commands.options import RunOptions
from billp.commands.waiting import fraction_bar
from billp.experiments.runs.run_names import run_name
from billp.heap import share_heaps
from billp.platforms import fast_loop
from billp.settings import Settings

if TYPE_CHECKING:
    from billp.baselines.rl.thread import OnProgress
    from billp.graphs.dependencies import Dependencies
    from billp.graphs.resources import Resources

Result = TypeVar("Result")


def run_to_end(work: Callable[[], Coroutine[None, None, Result]]) -> Result:
    """Runs `work` on an event loop of its own and returns its result."""
    share_heaps()
    with asyncio.Runner(loop_factory=fast_loop()) as loop:
        return loop.run(work())


def with_resources(settings: Settings, work: Callable[[Resources], Coroutine[None, None, Result]]) -> Result:
    """Runs `work` with open resources on an event loop of its own and returns its result."""
    from billp.graphs.resources import Resources

    async def opened() -> Result:
        async with Resources(settings) as resources:
            return await work(resources)

    return run_to_end(opened)


def train_with_bar(
    settings: Settings, dataset: str, work: Callable[[Resources, Dependencies, OnProgress], Result], text: str
) -> Result:
    """Runs `work`, which keeps a core busy for minutes, beside an event loop and under a progress bar."""
    from billp.baselines.rl.thread import in_thread

    async def opened(resources: Resources) -> Result:
        deps = resources.deps(dataset, memory=None, llm=False)
        return await in_thread(lambda on_progress: work(resources, deps, on_progress), show)

    with fraction_bar(text) as show:
        return with_resources(settings, opened)


def given_run(settings: Settings, options: RunOptions) -> Path | None:
    """Returns the folder of the run that `options` name; None if a name is to be made.

    Raises ArtifactError if the run exists and is not to be resumed, BadInputError for a path.
    """
    from billp.experiments.checks import check_run, check_tracker

    check_tracker(settings)
    if options.run is not None:
        return check_run(settings, options.run, resume=options.resume)
    if options.resume:
        raise typer.BadParameter("which run is to go on? Name it with --run", param_hint="--resume")
    return None


def new_run(settings: Settings, *parts: str) -> Path:
    """Returns the folder of a run named after `parts` and the time, after printing it on stderr.

    It is printed before the run begins, since an interrupted run can only be resumed by its name; call it after all
    checks.
    """
    folder = settings.runs_dir / run_name(*parts)
    complain(f"Run: {folder}")
    return folder


def with_tape_in(folder: Path, settings: Settings) -> Settings:
    """Returns `settings` with the tape in the run's folder, if one is wanted and has no place."""
    if settings.run.tape == "off" or settings.run.tape_file is not None:
        return settings
    run = settings.run.model_copy(update={"tape_file": folder / "tape.sqlite"})
    return settings.model_copy(update={"run": run})
