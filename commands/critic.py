"""`billp critic`: how well the Critic's values foretell what states turn out to be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from billp.commands.options import RunOptions, run_command
from billp.commands.output import show_json, show_table, stdout
from billp.commands.running import given_run, new_run, with_resources, with_tape_in
from billp.commands.waiting import count_bar
from billp.experiments.stats.numbers import fixed

if TYPE_CHECKING:
    from billp.experiments.analysis.critic_study import CriticStudy, ValueWay
    from billp.experiments.stats.reliability import Reliability


@run_command("critic")
def critic(
    options: RunOptions,
    values: Annotated[str, typer.Option(help="ways to a value to compare, comma-separated")] = "logprobs,sample",
    recorded: Annotated[
        str | None, typer.Option(metavar="RUN", help="take episodes and values from this run; asks no LLM")
    ] = None,
) -> None:
    """Compare the Critic's values with Monte-Carlo returns on held-out users: bias, variance, rank correlation."""
    from billp.experiments.checks import check_method, check_users
    from billp.experiments.runs.run_names import run_named

    settings, method = options.settings(), options.method
    if recorded is not None:
        folder = run_named(settings.runs_dir, recorded)

        from billp.experiments.analysis.critic_study import study_recorded

        _show(study_recorded(folder), options.as_json)
        return
    given, seeds, ways = given_run(settings, options), options.seed_list(), _ways(values)
    check_method(settings, method, options.dataset, options.named_memory, untrained=options.untrained)
    check_users(settings, options.dataset, options.users)
    folder = given or new_run(settings, "critic", method)
    settings = with_tape_in(folder, settings)

    from billp.experiments.analysis.critic_study import study_critic

    study = with_resources(
        settings,
        lambda resources: study_critic(
            resources,
            dataset=options.dataset,
            method=method,
            users=options.users,
            seeds=seeds,
            memory=options.named_memory,
            ways=ways,
            run=folder,
            resume=options.resume,
            bar=count_bar,
        ),
    )
    _show(study, options.as_json)
    if not options.as_json:
        stdout.print(f"Run: {folder}")
    if study.failed or any(study.unjudged.values()):
        raise typer.Exit(1)


def _ways(text: str) -> list[ValueWay]:
    from billp.settings import CriticSettings

    known = get_args(CriticSettings.model_fields["value"].annotation)
    ways = list(dict.fromkeys(part.strip() for part in text.split(",")))
    if not set(ways) <= set(known):
        raise typer.BadParameter(f"{text!r} names other ways than {', '.join(known)}", param_hint="--values")
    return cast("list[ValueWay]", ways)


def _show(study: CriticStudy, as_json: bool) -> None:
    if as_json:
        show_json(study)
        return
    title = f"{study.dataset}, {study.method}, {study.episodes - study.failed} episodes, gamma {study.gamma:g}"
    columns = ["value", "states", "mean V", "mean return", "bias", "variance", "RMSE", "rank correlation"]
    show_table(columns, [_row(way, found) for way, found in study.ways.items()], title)
    for way, found in study.ways.items():
        bins = [
            (f"{fixed(b.low, 2)} to {fixed(b.high, 2)}", b.states, fixed(b.mean_value, 2), fixed(b.mean_return, 2))
            for b in found.bins
        ]
        show_table(["V", "states", "mean V", "mean return"], bins, f"Reliability of {way}")
    unjudged = ", ".join(f"{count} by {way}" for way, count in study.unjudged.items())
    stdout.print(f"Left out: {study.hidden} states whose return the horizon hides; without a usable value: {unjudged}")


def _row(way: str, found: Reliability) -> tuple[object, ...]:
    numbers = (
        found.mean_value, found.mean_return, found.bias, found.variance, found.rmse, found.rank_correlation,
    )  # fmt: skip
    return (way, found.states, *("-" if number is None else fixed(number, 2) for number in numbers))
