"""The results of a comparison, as printed with `--json` and stored in `comparison.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from billp.experiments.compare.pairs import Pair
from billp.experiments.compare.policy_curves import PolicyTraining
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.metrics import Summary, summarise


class CurvePoint(BaseModel):
    """The probe users, met with a memory of `trained` episodes; seeds pooled."""

    model_config = ConfigDict(frozen=True)

    arm: str
    trained: int
    users: int
    len: Estimate
    r_each: Estimate
    r_traj: Estimate


class Serving(BaseModel):
    """How the process that finished the comparison used the LLM; a resumed one counts only its own part."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    """From its first call to its last reply."""
    busy_share: float
    """Share of that time with at least one call running."""
    calls_at_once: float
    cached_share: dict[str, float]
    """By arm: share of prompt tokens that the server's prefix cache served, training and probes included."""


class Comparison(BaseModel):
    """The numbers of every arm, and every pair of arms compared user by user."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    base: str
    users: int
    """Test users that every arm met; fewer than planned if the comparison stopped early."""
    stopped_early: bool
    caption: str = ""
    """What the numbers are based on: users, worlds, and what was learned, tuned and read."""
    methods: dict[str, Summary]
    """By arm: its evaluation."""
    training: dict[str, Summary]
    """By learning arm: its training episodes."""
    pairs: list[Pair]
    curve: list[CurvePoint]
    policies: list[PolicyTraining]
    serving: Serving
    settings: dict[str, Any]


def curve_points(arm: str, probes: Mapping[int, Sequence[EpisodeLine]], dataset: str) -> list[CurvePoint]:
    """Returns the learning curve of one arm from its probe episodes by number of training episodes."""
    points = []
    for trained, lines in sorted(probes.items()):
        # Before the first episode nothing was trained, so trainings add no variance.
        summary = summarise(lines, arm, dataset, trained=trained > 0)
        points.append(
            CurvePoint(
                arm=arm,
                trained=trained,
                users=summary.users,
                len=summary.len,
                r_each=summary.r_each,
                r_traj=summary.r_traj,
            )
        )
    return points
