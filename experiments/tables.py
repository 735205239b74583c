"""Summaries as a table to read."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from experiments.metrics import Estimate, Summary


def summary_table(summaries: Mapping[str, Summary]) -> Table:
    """One row a method: Len, R_each and R_traj with 95% intervals, failures, tokens and seconds a step."""
    first = next(iter(summaries.values()))
    table = Table(title=f"{first.dataset}, {first.users} users", title_justify="left", header_style="bold")
    table.add_column("method", no_wrap=True)
    for column in ("Len", "R_each", "R_traj", "failed", "tokens/step", "s/step"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, summary in summaries.items():
        table.add_row(
            name,
            with_interval(summary.len, 1),
            with_interval(summary.r_each, 2),
            with_interval(summary.r_traj, 1),
            f"{summary.failed} of {summary.episodes}",
            f"{summary.tokens_per_step:.0f}",
            f"{summary.seconds_per_step:.2f}",
        )
    return table


def with_interval(estimate: Estimate, digits: int) -> str:
    """`mean [low, high]`, or that there is none."""
    if estimate.mean is None or estimate.ci95 is None:
        return "none finished"
    low, high = estimate.ci95
    return f"{estimate.mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
