"""What a report says, as the page shows it: numbers, charts, tables, and paired differences to one of the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from billp.errors import ArtifactError
from billp.experiments.compare.comparison_tables import conduct_table, policies_table
from billp.experiments.compare.pairs import compare_pair
from billp.experiments.compare.surface.surface_results import shares_of, surface_table
from billp.experiments.runs.configured_folder import CONFIG
from billp.experiments.runs.stored import stored_config
from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.intervals import excludes
from billp.experiments.stats.numbers import share, signed_interval, with_interval
from billp.experiments.stats.tables import TextTable, cost_table
from billp.pages.answers import Answer, Name, Question
from billp.reports import Report
from billp.reports.charts import BarChart, Chart, Point, point
from billp.reports.facts import facts_of
from billp.reports.report_rows import Row, is_trained
from billp.reports.run_data import RunData, addresses


class ComparisonQuestion(Question):
    """Which runs are compared, and with which of their results; an empty base is the first of them."""

    run: Annotated[list[Name], Field(min_length=1, max_length=20)]
    base: Annotated[str, Field(max_length=1000)] = ""


class ComparedRow(Answer):
    """What one method came to; seeds are pooled. `numbers` are means and intervals by metric."""

    label: str
    training: bool
    users: int
    episodes: int
    failed: int
    numbers: dict[str, str]
    r_traj: Point | None
    coverage: str
    """Share of the catalogue that the users of one seed saw."""
    logs: str
    """Whether the method reads the train users' logs."""


class Difference(Answer):
    """A result less the base, on the users and seeds that both finished; by metric, in words.

    `apart` names the metrics whose interval excludes zero; `note` says why nothing is compared.
    """

    label: str
    pairs: int = 0
    differences: dict[str, str] = Field(default_factory=dict)
    ratio: str = ""
    r_traj: Point | None = None
    apart: tuple[str, ...] = ()
    note: str = ""


class PartView(Answer):
    """A run folder; `name` is the run's and its own in it, `row` the label of its row."""

    name: str
    row: str
    command: str
    method: str
    prompts: str
    episodes: int
    complete: bool


class TableView(Answer):
    """A table of text; `shares` are its numbers from 0 to 1 where a colour says how large they are, else empty."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    shares: list[list[float | None]] = Field(default_factory=list)


class Compared(Answer):
    """A run, or several side by side.

    `metrics` are labels by name; `notes` say what makes the numbers hard to compare.
    """

    runs: list[str]
    facts: dict[str, str]
    """What the runs were made with."""
    notes: list[str]
    remarks: list[str]
    """What comparisons say of their numbers."""
    metrics: dict[str, str]
    rows: list[ComparedRow]
    base: str
    differences: list[Difference]
    bars: list[BarChart]
    charts: list[Chart]
    tables: list[TableView]
    """What rows and differences do not say: costs, breadth of recommendations, trainings of policies, worlds."""
    markdown: str
    """All tables for a text."""
    latex: str
    parts: list[PartView]


def compared(report: Report, base: str = "") -> Compared:
    """Returns what `report` says, with differences to the result called `base`, or to the one that was planned.

    Raises ArtifactError if there is no such result.
    """
    rows = report.rows
    results = _results(report)
    chosen = _base(results, base, _planned_base(report))
    called = addresses(report.runs)
    return Compared(
        runs=list(dict.fromkeys([run.root.name for run in report.runs])) or [report.title],
        facts=facts_of(report) if report.runs else {},
        notes=[*_notes(results), *(f"{words}." for words in [report.stands_in] if words)],
        remarks=[each.found.caption for each in report.comparisons if each.found.caption],
        metrics={name: metric.label for name, metric in METRICS.items()},
        rows=[_row(report, row) for row in rows if not row.probe],
        base="" if chosen is None else chosen.label,
        differences=[] if chosen is None else _differences(results, chosen),
        bars=report.bar_charts(),
        charts=report.line_charts(),
        tables=_tables(report),
        markdown=report.text("markdown"),
        latex=report.text("latex"),
        parts=[
            PartView(
                name=called[run.path], row=row.label, command=run.config.plan.command, method=run.method,
                prompts=run.config.prompts.pack, episodes=len(run.lines), complete=run.complete,
            )
            for row in rows
            for run in row.runs
        ],
    )  # fmt: skip


def all_differences(report: Report) -> dict[str, list[Difference]]:
    """Returns the differences to each of the results, by its label."""
    results = _results(report)
    return {base.label: _differences(results, base) for base in results}


def _results(report: Report) -> list[Row]:
    return [row for row in report.rows if not row.training and not row.probe]


def _differences(results: Sequence[Row], base: Row) -> list[Difference]:
    return [_difference(row, base) for row in results if row is not base]


def _planned_base(report: Report) -> str:
    """Returns the base that the first comparison was made with; empty if there is none."""
    folder = report.runs[0].root if report.runs else None
    return stored_config(folder).plan.base if folder is not None and (folder / CONFIG).is_file() else ""


def _tables(report: Report) -> list[TableView]:
    shown = {row.label: row.summary for row in report.rows if not row.probe}
    tables = [conduct_table(each.found) for each in report.comparisons if each.conducts]
    tables += [cost_table(shown)] if shown else []
    tables += [policies_table(each.found) for each in report.comparisons if each.found.policies]
    return [
        *(_table(surface_table(surface), shares_of(surface)) for surface in report.surfaces),
        *(_table(table) for table in tables),
    ]


def _table(table: TextTable, shares: list[list[float | None]] | None = None) -> TableView:
    return TableView(
        title=table.title, columns=table.columns, rows=table.rows, caption=table.caption, shares=shares or []
    )


def _base(results: Sequence[Row], label: str, planned: str) -> Row | None:
    """Returns the result called `label`; if that is empty, that of the arm `planned`, or the first."""
    if not label:
        of_arm = (row for row in results if planned and row.runs[0].config.plan.arm == planned)
        return next(of_arm, results[0] if results else None)
    found = next((row for row in results if row.label == label), None)
    if found is None:
        raise ArtifactError(f"There is no result {label!r} in these runs; choose another base.")
    return found


def _row(report: Report, row: Row) -> ComparedRow:
    summary = row.summary
    return ComparedRow(
        label=row.label,
        training=row.training,
        users=summary.users,
        episodes=summary.episodes,
        failed=summary.failed,
        numbers={name: with_interval(summary.estimate(name), metric.digits) for name, metric in METRICS.items()},
        r_traj=point(0, summary.r_traj),
        coverage=share(report.coverage(row)),
        logs="yes" if summary.uses_logs else "no",
    )


def _difference(row: Row, base: Row) -> Difference:
    if _data(row) != _data(base):
        return Difference(label=row.label, note="another data set, so other users")
    trained = is_trained(row.runs) or is_trained(base.runs)
    pairs = {
        name: compare_pair(row.label, row.lines, base.label, base.lines, name, trained=trained) for name in METRICS
    }
    reward = pairs["r_traj"]
    if not reward.pairs:
        return Difference(label=row.label, note="no user met with the same seed in both")
    return Difference(
        label=row.label,
        pairs=reward.pairs,
        differences={name: signed_interval(pair.difference, METRICS[name].digits) for name, pair in pairs.items()},
        ratio=with_interval(reward.ratio, 2),
        apart=tuple(name for name, pair in pairs.items() if excludes(pair.difference, 0.0)),
        r_traj=point(0, reward.difference),
    )


def _notes(results: Sequence[Row]) -> list[str]:
    """Returns what the results do not have in common, though a difference between methods assumes it."""
    runs: list[RunData] = [run for row in results for run in row.runs]
    notes = []
    if len({run.config.dataset.fingerprint for run in runs}) > 1:
        notes.append("The runs are of several data sets; only results of one and the same are compared.")
    if len({run.config.rule for run in runs}) > 1:
        notes.append("The runs have different quit rules, so differences are not those of methods alone.")
    if len({run.config.settings.get("run", {}).get("horizon") for run in runs}) > 1:
        notes.append("The runs have different horizons, so differences are not those of methods alone.")
    if any(not run.complete for run in runs):
        notes.append("A run has not come to its end; these are its episodes so far.")
    return notes


def _data(row: Row) -> str:
    return row.runs[0].config.dataset.fingerprint
