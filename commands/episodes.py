"""`billp train`, `billp evaluate`, `billp episode`: what runs episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.console import echo
from billp.commands.next_steps import fewer_users
from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, show_results, stdout
from billp.commands.policies import train_policy
from billp.commands.running import given_run, new_run, with_resources, with_tape_in
from billp.commands.terminal_plot import show_training
from billp.commands.waiting import count_bar, spinner
from billp.experiments.checks import USERS

if TYPE_CHECKING:
    from billp.experiments.stats.metrics import Summary
    from billp.graphs.resources import Resources
    from billp.graphs.state import Trajectory


@run_command("train")
def train(options: RunOptions) -> None:
    """Learn in the train world: fill a memory with episodes, or train the policy of a reinforcement-learning method."""
    from billp.experiments.checks import check_dataset
    from billp.graphs.methods import teachable

    settings, method = options.settings(), options.method
    given, chosen = given_run(settings, options), teachable(method)
    if chosen.needs_policy and options.episodes is not None:
        raise typer.BadParameter(f"{method} learns for epochs; give --epochs", param_hint="--episodes")
    if chosen.learns and options.epochs is not None:
        raise typer.BadParameter(f"{method} learns from episodes; give --episodes", param_hint="--epochs")
    seed = options.seed()
    check_dataset(settings, options.dataset)
    folder = given or new_run(settings, "train", method)
    if chosen.needs_policy:
        train_policy(settings, options, run=folder)
        return
    from billp.experiments.runs.training import train as run_training

    settings = with_tape_in(folder, settings)

    with count_bar(f"training {method}", options.training_episodes) as advance:
        summary = with_resources(
            settings,
            lambda resources: run_training(
                resources,
                dataset=options.dataset,
                method=method,
                episodes=options.training_episodes,
                seed=seed,
                memory=options.named_memory,
                run=folder,
                resume=options.resume,
                on_episode=lambda _: advance(),
            ),
        )
    if not options.as_json:
        show_training(folder)
    memory = options.named_memory
    users = fewer_users(options.dataset, settings, than=USERS)
    judge = f"billp evaluate --method {method} --dataset {options.dataset} --memory {memory}{users}"
    _show(summary, options, f"Run: {folder}   Memory: {memory}", f"Judge it with held-out users: {judge}")


@run_command("evaluate")
def evaluate(options: RunOptions) -> None:
    """Evaluate a method on held-out users; memory is read, never written."""
    from billp.experiments.checks import check_method, check_users

    settings, method = options.settings(), options.method
    given, seeds = given_run(settings, options), options.seed_list()
    check_method(settings, method, options.dataset, options.named_memory, untrained=options.untrained)
    check_users(settings, options.dataset, options.users)
    folder = given or new_run(settings, "evaluate", method)
    settings = with_tape_in(folder, settings)

    from billp.experiments.runs.evaluation import evaluate as run_evaluation

    with count_bar(f"evaluating {method}", options.users * len(seeds)) as advance:
        summary = with_resources(
            settings,
            lambda resources: run_evaluation(
                resources,
                dataset=options.dataset,
                method=method,
                users=options.users,
                seeds=seeds,
                memory=options.named_memory,
                run=folder,
                resume=options.resume,
                on_episode=lambda _: advance(),
            ),
        )
    _show(summary, options, f"Run: {folder}", f"Every episode, step by step: billp report {folder.name}")


@run_command("episode")
def episode(options: RunOptions, user: Annotated[str, typer.Option(help="id of a user in the logs")]) -> None:
    """Run one episode and show it step by step, with the Critic's values."""
    from billp.experiments.checks import check_dataset, check_method
    from billp.graphs.methods import teachable

    settings = options.settings("critic.always=true")
    method, dataset, memory, seed = options.method, options.dataset, options.named_memory, options.seed()
    if options.learn:  # into a memory that may begin with this episode
        teachable(method, by_episode=True)
        check_dataset(settings, dataset)
    else:
        check_method(settings, method, dataset, memory, untrained=options.untrained)

    from billp.agents.llm.abilities import STAND_IN
    from billp.experiments.runs.single_episode import run_single
    from billp.reports.episode_text import EpisodeText
    from billp.reports.rendering import Telling

    text = EpisodeText()
    with spinner("running the episode") as say:

        async def work(resources: Resources) -> tuple[Trajectory, Telling]:
            telling = Telling()

            def happened(so_far: Trajectory) -> None:
                nonlocal telling
                if resources.abilities is not None and not resources.abilities.words:
                    telling = Telling(note=f"{STAND_IN}.")
                if not options.as_json:
                    say(text.more(telling.finished(so_far, method)))

            done = await run_single(
                resources, dataset=dataset, method=method, user=user, seed=seed, memory=memory, learn=options.learn,
                on_step=happened,
            )  # fmt: skip
            return done, telling

        done, telling = with_resources(settings, work)
    if options.as_json:
        show_json(done)
    else:
        echo(text.remaining(telling.finished(done, method)))


def _show(summary: Summary, options: RunOptions, where: str, following: str) -> None:
    from billp.experiments.stats.tables import summary_table

    if options.as_json:
        show_json(summary)
    else:
        show_results(summary_table({summary.name: summary}))
        stdout.print(where, soft_wrap=True)
        stdout.print(following, soft_wrap=True)
    if summary.failed:
        raise typer.Exit(1)
