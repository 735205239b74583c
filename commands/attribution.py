"""`billp memory attribution`: which records of memory moved one recommendation, and by how much."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from billp.commands.console import complain
from billp.commands.output import AsJson, settings_from, show_json, show_table, stdout
from billp.commands.waiting import spinner
from billp.errors import ArtifactError
from billp.experiments.stats.numbers import signed
from billp.words import counted

if TYPE_CHECKING:
    from billp.experiments.analysis.attribution import Attribution, BeliefBehind, RecordBehind
    from billp.reports.episode_view import StepView

_SLIGHT = 0.005  # stars; less is shown as 0.00

Run = Annotated[str, typer.Argument(metavar="RUN", help="name in the runs folder, or a path")]
Episode = Annotated[str, typer.Argument(metavar="EPISODE", help="id of an episode of the run")]
Number = Annotated[int, typer.Argument(metavar="STEP", min=1, help="number of the step, from 1")]
Memory = Annotated[str | None, typer.Option(help="memory to ask", show_default="the run's own")]
Most = Annotated[int, typer.Option("--examples", min=0, help="most principles, experiences and unread reflections")]


def attribution(
    run: Run, episode: Episode, step: Number, memory: Memory = None, most: Most = 5, as_json: AsJson = False
) -> None:
    """Show which records of memory moved one recommendation and by how much, and what memory believed."""
    from billp.experiments.runs.run_names import run_named

    settings = settings_from()
    folder = run_named(settings.runs_dir, run)  # before anything heavy is loaded

    from billp.experiments.analysis.run_step import find_step

    found = find_step(folder, episode, step)
    name = memory or found.memory
    if not name:
        raise ArtifactError(f"Run {run} does not say which memory it read; name it with --memory.")

    from billp.experiments.analysis.attribution import attribute
    from billp.experiments.analysis.recorded_knowledge import as_recorded
    from billp.graphs.resources import Resources
    from billp.memory import counts_of
    from billp.reports.rendering import Telling

    async def ask() -> tuple[StepView, Attribution]:
        async with Resources(found.settings_in(settings)) as resources:
            deps = resources.deps(found.dataset, memory=name, llm=False)
            told = Telling(deps.catalogue, settings=found.settings).episode(found.line)
            return told.steps[step - 1], attribute(found, as_recorded(deps, found.surroundings), most=most)

    counts_of(settings, found.dataset, name)  # refuses one that is not there
    with spinner("asking memory"):
        view, told = asyncio.run(ask())
    if as_json:
        show_json({"run": run, "episode": episode, "step": asdict(view), **told.model_dump(mode="json")})
    else:
        _show(view, told)


def blame(
    run: Run, episode: Episode, step: Number, memory: Memory = None, most: Most = 5, as_json: AsJson = False
) -> None:
    """The old name of `attribution`."""
    complain("billp: `memory blame` is called `memory attribution` now; the old name will go.")
    attribution(run, episode, step, memory, most, as_json)


def _show(step: StepView, told: Attribution) -> None:
    from billp.reports.episode_text import step_text

    stdout.print(step_text(step), markup=False)
    if step.plan:
        stdout.print(f"  plan       {step.plan} (from the evidence of {told.pooled} reflections)", markup=False)
    if not told.as_it_was:
        stdout.print("What follows is memory as it is now; it differs from what the step knew.", style="yellow")
    if step.candidates:
        _show_candidates(step, told)
    if told.belief is not None and told.belief.leave_cost:
        _show_belief(told.belief)
    if told.records:
        _show_records(told.records)


def _show_candidates(step: StepView, told: Attribution) -> None:
    parts = {each.item: each for each in told.candidates}
    columns, rows = ["", "candidate", "score"], list[tuple[object, ...]]()
    for each in step.candidates:
        head = ("→" if each.item == step.item else "", each.item.title, _signed(each.total))
        if behind := parts.get(each.item.index):
            rows.append((*head, *map(_signed, (behind.item_effect, behind.retention_effect, behind.chance))))
        else:
            rows.append((*head, *map(_signed, (each.item_effect, each.retention_effect, each.llm))))
    if parts:
        title = "Candidates, in stars: score = item effect + retention effect + chance"
        _show_part(title, [*columns, "item effect", "retention effect", "chance"], rows)
    else:
        _show_part("Candidates, in stars", [*columns, "item effect", "retention effect, chance", "LLM"], rows)


def _show_belief(belief: BeliefBehind) -> None:
    told = [each for each in belief.principles if abs(each.stars) >= _SLIGHT]
    rows = [
        (_signed(p.stars), p.words, "; ".join(p.after), f"{p.rate:.2%}", f"{p.departures:.1f} of {p.exposures:.1f}")
        for p in told
    ]
    rows.append((_signed(belief.dislike), "it may be rated low", "", "", ""))
    title = f"The retention effect: what may make the user leave, at a cost of {belief.leave_cost:.0f} stars"
    _show_part(title, ["stars", "principle", "as close to", "rate", "left"], rows)
    _show_rest(len(belief.principles) - len(told), "principle")


def _show_records(records: Sequence[RecordBehind]) -> None:
    told = [each for each in records if each.read or each.stars is None or abs(each.stars) >= _SLIGHT]
    rows = [(_signed(each.stars), "read" if each.read else "", each.text, each.usage.words(), each.id) for each in told]
    if rows:
        title = "Records of memory behind it, and by how many stars each moved the plan or the score"
        _show_part(title, ["stars", "", "record", "usage", "id"], rows)
    _show_rest(len(records) - len(told), "record")


def _show_part(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    stdout.print(f"\n{title}", style="bold")
    show_table(columns, rows)


def _show_rest(count: int, noun: str) -> None:
    if count:
        stdout.print(f"{counted(count, f'more {noun}')} moved it by less than 0.01 stars each; --json names them.")


def _signed(stars: float | None) -> str:
    return "-" if stars is None else signed(stars, 2)
