"""A comparison as tables to read."""

from __future__ import annotations

from rich.table import Table

from experiments.comparison.results import Comparison
from experiments.intervals import Estimate, excludes
from experiments.numbers import fixed, share, with_interval
from experiments.outcomes import ended_words
from experiments.tables import number_table


def pairs_table(comparison: Comparison) -> Table:
    """One row an arm: how its R_traj and Len differ from the base's, pair by pair."""
    columns = ("R_traj difference", "R_traj ratio", "Len difference", "pairs")
    table = number_table(f"against {comparison.base}, paired by user and seed", "method", columns)
    rows = {(pair.a, pair.metric): pair for pair in comparison.pairs if pair.b == comparison.base}
    for name in comparison.methods:
        if name != comparison.base:
            reward, length = rows[name, "r_traj"], rows[name, "len"]
            table.add_row(
                name,
                _marked(reward.difference, 1, 0.0),
                _marked(reward.ratio, 2, 1.0),
                _marked(length.difference, 1, 0.0),
                str(reward.pairs),
            )
    return table


def conduct_table(comparison: Comparison) -> Table:
    """One row an arm: breadth of what it recommends, and why its episodes ended."""
    columns = ("coverage", "diversity", "long tail", "grounded", "ended", "avoidable quits", "visits a month")
    table = number_table("conduct", "method", columns)
    for name, summary in comparison.methods.items():
        conduct = summary.conduct
        if conduct is None:
            continue
        table.add_row(
            name,
            share(conduct.coverage),
            "-" if conduct.diversity is None else fixed(conduct.diversity, 2),
            share(conduct.long_tail),
            share(conduct.grounding),
            ended_words(summary.quit_reasons),
            share(conduct.avoidable_quits),
            "-" if conduct.visits is None else fixed(conduct.visits, 1),
        )
    return table


def curve_table(comparison: Comparison) -> Table:
    """The learning curves, one row a probe: R_traj of its users with the memory of so many training episodes."""
    users = max((point.users for point in comparison.curve), default=0)
    arms = list(dict.fromkeys(point.arm for point in comparison.curve))
    table = number_table(f"R_traj of {users} probe users", "after episodes", arms)
    points = {(point.arm, point.trained): point for point in comparison.curve}
    for number in sorted({point.trained for point in comparison.curve}):
        table.add_row(str(number), *(with_interval(points[arm, number].r_traj, 1) for arm in arms))
    return table


def policies_table(comparison: Comparison) -> Table:
    """One row a policy: what its training cost, what it came to, and the first point of its curve that is as high as
    R_traj of each arm that learns by memory.
    """
    others = [passing.arm for passing in comparison.policies[0].passes]
    reaches = (f"{users} first reach {arm} at" for arm in others for users in ("train users", "held-out users"))
    columns = ("steps", "minutes", "steps/s", "with train users", "with held-out users", *reaches)
    table = number_table("policies: steps of training and R_traj", "method", columns)
    for policy in comparison.policies:
        last = policy.curve[-1]
        table.add_row(
            policy.arm,
            f"{policy.steps:,}",
            fixed(policy.seconds / 60, 1),
            f"{policy.steps / policy.seconds:,.0f}",
            fixed(last.train_users, 1),
            "-" if last.held_out is None else fixed(last.held_out, 1),
            *(_steps(at) for passing in policy.passes for at in (passing.train_users, passing.held_out)),
        )
    return table


def _steps(count: int | None) -> str:
    return "never" if count is None else f"{count:,}"


def _marked(estimate: Estimate, digits: int, nothing: float) -> str:
    """The interval; a star where it excludes `nothing`, the value of no difference."""
    return with_interval(estimate, digits) + (" *" if excludes(estimate, nothing) else "  ")
