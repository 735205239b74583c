"""The metrics of one finished episode: each is one entry here, and every table takes it from here.

Summaries, paired comparisons, tables, the report and exports show what METRICS holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from billp.graphs.state import Trajectory


@dataclass(frozen=True)
class Metric:
    """A metric: `of` computes it for an episode; tables show it under `label` with `digits` decimal places."""

    name: str
    label: str
    digits: int
    of: Callable[[Trajectory], float]


CORE = ("len", "r_each", "r_traj")
"""The metrics that every summary has as fields of its own."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("len", "Len", 1, lambda done: done["length"]),
        Metric("r_each", "R_each", 2, lambda done: done["reward_each"]),
        Metric("r_traj", "R_traj", 1, lambda done: done["reward_trajectory"]),
    )
}
"""Metrics by the name in files and in `--json`."""
