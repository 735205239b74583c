"""Charts of studies: trainings of policies, and how well the Critic predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from billp.experiments.analysis.critic_study import CriticStudy
from billp.experiments.compare.policy_curves import PolicyTraining
from billp.experiments.runs.run_names import JUDGED, found_below
from billp.experiments.runs.stored import read_stored
from billp.reports.charts import Chart, Curve, Point, points


def policies_chart(policies: Sequence[tuple[str, PolicyTraining]]) -> Chart:
    """Returns R_traj over training steps: with train users, with held-out users, and of methods that learn by memory.

    `policies` are trainings with the names of their comparisons.
    """
    several = len({run for run, _ in policies}) > 1
    curves: list[Curve] = []
    for run, policy in policies:
        steps = [each.steps for each in policy.curve]
        name = _name(policy.arm, run, several)
        held_out = points(steps, [each.held_out for each in policy.curve])
        curves += [Curve(f"{name}, held-out users", held_out)] if held_out else []
        train_users = points(steps, [each.train_users for each in policy.curve])
        like = len(curves) - 1 if held_out else None
        curves.append(Curve(f"{name}, train users", train_users, dashed=True, like=like))
    begin = min(policy.curve[0].steps for _, policy in policies)
    end = max(policy.steps for _, policy in policies)
    reached = {
        _name(passing.arm, run, several): passing.r_traj for run, policy in policies for passing in policy.passes
    }
    curves += [Curve(name, [Point(begin, r_traj), Point(end, r_traj)], dashed=True) for name, r_traj in reached.items()]
    return Chart(
        "policies",
        "Policies",
        "R_traj after so many steps of training, means over seeds: steps of simulated users, or gradient steps of "
        "methods that meet none. Level dashed lines: what methods that learn by memory reach with held-out users.",
        x="training steps",
        y="R_traj",
        curves=curves,
        log=True,
    )


def _name(arm: str, run: str, several: bool) -> str:
    return f"{arm} · {run}" if several else arm


@dataclass(frozen=True)
class Study:
    """A study of the Critic and the folder that it was found in."""

    name: str
    found: CriticStudy


def read_studies(root: Path) -> list[Study]:
    """Returns the studies in `root` and below it; raises ArtifactError if one is damaged."""
    studies = []
    for path in found_below(root, JUDGED):
        study = read_stored(path, CriticStudy, "run billp critic again")
        if any(way.bins for way in study.ways.values()):
            studies.append(Study(path.parent.name, study))
    return studies


def reliability_chart(studies: Sequence[Study]) -> Chart:
    """Returns mean return against mean value of similar states; the Critic is right on the diagonal."""
    curves: list[Curve] = []
    highest = 0.0
    for study in studies:
        for way, found in study.found.ways.items():
            if found.bins:
                name = f"{study.name}, {way}" if len(studies) > 1 else way
                highest = max(highest, *(max(each.mean_value, each.mean_return) for each in found.bins))
                curves.append(Curve(name, [Point(each.mean_value, each.mean_return) for each in found.bins]))
    curves.append(Curve("as foretold", [Point(0, 0), Point(highest, highest)], dashed=True))
    return Chart(
        "reliability",
        "The Critic under test",
        "Mean Monte-Carlo return of states by their mean value, in bins of about as many states.",
        x="value",
        y="return",
        curves=curves,
    )
