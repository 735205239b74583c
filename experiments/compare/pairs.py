"""Compares two arms pair by pair: the same user with the same seed, once with each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.intervals import Estimate, Table, difference_of, excludes, ratio_of
from billp.experiments.stats.metrics import cells_of, seed_table


class Pair(BaseModel):
    """How arm `a` differs from arm `b` in one metric: mean of a minus mean of b, and mean of a divided by mean of b."""

    model_config = ConfigDict(frozen=True)

    a: str
    b: str
    metric: str
    pairs: int
    """Episodes that both arms finished."""
    difference: Estimate
    ratio: Estimate


def compare_pairs(arms: Mapping[str, Sequence[EpisodeLine]], base: str, trained: Collection[str] = ()) -> list[Pair]:
    """Returns every pair of arms in every metric; `base` is always `b`. `trained` as in `compare_pair`."""
    names = [name for name in arms if name != base]
    couples = [(name, base) for name in names if base in arms]
    couples += [(a, b) for position, b in enumerate(names) for a in names[position + 1 :]]
    return [
        compare_pair(a, arms[a], b, arms[b], metric, trained=a in trained or b in trained)
        for a, b in couples
        for metric in METRICS
    ]


def compare_pair(
    a: str, of_a: Sequence[EpisodeLine], b: str, of_b: Sequence[EpisodeLine], metric: str, *, trained: bool = False
) -> Pair:
    """Returns the difference and ratio of `a` to `b` in `metric`, with 95% intervals.

    `trained` says that each seed is a separate training of one of them, or of both.
    """
    table_a, table_b = tables_of_pair(of_a, of_b, metric)
    return Pair(
        a=a,
        b=b,
        metric=metric,
        pairs=int((~np.isnan(table_a + table_b)).sum()),
        difference=difference_of([table_a], [table_b], trained=trained),
        ratio=ratio_of([table_a], [table_b], trained=trained),
    )


def differs(
    of_a: Sequence[EpisodeLine], of_b: Sequence[EpisodeLine], metric: str, level: float, *, trained: bool = False
) -> bool:
    """Returns whether the interval of `level` around the difference excludes zero; false without an interval."""
    table_a, table_b = tables_of_pair(of_a, of_b, metric)
    return excludes(difference_of([table_a], [table_b], trained=trained, level=level), 0.0)


def tables_of_pair(of_a: Sequence[EpisodeLine], of_b: Sequence[EpisodeLine], metric: str) -> tuple[Table, Table]:
    """Returns the metric of a and of b, each (seeds, users); NaN for episodes that were not finished."""
    seeds = sorted({line.seed for lines in (of_a, of_b) for line in lines})
    users = sorted({line.user for lines in (of_a, of_b) for line in lines})
    table_a, table_b = (seed_table(cells_of(lines, metric), seeds, users) for lines in (of_a, of_b))
    return table_a, table_b
