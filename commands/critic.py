"""`billp critic`: how well the Critic's values foretell what states turn out to be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from billp.commands.output import (
    AsJson,
    Assignments,
    PromptsFolder,
    count_bar,
    settings_from,
    show_json,
    show_table,
    stdout,
)
from billp.commands.running import (
    Dataset,
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
from billp.experiments.numbers import fixed

if TYPE_CHECKING:
    from billp.experiments.critic_study import CriticStudy, ValueWay
    from billp.experiments.reliability import Reliability


def critic(
    method: MethodName = "billp",
    dataset: Dataset = "ml-100k",
    users: Annotated[int, typer.Option(min=1, help="held-out users")] = 20,
    seeds: Seeds = "0",
    memory: MemoryName = None,
    untrained: Untrained = False,
    values: Annotated[str, typer.Option(help="ways to a value to compare, comma-separated")] = "logprobs,sample",
    recorded: Annotated[
        str | None, typer.Option(metavar="RUN", help="take episodes and values from this run; asks no LLM")
    ] = None,
    run: RunName = None,
    resume: Resume = False,
    side_by_side: SideBySide = None,
    tape: TapeMode = None,
    tape_file: TapeFile = None,
    prompts: PromptsFolder = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Compare the Critic's values with Monte-Carlo returns on held-out users: bias, variance, rank correlation."""
    from billp.experiments.checks import check_method
    from billp.experiments.run_names import run_named

    flags = {"prompts": prompts, "run__side_by_side": side_by_side, "run__tape": tape, "run__tape_file": tape_file}
    settings = settings_from(assign, **flags)
    if recorded is not None:
        folder = run_named(settings.runs_dir, recorded)

        from billp.experiments.critic_study import study_recorded

        _show(study_recorded(folder), as_json)
        return
    given, numbers, ways = given_run(settings, run, resume=resume), seed_list(seeds), _ways(values)
    check_method(settings, method, dataset, memory or method, untrained=untrained)
    folder = given or new_run(settings, "critic", method)
    settings = with_tape_in(folder, settings)

    from billp.experiments.critic_study import study_critic
    from billp.graphs.workshop import Workshop

    async def work() -> CriticStudy:
        async with Workshop(settings) as workshop:
            return await study_critic(
                workshop,
                dataset=dataset,
                method=method,
                users=users,
                seeds=numbers,
                memory=memory or method,
                ways=ways,
                run=folder,
                resume=resume,
                bar=count_bar,
            )

    study = run_to_end(work)
    _show(study, as_json)
    if not as_json:
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
