"""What the commands that run episodes share: their options, the run's folder, its tape, and the event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from billp.commands.console import complain
from billp.settings import Settings

Result = TypeVar("Result")
Dataset = Annotated[str, typer.Option(help="registered dataset with a built simulator")]
MethodName = Annotated[
    str,
    typer.Option(
        help="billp, billp-no-logs, billp-no-macro, billp-no-micro, billp-llm-only, billp-paper, billp-memory-only, "
        "billp-memory-only-no-logs, reflexion, react, act-only, random, popular, shortlist-random, oracle, "
        "mmr, mmr-untuned, round-robin, dpp, diverse-random, diverse-learned, linucb, "
        "or by reinforcement learning dqn, sqn, bcq, cql, crr, a2c, dorl, ppo"
    ),
]
MemoryName = Annotated[
    str | None, typer.Option(help="name of the memory, or of what was trained without one; none is the method's name")
]
Epochs = Annotated[
    int | None,
    typer.Option(min=1, help="epochs that policies are trained for; none is the budget in their hyperparameters"),
]
RunName = Annotated[str | None, typer.Option(help="name of the run's folder; none is made from method and time")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="go on with the run of that name; a comparison may have more methods, seeds or users"
    ),
]
Untrained = Annotated[
    bool, typer.Option("--untrained", help="measure the method before it learned; its memory must hold nothing")
]
SideBySide = Annotated[int | None, typer.Option(help="episodes in flight at once")]
Seeds = Annotated[str, typer.Option(help="comma-separated; each runs every user once")]
TapeMode = Annotated[
    Literal["record", "replay", "off"] | None,
    typer.Option("--tape", help="record every LLM call, or replay a recorded run without an LLM"),
]
TapeFile = Annotated[
    Path | None, typer.Option("--tape-file", metavar="FILE", help="the tape; none is tape.sqlite in the run's folder")
]


def run_to_end(work: Callable[[], Coroutine[None, None, Result]]) -> Result:
    """What `work` returns, run on an event loop of its own."""
    import uvloop

    return uvloop.run(work())


def run_name(*parts: str) -> str:
    """A name for a run's folder: `parts` and the time, to the millisecond, for a script may start two in one second."""
    return "-".join([*parts, datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]])


def given_run(settings: Settings, run: str | None, *, resume: bool) -> Path | None:
    """The folder of the run called `run`; None where a name is to be made up.

    Raises ArtifactError where the run is there and is not to go on, BadInputError for a path.
    """
    from billp.experiments.checks import check_run

    if run is not None:
        return check_run(settings, run, resume=resume)
    if resume:
        raise typer.BadParameter("which run is to go on? Name it with --run", param_hint="--resume")
    return None


def new_run(settings: Settings, *parts: str) -> Path:
    """The folder of a run named after `parts` and the time, which is said on stderr.

    Said before the run begins, for one that is interrupted goes on under its name alone; so to be called once all else
    was checked.
    """
    folder = settings.runs_dir / run_name(*parts)
    complain(f"Run: {folder}")
    return folder


def with_tape_in(folder: Path, settings: Settings) -> Settings:
    """`settings` whose tape, where one is wanted and nobody said where, lies in the run's folder."""
    if settings.run.tape == "off" or settings.run.tape_file is not None:
        return settings
    run = settings.run.model_copy(update={"tape_file": folder / "tape.sqlite"})
    return settings.model_copy(update={"run": run})


def number_list(text: str, option: str) -> list[int]:
    """The whole numbers, none below 0, that `option` names."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 0,1,2", param_hint=option)
    return [int(part) for part in parts]


def seed_list(text: str) -> list[int]:
    """The seeds that `--seeds` names, each once."""
    seeds = number_list(text, "--seeds")
    if len(set(seeds)) < len(seeds):  # an episode is named by user and seed, and runs once
        raise typer.BadParameter(f"{text!r} names a seed twice", param_hint="--seeds")
    return seeds
