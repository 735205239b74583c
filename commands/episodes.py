"""`billp train`, `billp evaluate`, `billp episode`, `billp demo`: what runs episodes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from commands.output import (
    AsJson,
    Assignments,
    PromptsFolder,
    count_bar,
    fraction_bar,
    settings_from,
    show_json,
    spinner,
    stdout,
)

if TYPE_CHECKING:
    from experiments.metrics import Summary
    from graphs.state import EpisodeOutput

Result = TypeVar("Result")
Dataset = Annotated[str, typer.Option(help="registered dataset with a built simulator")]
MethodName = Annotated[
    str,
    typer.Option(
        help="billp, billp-no-macro, billp-no-micro, billp-no-critic, reflexion, react, act-only, random, popular, "
        "shortlist-random or oracle"
    ),
]
MemoryName = Annotated[str | None, typer.Option(help="name of the memory; none is the method's name")]
RunName = Annotated[str | None, typer.Option(help="name of the run's folder; none is made from method and time")]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the run of that name")]
SideBySide = Annotated[int | None, typer.Option(help="episodes in flight at once")]


def train(
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    episodes: Annotated[int, typer.Option(min=1, help="training episodes")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="fixes users and sampling")] = 0,
    memory: MemoryName = None,
    run: RunName = None,
    resume: Resume = False,
    side_by_side: SideBySide = None,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Learn from training episodes: fill a memory."""
    from experiments.tables import summary_table
    from experiments.training import train as run_training
    from graphs.workshop import Workshop

    settings = settings_from(assign, prompts=prompts, run__side_by_side=side_by_side)
    folder = settings.runs_dir / (run or run_name("train", method))

    async def work() -> Summary:
        async with Workshop(settings) as workshop:
            return await run_training(
                workshop,
                dataset=dataset,
                method=method,
                episodes=episodes,
                seed=seed,
                memory=memory or method,
                run=folder,
                resume=resume,
                on_episode=lambda _: advance(),
            )

    with count_bar(f"training {method}", episodes) as advance:
        summary = run_async(work)
    if as_json:
        show_json(summary)
    else:
        stdout.print(summary_table({f"{method} (training)": summary}))
        stdout.print(f"Run: {folder}   Memory: {memory or method}")
    if summary.failed:
        raise typer.Exit(1)


def evaluate(
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    users: Annotated[int, typer.Option(min=1, help="held-out users")] = 20,
    seeds: Annotated[str, typer.Option(help="comma-separated; each runs every user once")] = "0",
    memory: MemoryName = None,
    run: RunName = None,
    resume: Resume = False,
    side_by_side: SideBySide = None,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a method on held-out users; memory is read, never written."""
    from experiments.evaluation import evaluate as run_evaluation
    from experiments.tables import summary_table
    from graphs.workshop import Workshop

    settings = settings_from(assign, prompts=prompts, run__side_by_side=side_by_side)
    folder = settings.runs_dir / (run or run_name("evaluate", method))
    numbers = seed_list(seeds)

    async def work() -> Summary:
        async with Workshop(settings) as workshop:
            return await run_evaluation(
                workshop,
                dataset=dataset,
                method=method,
                users=users,
                seeds=numbers,
                memory=memory or method,
                run=folder,
                resume=resume,
                on_episode=lambda _: advance(),
            )

    with count_bar(f"evaluating {method}", users * len(numbers)) as advance:
        summary = run_async(work)
    if as_json:
        show_json(summary)
    else:
        stdout.print(summary_table({method: summary}))
        stdout.print(f"Run: {folder}")
    if summary.failed:
        raise typer.Exit(1)


def episode(
    user: Annotated[str, typer.Option(help="id of a user in the logs")],
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    seed: Annotated[int, typer.Option(min=0, help="fixes sampling")] = 0,
    memory: MemoryName = None,
    learn: Annotated[bool, typer.Option("--learn", help="reflect, and write what was learned to memory")] = False,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Run one episode and show it step by step, with the Critic's values."""
    from experiments.single import run_single
    from experiments.trace import trace
    from graphs.workshop import Workshop

    settings = settings_from(["critic.always=true", *(assign or [])], prompts=prompts)

    async def work() -> EpisodeOutput:
        async with Workshop(settings) as workshop:
            return await run_single(
                workshop, dataset=dataset, method=method, user=user, seed=seed, memory=memory or method, learn=learn
            )

    with spinner("running the episode"):
        done = run_async(work)
    if as_json:
        show_json(done)
    else:
        typer.echo(trace(done))


def demo(
    episodes: Annotated[int, typer.Option(min=1, help="training episodes")] = 30,
    users: Annotated[int, typer.Option(min=1, help="held-out users")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="fixes users and sampling")] = 0,
    horizon: Annotated[int, typer.Option(min=1, help="steps after which an episode is cut off")] = 10,
    prompts: PromptsFolder = None,
    as_json: AsJson = False,
    assign: Assignments = None,
) -> None:
    """Fetch MovieLens-100k, build its simulator, learn from episodes and compare on held-out users.

    To fit a laptop's ten minutes it cuts episodes off at --horizon and uses the short prompts of prompts/terse.
    """
    from agents.prompt_pack import TERSE_PACK
    from experiments.demo import prepare, run_demo
    from experiments.tables import summary_table
    from graphs.workshop import Workshop

    settings = settings_from(assign, prompts=prompts or TERSE_PACK, run__horizon=horizon, planner__max_tokens=12)
    with fraction_bar("data and simulator") as progress:
        prepare(settings, progress)
    folder = settings.runs_dir / run_name("demo")

    async def work() -> dict[str, Summary]:
        async with Workshop(settings) as workshop:
            return await run_demo(workshop, folder=folder, episodes=episodes, users=users, seed=seed, bar=count_bar)

    result = run_async(work)
    failed = sum(summary.failed for summary in result.values())
    if as_json:
        show_json({"run": str(folder), "methods": {name: s.model_dump(mode="json") for name, s in result.items()}})
    else:
        stdout.print(summary_table(result))
        stdout.print(f"The run's files are in {folder}")
    if failed:
        raise typer.Exit(1)


def run_async(work: Callable[[], Coroutine[None, None, Result]]) -> Result:
    """Runs it on the quicker event loop, in this thread."""
    import uvloop

    return uvloop.run(work())


def run_name(*parts: str) -> str:
    """A name for a run's folder from what it is and the time."""
    return "-".join([*parts, datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")])


def seed_list(text: str) -> list[int]:
    """The seeds in `0,1,2`; refused where they are no numbers, or one is there twice."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a list of numbers such as 0,1,2", param_hint="--seeds")
    seeds = [int(part) for part in parts]
    if len(set(seeds)) < len(seeds):  # an episode is named by user and seed, and runs once
        raise typer.BadParameter(f"{text!r} names a seed twice", param_hint="--seeds")
    return seeds
