"""Pictures of a report as files: methods against each other, and how they learn. Needs matplotlib (extra `plots`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from billp.errors import BadInputError, SettingsError
from billp.experiments.stats.intervals import Estimate
from billp.reports.curves import LearningCurve, TrainingCurve, learning_curves, training_curves
from billp.reports.report import Report
from billp.reports.report_rows import Row
from billp.whole_files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE: dict[Any, Any] = {  # its keys are a Literal of matplotlib
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d8dde3",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.edgecolor": "#8a939c",
    "legend.frameon": False,
    "svg.fonttype": "none",  # words stay words, to be found and copied
    "svg.hashsalt": "billp",  # the same numbers give the same file
}
# Okabe and Ito (2008): colour-blind readers can tell them apart too.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_WIDTH, _DOTS = 7.0, 200  # inches, and dots to an inch
_LINE = 0.38  # inches that a row takes


def check_pictures() -> None:
    """Raises SettingsError if matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise SettingsError("Pictures need matplotlib; install the extra: `pip install 'billp[plots]'`.")


def write_pictures(report: Report, folder: Path, form: Literal["png", "svg"]) -> list[Path]:
    """Writes `methods` and `learning` (or `training`) into `folder`; returns the files there is data for.

    Raises SettingsError if matplotlib is not installed, BadInputError if a file cannot be written.
    """
    check_pictures()
    results = [row for row in report.rows if not row.probe and not row.training and row.summary.r_traj.mean is not None]
    learned, trained = learning_curves(report.rows), training_curves(report.rows)
    files = []
    with _matplotlib():
        if results:
            files.append(_written(_methods(results), folder / f"methods.{form}"))
        if learned:
            files.append(_written(_learning(learned), folder / f"learning.{form}"))
        elif trained:
            files.append(_written(_training(trained), folder / f"training.{form}"))
    return files


@contextmanager
def _matplotlib() -> Iterator[None]:
    import matplotlib as mpl  # noqa: PLC0415 -- an extra, and loads for a second

    with mpl.rc_context(_STYLE):
        yield


def _figure(height: float, columns: int = 1) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure  # noqa: PLC0415 -- as above

    made = Figure(figsize=(_WIDTH, height))
    made.set_layout_engine("constrained", w_pad=0.1)
    return made, list(made.subplots(1, columns, squeeze=False, sharey=True)[0])


def _methods(rows: Sequence[Row]) -> Figure:
    """Draws R_traj and Len of each method with their intervals, one line each."""
    made, axes = _figure(0.9 + _LINE * len(rows), columns=2)
    for axis, metric, words in zip(axes, ("r_traj", "len"), ("R_traj", "Len"), strict=True):
        for position, row in enumerate(rows):
            estimate: Estimate = getattr(row.summary, metric)
            axis.errorbar(
                [_number(estimate.mean)],
                [position],
                xerr=_errors([estimate]),
                fmt="o",
                color=_COLOURS[position % len(_COLOURS)],
                capsize=3,
            )
        axis.set_xlabel(f"{words}, mean and 95% interval")
        axis.set_xlim(left=0)
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(rows)), [_plain(row.label) for row in rows])
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    return made


def _learning(curves: Sequence[LearningCurve]) -> Figure:
    """Draws R_traj of held-out users after so many training episodes, with 95% intervals."""
    made, (axis,) = _figure(3.8)
    for position, curve in enumerate(curves):
        axis.errorbar(
            list(curve.trained), [_number(each.mean) for each in curve.r_traj], yerr=_errors(curve.r_traj), capsize=3,
            color=_COLOURS[position % len(_COLOURS)], marker=_MARKS[position % len(_MARKS)], label=_plain(curve.label),
        )  # fmt: skip
    return _finished(made, axis, "training episodes", "R_traj of held-out users, 95% interval")


def _training(curves: Sequence[TrainingCurve]) -> Figure:
    """Draws the mean R_traj of the last training episodes."""
    made, (axis,) = _figure(3.8)
    for position, curve in enumerate(curves):
        axis.plot(
            list(curve.episodes), [_number(each) for each in curve.r_traj], color=_COLOURS[position % len(_COLOURS)],
            label=_plain(curve.label),
        )  # fmt: skip
    window = min(curve.window for curve in curves)
    return _finished(made, axis, "training episode", f"mean R_traj of the last {window} episodes")


def _finished(made: Figure, axis: Axes, x: str, y: str) -> Figure:
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.set_ylim(bottom=0)
    made.legend(loc="outside upper left", ncols=2)
    return made


def _errors(estimates: Sequence[Estimate]) -> list[list[float]]:
    """Returns the distances from the means to both ends of their intervals; 0 where there is none."""
    low, high = [], []
    for estimate in estimates:
        mean, ends = estimate.mean, estimate.ci95
        low.append(0.0 if mean is None or ends is None else mean - ends[0])
        high.append(0.0 if mean is None or ends is None else ends[1] - mean)
    return [low, high]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _plain(label: str) -> str:
    """Returns the label with the signs escaped that matplotlib reads as mathematics."""
    return label.replace("$", r"\$")


def _written(made: Figure, file: Path) -> Path:
    try:
        with replacing(file) as (partial,):
            form = file.suffix[1:]
            made.savefig(partial, format=form, dpi=_DOTS, metadata={"Date": None} if form == "svg" else None)
    except OSError as error:
        raise BadInputError(f"The picture cannot be written to {file} ({error.strerror or error}).") from error
    return file
