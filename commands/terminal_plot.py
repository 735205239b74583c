"""Curves drawn in the terminal with characters, after a training and a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from billp.commands.output import stdout

if TYPE_CHECKING:
    from billp.experiments.compare.results import Comparison

_HEIGHT = 14
_WIDEST = 90
_LEAST = 0.01  # height of the scale
_MARKS = "ox+*#%@"  # for several curves; one alone is drawn finer


@dataclass(frozen=True)
class Line:
    """A curve of the terminal: its name, and what it is at ascending x."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def drawn(title: str, lines: Sequence[Line], x: str, width: int) -> str:
    """Returns the curves as lines of text, at most `width` characters each; empty without two points to join."""
    lines = [line for line in lines if len(line.x) > 1]
    if not lines:
        return ""
    import plotext

    figure = plotext
    figure.clear_figure()
    figure.theme("clear")
    figure.plotsize(min(width, _WIDEST), _HEIGHT)
    for position, line in enumerate(lines):
        mark = _MARKS[position % len(_MARKS)] if len(lines) > 1 else "braille"
        figure.plot(list(line.x), list(line.y), marker=mark, label=line.label if len(lines) > 1 else None)
    ends = min(line.x[0] for line in lines), max(line.x[-1] for line in lines)
    ticks = sorted({round(ends[0] + (ends[1] - ends[0]) * part / 4) for part in range(5)})
    figure.xticks(ticks, [str(tick) for tick in ticks])
    values = [value for line in lines for value in line.y]
    figure.ylim(min(0.0, *values), max(_LEAST, *values))
    figure.title(title)
    figure.xlabel(x)
    text: str = figure.uncolorize(figure.build())
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def show_training(run: Path) -> None:
    """Draws the training curve of the run in the folder `run`; nothing if the output is no terminal."""
    if not stdout.is_terminal:
        return
    from billp.reports.curves import training_curves
    from billp.reports.report_rows import group_rows
    from billp.reports.run_data import find_runs

    curves = training_curves(group_rows(find_runs(run)))
    lines = []
    for curve in curves:
        known = [(at, value) for at, value in zip(curve.episodes, curve.r_traj, strict=True) if value is not None]
        lines.append(Line(curve.label, [at for at, _ in known], [value for _, value in known]))
    window = min((curve.window for curve in curves), default=0)
    _show(drawn(f"R_traj, mean of the last {window} training episodes", lines, "training episode", stdout.width))


def show_learning(found: Comparison) -> None:
    """Draws the learning curves of a comparison; nothing if it has none, or if the output is no terminal."""
    if not stdout.is_terminal:
        return
    lines = []
    for arm in dict.fromkeys(point.arm for point in found.curve):
        points = [(each.trained, each.r_traj.mean) for each in found.curve if each.arm == arm]
        known = [(at, mean) for at, mean in points if mean is not None]
        lines.append(Line(arm, [at for at, _ in known], [mean for _, mean in known]))
    _show(drawn("R_traj of held-out users", lines, "training episodes", stdout.width))


def _show(text: str) -> None:
    if text:
        stdout.print(text)
