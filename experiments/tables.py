"""Summaries as a table to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from experiments.metrics import Summary
from experiments.numbers import fixed, with_interval


def summary_table(summaries: Mapping[str, Summary]) -> Table:
    """One row a method: Len, R_each and R_traj with 95% intervals, failures, tokens and seconds a step."""
    first = next(iter(summaries.values()))
    columns = ("Len", "R_each", "R_traj", "failed", "tokens/step", "s/step")
    table = number_table(f"{first.dataset}, {first.users} users", "method", columns)
    for name, summary in summaries.items():
        table.add_row(
            name,
            with_interval(summary.len, 1),
            with_interval(summary.r_each, 2),
            with_interval(summary.r_traj, 1),
            f"{summary.failed} of {summary.episodes}",
            fixed(summary.tokens_per_step, 0),
            fixed(summary.seconds_per_step, 2),
        )
    return table


def number_table(title: str, first: str, columns: Sequence[str]) -> Table:
    """An empty table of names and numbers. Where it is too wide for the terminal cells are wrapped, never cut off."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table
