"""The charts of a report as data: curves with intervals, and bars. The page and pictures draw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billp.experiments.stats.endings import OUTCOMES, outcome_words
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.numbers import fixed, shares
from billp.reports.curves import LearningCurve, TrainingCurve, learning_curves, training_curves
from billp.reports.report_rows import Row


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a chart; `low` and `high` are the ends of its 95% interval, None if it has none."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one line. `like` is the place of the curve that it shares its colour with; None: its own."""

    label: str
    points: list[Point]
    dashed: bool = False
    like: int | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over a common axis; `x` and `y` are what the axes show, `log` makes the horizontal one logarithmic."""

    name: str
    title: str
    caption: str
    x: str
    y: str
    curves: list[Curve]
    log: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the sizes of its parts, in the order of the chart's parts, and what it says in words."""

    label: str
    sizes: list[float]
    words: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars under each other, each made of the same `parts`."""

    name: str
    title: str
    caption: str
    parts: list[str]
    bars: list[Bar]


def point(x: float, estimate: Estimate) -> Point | None:
    """Returns the point of `estimate` at `x`; None if there is no mean."""
    if estimate.mean is None:
        return None
    return Point(x, estimate.mean, *(estimate.ci95 or (None, None)))


def line_charts(rows: Sequence[Row]) -> list[Chart]:
    """Returns how the methods of `rows` learned, as far as there are data for it."""
    learned, trained = learning_curves(rows), training_curves(rows)
    charts = [_learning(learned)] if learned else []
    if any(len(curve.episodes) > 1 for curve in trained):
        charts += [_training(trained), _memory(trained)]
    return [chart for chart in charts if chart.curves]


def bar_charts(rows: Sequence[Row]) -> list[BarChart]:
    """Returns why the episodes of `rows` ended, and what they cost if they asked an LLM."""
    results = [row for row in rows if not row.probe and row.summary.r_traj.mean is not None]
    charts = [_quits(results)] if results else []
    paid = [row for row in results if row.summary.tokens_per_step]
    return charts + ([_reward_per_token(paid), _cost(paid)] if paid else [])


def _learning(curves: Sequence[LearningCurve]) -> Chart:
    return Chart(
        "learning",
        "Learning curve",
        "R_traj of held-out users after so many training episodes, with 95% intervals.",
        x="training episodes",
        y="R_traj",
        curves=[
            Curve(curve.label, [found for at in zip(curve.trained, curve.r_traj, strict=True) if (found := point(*at))])
            for curve in curves
        ],
    )


def _training(curves: Sequence[TrainingCurve]) -> Chart:
    windows = sorted({curve.window for curve in curves})
    last = str(windows[0]) if len(windows) == 1 else f"{windows[0]} to {windows[-1]}"
    return Chart(
        "training",
        "Training episodes",
        f"Mean R_traj of the last {last} finished training episodes.",
        x="training episode",
        y="R_traj",
        curves=[Curve(curve.label, points(curve.episodes, curve.r_traj)) for curve in curves],
    )


def _memory(curves: Sequence[TrainingCurve]) -> Chart:
    drawn: list[Curve] = []
    for curve in curves:
        several = f"{curve.label}, " if len(curves) > 1 else ""
        first = len(drawn)
        for name, counts, dashed in (
            ("experiences", curve.experiences, False),
            ("reflections", curve.reflections, True),
        ):
            if counts and counts[-1]:
                like = first if len(drawn) > first else None
                drawn.append(Curve(f"{several}{name}", points(curve.episodes, counts), dashed, like))
    return Chart(
        "memory",
        "Memory growth",
        "Reflections (one an episode) and experiences (one a judged step) given to memory.",
        x="training episode",
        y="records",
        curves=drawn,
    )


def points(x: Iterable[float], y: Iterable[float | None]) -> list[Point]:
    """Returns the points whose `y` is known."""
    return [Point(across, up) for across, up in zip(x, y, strict=True) if up is not None]


def _quits(rows: Sequence[Row]) -> BarChart:
    known = [reason for reason in OUTCOMES if reason != "failed"]
    reasons = known + sorted({r for row in rows for r in row.summary.quit_reasons} - set(OUTCOMES))
    met = [reason for reason in reasons if any(row.summary.quit_reasons.get(reason, 0) for row in rows)]
    parts = [outcome_words(reason)[0] for reason in met]
    bars = []
    for row in rows:
        counts = [row.summary.quit_reasons.get(reason, 0) for reason in met]
        told = zip(counts, shares(counts), parts, strict=True)
        words = ", ".join(f"{size} {part}" for count, size, part in told if count)
        bars.append(Bar(row.label, [count / sum(counts) for count in counts], words))
    return BarChart("quits", "Why episodes ended", "Finished episodes by what ended them.", parts, bars)


def _reward_per_token(rows: Sequence[Row]) -> BarChart:
    sizes = [reward_per_1000_tokens(row) for row in rows]
    return BarChart(
        "reward-per-token",
        "Reward per 1,000 tokens",
        "Sum of rewards over prompt and completion tokens.",
        ["reward"],
        [Bar(row.label, [size], fixed(size, 2)) for row, size in zip(rows, sizes, strict=True)],
    )


def _cost(rows: Sequence[Row]) -> BarChart:
    bars = []
    for row in rows:
        outputs = [line.output for line in row.lines if line.output is not None]
        steps = sum(output["length"] for output in outputs)
        prompt, cached, completion = (
            sum(output["usage"][name] for output in outputs) / steps
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
        )
        bars.append(Bar(row.label, [prompt - cached, cached, completion], fixed(prompt + completion, 0)))
    return BarChart(
        "cost",
        "Tokens a step",
        "Cached prompt tokens were served by the prefix cache.",
        ["prompt, computed", "prompt, cached", "completion"],
        bars,
    )


def reward_per_1000_tokens(row: Row) -> float:
    """Returns the sum of rewards per 1,000 tokens of prompts and completions; 0 without tokens."""
    outputs = [line.output for line in row.lines if line.output is not None]
    tokens = sum(output["usage"]["prompt_tokens"] + output["usage"]["completion_tokens"] for output in outputs)
    return 1000 * sum(output["reward_trajectory"] for output in outputs) / tokens if tokens else 0.0
