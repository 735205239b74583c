"""Figures of studies: trainings of policies, methods in many worlds, and how well the Critic predicts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billp.experiments.analysis.critic_study import FILE, CriticStudy
from billp.experiments.compare.policy_curves import PolicyTraining
from billp.experiments.compare.surface.surface_results import Surface, methods_of
from billp.experiments.runs.stored import read_stored
from billp.experiments.stats.numbers import share, share_with_interval
from billp.reports.plotting import Figure, colour, plot


def policies_figure(policies: Sequence[tuple[str, PolicyTraining]]) -> Figure:
    """Returns R_traj over training steps: with train users, with held-out users, and of methods that learn by memory.

    `policies` are trainings with the names of their comparisons.
    """
    traces: list[dict[str, Any]] = []
    several = len({run for run, _ in policies}) > 1
    for position, (run, policy) in enumerate(policies):
        curve = policy.curve
        steps = [point.steps for point in curve]
        held_out: list[float | None] = [point.held_out for point in curve]
        train: list[float | None] = [point.train_users for point in curve]
        name = _name(policy.arm, run, several)
        line = {"color": colour(position)}
        traces.append(_line(f"{name}, held-out users", steps, held_out, line))
        traces.append(_line(f"{name}, train users", steps, train, line | {"dash": "dot"}))
    first = min(policy.curve[0].steps for _, policy in policies)
    last = max(policy.steps for _, policy in policies)
    reached = {
        _name(passing.arm, run, several): passing.r_traj for run, policy in policies for passing in policy.passes
    }
    for name, r_traj in reached.items():
        traces.append(_line(name, [first, last], [r_traj, r_traj], {"color": "#999999", "dash": "dash", "width": 1}))
    drawn = plot(traces, x="training steps", y="R_traj")
    drawn["layout"]["xaxis"] |= {"type": "log"}
    drawn["layout"] |= {"height": 460}
    return Figure(
        "policies",
        "Policies",
        "R_traj after so many steps of training, means over seeds: steps of simulated users, or gradient "
        "steps of methods that meet none. Dashed grey: what methods that learn by memory reach with held-out users.",
        drawn,
    )


def _name(arm: str, run: str, several: bool) -> str:
    return f"{arm} · {run}" if several else arm


def _line(name: str, x: Sequence[int], y: Sequence[float | None], line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "marker": {"size": 4},
        "name": html.escape(name, quote=False),
        "x": list(x),
        "y": list(y),
        "line": line,
        "hovertemplate": "after %{x:,} steps: %{y:.1f}<extra>%{fullData.name}</extra>",
    }


def surface_figure(surface: Surface, number: int = 0) -> Figure:
    """Returns the map of a surface; `number` distinguishes several surfaces of one page."""
    methods, worlds = methods_of(surface), surface.worlds
    cells = [[world.methods.get(method) for method in methods] for world in worlds]
    trace = {
        "type": "heatmap",
        "x": [html.escape(method, quote=False) for method in methods],
        "y": [html.escape(world.name, quote=False) for world in worlds],
        "z": [[None if cell is None else cell.share.mean for cell in row] for row in cells],
        "text": [[share(None if cell is None else cell.share.mean) for cell in row] for row in cells],
        "customdata": [["-" if cell is None else share_with_interval(cell.share) for cell in row] for row in cells],
        "texttemplate": "%{text}",
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Cividis",
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"tickformat": ".0%", "thickness": 12},
        "hovertemplate": "%{x} in %{y}: %{customdata}<extra></extra>",
    }
    drawn = plot([trace], rows=len(worlds), x="")
    drawn["layout"]["xaxis"] |= {"side": "top", "type": "category"}
    drawn["layout"] |= {"height": 140 + 26 * len(worlds), "margin": {"l": 10, "r": 10, "t": 60, "b": 10}}
    return Figure(
        f"surface-{number}" if number else "surface",
        f"{surface.dataset}: share of the oracle's R_traj",
        "Means over users, seeds and splits; the table above has their intervals.",
        drawn,
    )


@dataclass(frozen=True)
class Study:
    """A study of the Critic and the folder that it was found in."""

    name: str
    found: CriticStudy


def read_studies(root: Path) -> list[Study]:
    """Returns the studies in `root` and below it; raises ArtifactError if one is damaged."""
    studies = []
    for path in sorted(root.rglob(FILE)):
        study = read_stored(path, CriticStudy, "run billp critic again")
        if any(way.bins for way in study.ways.values()):
            studies.append(Study(path.parent.name, study))
    return studies


def reliability_figure(studies: Sequence[Study]) -> Figure:
    """Returns mean return against mean value of similar states; the Critic is right on the diagonal."""
    traces: list[dict[str, Any]] = []
    highest = 0.0
    for study in studies:
        for way, found in study.found.ways.items():
            if not found.bins:
                continue
            name = f"{study.name}, {way}" if len(studies) > 1 else way
            highest = max(highest, *(max(each.mean_value, each.mean_return) for each in found.bins))
            traces.append({
                "type": "scatter",
                "mode": "lines+markers",
                "name": html.escape(name, quote=False),
                "x": [each.mean_value for each in found.bins],
                "y": [each.mean_return for each in found.bins],
                "customdata": [each.states for each in found.bins],
                "line": {"color": colour(len(traces))},
                "hovertemplate": "value %{x:.2f}, return %{y:.2f}, %{customdata} states<extra>%{fullData.name}</extra>",
            })  # fmt: skip
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "name": "as foretold",
        "x": [0, highest],
        "y": [0, highest],
        "line": {"color": "#999999", "dash": "dot"},
        "hoverinfo": "skip",
    }
    return Figure(
        "reliability", "The Critic under test",
        "Mean Monte-Carlo return of states by their mean value, in bins of about as many states.",
        plot([*traces, diagonal], x="value", y="return"),
    )  # fmt: skip
