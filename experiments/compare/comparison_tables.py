"""The tables of a comparison."""

from __future__ import annotations

from billp.experiments.compare.results import Comparison
from billp.experiments.stats.endings import ended_words
from billp.experiments.stats.intervals import Estimate, excludes
from billp.experiments.stats.numbers import fixed, share, with_interval
from billp.experiments.stats.tables import TextTable, cost_table, results_table

_CONDUCT = (
    "Coverage: share of the catalogue recommended at least once. Diversity: mean Jaccard distance between the "
    "categories of two items of an episode. Long tail: share of recommendations outside the most popular fifth. "
    "Grounded: share of items named in free words that exist under just that title. Avoidable quits: those where the "
    "shortlist held an item that would have kept the user. Visits a month: to be expected of a user in 30 days, by an "
    "assumed model of when users come back."
)


def tables_of(comparison: Comparison) -> list[TextTable]:
    """Returns every table that the comparison has numbers for."""
    methods = comparison.methods
    tables = [results_table(methods, comparison.caption), pairs_table(comparison)]
    tables += [conduct_table(comparison), cost_table(methods)]
    tables += [curve_table(comparison)] if comparison.curve else []
    return tables + ([policies_table(comparison)] if comparison.policies else [])


def pairs_table(comparison: Comparison) -> TextTable:
    """Returns one row per arm: how its R_traj and Len differ from the base's, pair by pair."""
    by_arm = {(pair.a, pair.metric): pair for pair in comparison.pairs if pair.b == comparison.base}
    rows = []
    for name in comparison.methods:
        if name != comparison.base:
            reward, length = by_arm[name, "r_traj"], by_arm[name, "len"]
            rows.append((
                name, _marked(reward.difference, 1), with_interval(reward.ratio, 2), _marked(length.difference, 1),
                str(reward.pairs),
            ))  # fmt: skip
    return TextTable(
        title=f"against {comparison.base}, paired by user and seed",
        columns=("method", "R_traj difference", "R_traj ratio", "Len difference", "pairs"),
        rows=tuple(rows),
        caption="* the 95% interval excludes zero" if any("*" in cell for row in rows for cell in row[1:]) else "",
    )


def conduct_table(comparison: Comparison) -> TextTable:
    """Returns one row per arm: breadth of its recommendations, and why its episodes ended."""
    rows = [
        (
            name,
            share(conduct.coverage),
            "-" if conduct.diversity is None else fixed(conduct.diversity, 2),
            share(conduct.long_tail),
            share(conduct.grounding),
            ended_words(summary.quit_reasons),
            share(conduct.avoidable_quits),
            "-" if conduct.visits is None else fixed(conduct.visits, 1),
        )
        for name, summary in comparison.methods.items()
        if (conduct := summary.conduct) is not None
    ]
    columns = ("method", "coverage", "diversity", "long tail", "grounded", "ended", "avoidable quits", "visits a month")
    return TextTable("beyond accuracy", columns, tuple(rows), _CONDUCT)


def curve_table(comparison: Comparison) -> TextTable:
    """Returns the learning curves, one row per probe: R_traj of its users after so many training episodes."""
    users = max((point.users for point in comparison.curve), default=0)
    arms = list(dict.fromkeys(point.arm for point in comparison.curve))
    points = {(point.arm, point.trained): point for point in comparison.curve}
    rows = [
        (str(number), *(with_interval(points[arm, number].r_traj, 1) for arm in arms))
        for number in sorted({point.trained for point in comparison.curve})
    ]
    return TextTable(f"R_traj of {users} probe users", ("after episodes", *arms), tuple(rows))


def policies_table(comparison: Comparison) -> TextTable:
    """Returns one row per policy: what its training cost, its result, and when it reaches the arms with a memory.

    For each of these arms it gives the first point of the policy's curve that is as high as the arm's R_traj.
    """
    others = [passing.arm for passing in comparison.policies[0].passes]
    reaches = (f"{users} first reach {arm} at" for arm in others for users in ("train users", "held-out users"))
    rows = []
    for policy in comparison.policies:
        last = policy.curve[-1]
        rows.append((
            policy.arm,
            f"{policy.steps:,}",
            fixed(policy.seconds / 60, 1),
            f"{policy.steps / policy.seconds:,.0f}",
            fixed(last.train_users, 1),
            "-" if last.held_out is None else fixed(last.held_out, 1),
            *(_steps(at) for passing in policy.passes for at in (passing.train_users, passing.held_out)),
        ))  # fmt: skip
    columns = ("method", "steps", "minutes", "steps/s", "with train users", "with held-out users", *reaches)
    return TextTable("policies: steps of training and R_traj", columns, tuple(rows))


def _steps(count: int | None) -> str:
    return "never" if count is None else f"{count:,}"


def _marked(estimate: Estimate, digits: int) -> str:
    """Returns the interval, with a star if it excludes zero."""
    return with_interval(estimate, digits) + (" *" if excludes(estimate, 0.0) else "")
