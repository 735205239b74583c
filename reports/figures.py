"""The figures of a report, as Plotly draws them. The page sets the colours of paper, text and grid."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from billp.experiments.stats.endings import OUTCOMES, outcome_words
from billp.experiments.stats.intervals import Estimate
from billp.reports.curves import LearningCurve, TrainingCurve, learning_curves, training_curves
from billp.reports.plotting import Figure, colour, plot
from billp.reports.report_rows import Row


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Returns every figure that `rows` have data for."""
    results = [row for row in rows if not row.probe and row.summary.r_traj.mean is not None]
    learned, trained = learning_curves(rows), training_curves(rows)
    found = []
    if results:
        found += [_intervals(results, "r_traj", "R_traj"), _intervals(results, "len", "Len"), _quits(results)]
    if learned:
        found.append(_learning(learned))
    if trained:
        found += [_training(trained), _memory(trained)]
    paid = [row for row in results if row.summary.tokens_per_step]
    if paid:
        found += [_reward_per_token(paid), _cost(paid)]
    return found


def _intervals(rows: Sequence[Row], metric: str, title: str) -> Figure:
    estimates: list[Estimate] = [getattr(row.summary, metric) for row in rows]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [estimate.mean],
            "y": [label],
            "error_x": _error_bars([estimate]),
            "marker": {"size": 10, "color": colour(position)},
            "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
        }
        for position, (estimate, label) in enumerate(zip(estimates, _labels(rows), strict=True))
    ]
    return Figure(
        f"interval-{metric}", title, "Means of users over seeds, and 95% intervals where there are any.",
        plot(traces, rows=len(rows), x=title, legend=False),
    )  # fmt: skip


def _quits(rows: Sequence[Row]) -> Figure:
    known = [reason for reason in OUTCOMES if reason != "failed"]
    reasons = known + sorted({r for row in rows for r in row.summary.quit_reasons} - set(OUTCOMES))
    finished = [sum(row.summary.quit_reasons.values()) for row in rows]
    traces = []
    for position, reason in enumerate(reasons):
        counts = [row.summary.quit_reasons.get(reason, 0) for row in rows]
        if any(counts):
            traces.append({
                "type": "bar",
                "orientation": "h",
                "name": html.escape(outcome_words(reason)[0], quote=False),
                "x": [count / whole for count, whole in zip(counts, finished, strict=True)],
                "y": _labels(rows),
                "customdata": counts,
                "marker": {"color": colour(position)},
                "hovertemplate": "%{y}: %{customdata} episodes, %{x:.0%}<extra>%{fullData.name}</extra>",
            })  # fmt: skip
    drawn = plot(traces, rows=len(rows), x="share of finished episodes")
    drawn["layout"] |= {"barmode": "stack"}
    drawn["layout"]["xaxis"] |= {"tickformat": ".0%", "range": [0, 1]}
    return Figure("quits", "Why episodes ended", "Finished episodes by what ended them.", drawn)


def _learning(curves: Sequence[LearningCurve]) -> Figure:
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": html.escape(curve.label, quote=False),
            "x": list(curve.trained),
            "y": [estimate.mean for estimate in curve.r_traj],
            "error_y": _error_bars(curve.r_traj),
            "line": {"color": colour(position)},
            "hovertemplate": "after %{x} episodes: %{y:.2f}<extra>%{fullData.name}</extra>",
        }
        for position, curve in enumerate(curves)
    ]
    return Figure(
        "learning", "Learning curve", "R_traj on held-out users after so many training episodes, with 95% intervals.",
        plot(traces, x="training episodes", y="R_traj"),
    )  # fmt: skip


def _training(curves: Sequence[TrainingCurve]) -> Figure:
    traces = [_line(curve.label, curve, curve.r_traj, colour(position)) for position, curve in enumerate(curves)]
    windows = sorted({curve.window for curve in curves})
    last = str(windows[0]) if len(windows) == 1 else f"{windows[0]} to {windows[-1]}"
    return Figure(
        "training", "Training episodes", f"Mean R_traj of the last {last} finished training episodes.",
        plot(traces, x="training episode", y="R_traj"),
    )  # fmt: skip


def _memory(curves: Sequence[TrainingCurve]) -> Figure:
    traces: list[dict[str, Any]] = []
    for position, curve in enumerate(curves):
        several = f"{curve.label}, " if len(curves) > 1 else ""
        for name, counts, dash in (
            ("reflections", curve.reflections, "dot"),
            ("experiences", curve.experiences, "solid"),
        ):
            if counts and counts[-1]:
                trace = _line(f"{several}{name}", curve, counts, colour(position))
                trace["line"] |= {"dash": dash}
                traces.append(trace)
    return Figure(
        "memory", "Memory growth", "Reflections (one an episode) and experiences (one a judged step) given to memory.",
        plot(traces, x="training episode", y="records"),
    )  # fmt: skip


def _reward_per_token(rows: Sequence[Row]) -> Figure:
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [reward_per_1000_tokens(row) for row in rows],
        "y": _labels(rows),
        "marker": {"color": colour(0)},
        "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
    }
    return Figure(
        "reward-per-token", "Reward per 1,000 tokens", "Sum of rewards over prompt and completion tokens.",
        plot([trace], rows=len(rows), x="reward per 1,000 tokens"),
    )  # fmt: skip


def _cost(rows: Sequence[Row]) -> Figure:
    """Returns the figure of tokens per step, by type."""
    parts = {"prompt, computed": [], "prompt, cached": [], "completion": []}  # type: dict[str, list[float]]
    for row in rows:
        outputs = [line.output for line in row.lines if line.output is not None]
        steps = sum(output["length"] for output in outputs)
        prompt, cached, completion = (
            sum(output["usage"][name] for output in outputs) / steps
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
        )
        for part, tokens in zip(parts, (prompt - cached, cached, completion), strict=True):
            parts[part].append(tokens)
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": part,
            "x": tokens,
            "y": _labels(rows),
            "marker": {"color": colour(position)},
            "hovertemplate": "%{y}: %{x:.0f}<extra>%{fullData.name}</extra>",
        }
        for position, (part, tokens) in enumerate(parts.items())
    ]
    drawn = plot(traces, rows=len(rows), x="tokens a step")
    drawn["layout"] |= {"barmode": "stack"}
    return Figure("cost", "Cost", "Tokens a step; cached prompt tokens were served by the prefix cache.", drawn)


def reward_per_1000_tokens(row: Row) -> float:
    """Returns the sum of rewards per 1,000 tokens of prompts and completions; 0 without tokens."""
    outputs = [line.output for line in row.lines if line.output is not None]
    tokens = sum(output["usage"]["prompt_tokens"] + output["usage"]["completion_tokens"] for output in outputs)
    return 1000 * sum(output["reward_trajectory"] for output in outputs) / tokens if tokens else 0.0


def _line(name: str, curve: TrainingCurve, values: Iterable[float | None], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(name, quote=False),
        "x": list(curve.episodes),
        "y": list(values),
        "line": {"color": colour},
        "hovertemplate": "episode %{x}: %{y:.4~g}<extra>%{fullData.name}</extra>",
    }


def _error_bars(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Returns error bars from the mean to both ends of the interval."""
    high, low = [], []
    for estimate in estimates:
        known = estimate.mean is not None and estimate.ci95 is not None
        high.append(estimate.ci95[1] - estimate.mean if known else 0)  # type: ignore[index,operator]
        low.append(estimate.mean - estimate.ci95[0] if known else 0)  # type: ignore[index,operator]
    return {"type": "data", "symmetric": False, "array": high, "arrayminus": low, "thickness": 1.5}


def _labels(rows: Sequence[Row]) -> list[str]:
    """Returns labels as data, since Plotly reads some tags in text; long ones are broken once, to save room."""
    return [html.escape(row.label, quote=False).replace(" · ", "<br>", 1) for row in rows]
