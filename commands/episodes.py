"""`billp train`, `billp evaluate`, `billp episode`: what runs episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.console import echo
from billp.commands.output import (
    AsJson,
    Assignments,
    PromptsFolder,
    count_bar,
    settings_from,
    show_json,
    spinner,
    stdout,
)
from billp.commands.policies import train_policy
from billp.commands.running import (
    Dataset,
    Epochs,
    MemoryName,
    MethodName,
    Resume,
    RunName,
    Seeds,
    SideBySide,
    TapeFile,
    TapeMode,
    Untrained,
    given_run,
    new_run,
    run_to_end,
    seed_list,
    with_tape_in,
)

_EPISODES = 100

if TYPE_CHECKING:
    from billp.experiments.metrics import Summary
    from billp.graphs.state import EpisodeOutput


def train(
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    episodes: Annotated[
        int | None, typer.Option(min=1, help="training episodes of a method with a memory; none is 100")
    ] = None,
    epochs: Epochs = None,
    seed: Annotated[int, typer.Option(min=0, help="fixes users and sampling")] = 0,
    memory: MemoryName = None,
    run: RunName = None,
    resume: Resume = False,
    side_by_side: SideBySide = None,
    tape: TapeMode = None,
    tape_file: TapeFile = None,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Learn in the train world: fill a memory with episodes, or train the policy of a reinforcement-learning method."""
    from billp.experiments.checks import check_dataset
    from billp.graphs.methods import teachable

    flags = {"prompts": prompts, "run__side_by_side": side_by_side, "run__tape": tape, "run__tape_file": tape_file}
    settings = settings_from(assign, **flags)
    given, chosen = given_run(settings, run, resume=resume), teachable(method)
    if chosen.needs_policy and episodes is not None:
        raise typer.BadParameter(f"{method} learns for epochs; give --epochs", param_hint="--episodes")
    if chosen.learns and epochs is not None:
        raise typer.BadParameter(f"{method} learns from episodes; give --episodes", param_hint="--epochs")
    check_dataset(settings, dataset)
    folder = given or new_run(settings, "train", method)
    if chosen.needs_policy:
        train_policy(
            settings, method, dataset, epochs=epochs, seed=seed, name=memory or method, run=folder, resume=resume,
            as_json=as_json,
        )  # fmt: skip
        return
    from billp.experiments.tables import summary_table
    from billp.experiments.training import train as run_training
    from billp.graphs.workshop import Workshop

    episodes = episodes or _EPISODES
    settings = with_tape_in(folder, settings)

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
        summary = run_to_end(work)
    if as_json:
        show_json(summary)
    else:
        stdout.print(summary_table({summary.name: summary}).rich())
        stdout.print(f"Run: {folder}   Memory: {memory or method}")
    if summary.failed:
        raise typer.Exit(1)


def evaluate(
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    users: Annotated[int, typer.Option(min=1, help="held-out users")] = 20,
    seeds: Seeds = "0",
    memory: MemoryName = None,
    untrained: Untrained = False,
    run: RunName = None,
    resume: Resume = False,
    side_by_side: SideBySide = None,
    tape: TapeMode = None,
    tape_file: TapeFile = None,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a method on held-out users; memory is read, never written."""
    from billp.experiments.checks import check_method

    flags = {"prompts": prompts, "run__side_by_side": side_by_side, "run__tape": tape, "run__tape_file": tape_file}
    settings = settings_from(assign, **flags)
    given, numbers = given_run(settings, run, resume=resume), seed_list(seeds)
    check_method(settings, method, dataset, memory or method, untrained=untrained)
    folder = given or new_run(settings, "evaluate", method)
    settings = with_tape_in(folder, settings)

    from billp.experiments.evaluation import evaluate as run_evaluation
    from billp.experiments.tables import summary_table
    from billp.graphs.workshop import Workshop

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
        summary = run_to_end(work)
    if as_json:
        show_json(summary)
    else:
        stdout.print(summary_table({summary.name: summary}).rich())
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
    untrained: Untrained = False,
    tape: TapeMode = None,
    tape_file: TapeFile = None,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Run one episode and show it step by step, with the Critic's values."""
    from billp.experiments.checks import check_dataset, check_method
    from billp.graphs.methods import teachable

    flags = {"prompts": prompts, "run__tape": tape, "run__tape_file": tape_file}
    settings = settings_from(["critic.always=true", *(assign or [])], **flags)
    if learn:  # into a memory that may begin with this episode
        teachable(method, by_episode=True)
        check_dataset(settings, dataset)
    else:
        check_method(settings, method, dataset, memory or method, untrained=untrained)

    from billp.experiments.single import run_single
    from billp.experiments.trace import trace
    from billp.graphs.workshop import Workshop

    async def work() -> EpisodeOutput:
        async with Workshop(settings) as workshop:
            return await run_single(
                workshop, dataset=dataset, method=method, user=user, seed=seed, memory=memory or method, learn=learn
            )

    with spinner("running the episode"):
        done = run_to_end(work)
    if as_json:
        show_json(done)
    else:
        echo(trace(done))
