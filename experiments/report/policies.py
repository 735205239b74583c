"""The figure of how policies were trained."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from experiments.comparison.policies import PolicyTraining
from experiments.report.drawing import Figure, colour, plot


def policies_figure(trainings: Sequence[PolicyTraining]) -> Figure:
    """R_traj over training steps: with train users, with held-out users, and what learning by memory reaches."""
    traces: list[dict[str, Any]] = []
    for position, training in enumerate(trainings):
        steps = [point.steps for point in training.curve]
        held_out: list[float | None] = [point.held_out for point in training.curve]
        train: list[float | None] = [point.train_users for point in training.curve]
        line = {"color": colour(position)}
        traces.append(_line(f"{training.arm}, held-out users", steps, held_out, line))
        traces.append(_line(f"{training.arm}, train users", steps, train, line | {"dash": "dot"}))
    first = min(training.curve[0].steps for training in trainings)
    last = max(training.steps for training in trainings)
    reached = {passing.arm: passing.r_traj for training in trainings for passing in training.passes}
    for arm, r_traj in reached.items():
        traces.append(_line(arm, [first, last], [r_traj, r_traj], {"color": "#999999", "dash": "dash", "width": 1}))
    drawn = plot(traces, x="training steps", y="R_traj")
    drawn["layout"]["xaxis"] |= {"type": "log"}
    drawn["layout"] |= {"height": 460}
    return Figure(
        "policies",
        "Policies",
        "R_traj after so many steps of training, means over seeds: recommendations to simulated users, or gradient "
        "steps of methods that meet none. Dashed grey: what methods that learn by memory reach with held-out users.",
        drawn,
    )


def _line(name: str, x: Sequence[int], y: Sequence[float | None], line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(name, quote=False),
        "x": list(x),
        "y": list(y),
        "line": line,
        "hovertemplate": "after %{x:,} steps: %{y:.1f}<extra>%{fullData.name}</extra>",
    }
