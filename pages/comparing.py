"""Runs against each other: their numbers, their curves, and paired differences to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from billp.errors import ArtifactError
from billp.experiments.compare.pairs import compare_pair
from billp.experiments.runs.configured_folder import CONFIG
from billp.experiments.runs.stored import stored_config
from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.intervals import Estimate, excludes
from billp.experiments.stats.numbers import signed_interval, with_interval
from billp.pages.answers import Answer, Name, Question
from billp.pages.whole_runs import WholeRuns
from billp.reports.curves import learning_curves, training_curves
from billp.reports.report_rows import Row, group_rows, is_trained
from billp.reports.run_data import RunData, find_runs


class ComparisonQuestion(Question):
    """Which runs are compared, and with which of their results; an empty base is the first of them."""

    run: Annotated[list[Name], Field(min_length=1, max_length=20)]
    base: Annotated[str, Field(max_length=1000)] = ""


class Point(Answer):
    """A point of a chart; `low` and `high` are the ends of its 95% interval, if there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


class Curve(Answer):
    """The points of one line."""

    label: str
    points: list[Point]


class ComparedRow(Answer):
    """What one method came to; seeds are pooled. `numbers` are means and intervals by metric."""

    label: str
    training: bool
    users: int
    episodes: int
    failed: int
    numbers: dict[str, str]
    r_traj: Point | None


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


class Compared(Answer):
    """Runs side by side. `metrics` are labels by name; `notes` say what makes the numbers hard to compare."""

    metrics: dict[str, str]
    rows: list[ComparedRow]
    base: str
    differences: list[Difference]
    learning: list[Curve]
    training: list[Curve]
    window: int
    """Finished episodes that a point of a training curve is the mean of, at least."""
    notes: list[str]


def compared(runs: WholeRuns, question: ComparisonQuestion) -> Compared:
    """Compares the runs that `question` names.

    Raises ArtifactError if one is not there, is damaged or has no episode yet."""
    folders = [runs.folder(name) for name in dict.fromkeys(question.run)]
    rows = group_rows([run for folder in folders for run in find_runs(folder)])
    results = [row for row in rows if not row.training and not row.probe]
    base = _base(results, question.base, _planned_base(folders[0]))
    trained = training_curves(rows)
    learned = [
        Curve(
            label=curve.label,
            points=[
                point
                for x, estimate in zip(curve.trained, curve.r_traj, strict=True)
                if (point := _point(x, estimate)) is not None
            ],
        )
        for curve in learning_curves(rows)
    ]
    return Compared(
        metrics={name: metric.label for name, metric in METRICS.items()},
        rows=[_row(row) for row in rows if not row.probe],
        base="" if base is None else base.label,
        differences=[] if base is None else [_difference(row, base) for row in results if row is not base],
        learning=learned,
        training=[
            Curve(
                label=curve.label,
                points=[Point(x=x, y=y) for x, y in zip(curve.episodes, curve.r_traj, strict=True) if y is not None],
            )
            for curve in trained
        ],
        window=min((curve.window for curve in trained), default=0),
        notes=_notes(results),
    )


def _planned_base(folder: Path) -> str:
    """Returns the base that the comparison in `folder` was made with; empty if it is none."""
    return stored_config(folder).plan.base if (folder / CONFIG).is_file() else ""


def _base(results: Sequence[Row], label: str, planned: str) -> Row | None:
    """Returns the result called `label`; if that is empty, that of the arm `planned`, or the first."""
    if not label:
        of_arm = (row for row in results if planned and row.runs[0].config.plan.arm == planned)
        return next(of_arm, results[0] if results else None)
    found = next((row for row in results if row.label == label), None)
    if found is None:
        raise ArtifactError(f"There is no result {label!r} in these runs; choose another base.")
    return found


def _row(row: Row) -> ComparedRow:
    summary = row.summary
    return ComparedRow(
        label=row.label,
        training=row.training,
        users=summary.users,
        episodes=summary.episodes,
        failed=summary.failed,
        numbers={name: with_interval(summary.estimate(name), metric.digits) for name, metric in METRICS.items()},
        r_traj=_point(0, summary.r_traj),
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
        r_traj=_point(0, reward.difference),
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


def _point(x: float, estimate: Estimate) -> Point | None:
    if estimate.mean is None:
        return None
    low, high = estimate.ci95 or (None, None)
    return Point(x=x, y=estimate.mean, low=low, high=high)
