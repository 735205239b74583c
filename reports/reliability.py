"""Reliability plots: the Critic's values against returns, from what `billp critic` wrote into a run's folder."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billp.experiments.analysis.critic_study import FILE, CriticStudy
from billp.experiments.runs.stored import read_stored
from billp.reports.plotting import Figure, colour, plot


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
