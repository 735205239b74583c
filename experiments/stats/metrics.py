"""Summaries of episodes: Len, R_each and R_traj with 95% intervals, quits, failures and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.beyond_accuracy import BeyondAccuracy
from billp.experiments.stats.episode_metrics import CORE, METRICS
from billp.experiments.stats.intervals import Estimate, mean_of
from billp.graphs.methods import METHODS


class Summary(BaseModel):
    """The numbers of one method on one set of users. Costs cover finished episodes."""

    model_config = ConfigDict(frozen=True)

    method: str
    name: str = ""
    """The name of its row."""
    dataset: str
    users: int
    seeds: list[int]
    episodes: int
    failed: int
    len: Estimate
    r_each: Estimate
    r_traj: Estimate
    quit_reasons: dict[str, int]
    """Finished episodes by why they ended; `horizon` means that the user never left."""
    tokens_per_step: float
    """Prompt and completion tokens."""
    cached_share: float
    """Share of prompt tokens that the server's prefix cache served."""
    llm_calls_per_step: float
    seconds_per_step: float
    """Wall-clock seconds during which any episode ran, divided by steps: side-by-side episodes share them."""
    format_failures: int
    """Replies that did not keep to the form asked for, later tries included."""
    uses_logs: bool = False
    """Whether the method reads the train users' logs."""
    conduct: BeyondAccuracy | None = None
    """Metrics beyond accuracy; None for training."""
    others: dict[str, Estimate] = Field(default_factory=dict, exclude_if=lambda others: not others)
    """Metrics beside the three, by name."""

    def estimate(self, metric: str) -> Estimate:
        """Returns its estimate of `metric`, a name in METRICS; earlier versions did not have all of them."""
        found = getattr(self, metric) if metric in CORE else self.others.get(metric)
        return found if isinstance(found, Estimate) else Estimate(mean=None, ci95=None)


def summarise(
    lines: Iterable[EpisodeLine],
    method: str,
    dataset: str,
    conduct: BeyondAccuracy | None = None,
    beside: Sequence[EpisodeLine] = (),
    *,
    trained: bool = False,
    name: str = "",
) -> Summary:
    """Returns the summary of `lines`; failed episodes are counted separately and enter no mean.

    `trained` says that each seed is a separate training; without it, the intervals are those of this one training.
    `name` is the name of the row, if it is not the method. `beside` are episodes of others that ran at the same time:
    the seconds are shared with them.
    """
    # Sorted, since sums of floats depend on the order. In brief, as they may come from disk.
    ordered = sorted((line.in_brief() for line in lines), key=lambda line: (line.seed, line.user))
    outputs = [(line, line.output) for line in ordered if line.output is not None]
    steps = sum(output["length"] for _, output in outputs)
    usages = [output["usage"] for _, output in outputs]
    prompt = sum(usage["prompt_tokens"] for usage in usages)
    seeds, users = sorted({line.seed for line in ordered}), sorted({line.user for line in ordered})
    found = {name: mean_of([seed_table(cells_of(ordered, name))], trained=trained) for name in METRICS}
    return Summary(
        method=method,
        name=name or method,
        dataset=dataset,
        users=len(users),
        seeds=seeds,
        episodes=len(ordered),
        failed=sum(line.status == "failed" for line in ordered),
        len=found["len"],
        r_each=found["r_each"],
        r_traj=found["r_traj"],
        quit_reasons=dict(sorted(Counter(str(output["ended"]) for _, output in outputs).items())),
        tokens_per_step=_share(prompt + sum(usage["completion_tokens"] for usage in usages), steps),
        cached_share=cached_share(ordered),
        llm_calls_per_step=_share(sum(usage["calls"] for usage in usages), steps),
        seconds_per_step=_share(busy_seconds([line for line, _ in outputs], beside), steps),
        format_failures=sum(usage["format_failures"] for usage in usages),
        uses_logs=any(line.method in METHODS and METHODS[line.method].uses_logs for line in ordered),
        conduct=conduct,
        others={name: estimate for name, estimate in found.items() if name not in CORE},
    )


Cell = tuple[int, str, float | None]
"""A seed, a user, and a number of their episode; None if it was not finished."""


def cells_of(lines: Sequence[EpisodeLine], metric: str) -> list[Cell]:
    """Returns one number per episode; `metric` is a name in METRICS."""
    return [(line.seed, line.user, line.number(metric)) for line in lines]


def seed_table(
    cells: Sequence[Cell], seeds: Sequence[int] | None = None, users: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Returns the numbers of `cells` as (seeds, users), NaN where none was finished.

    None for `seeds` or `users` takes those of `cells`. A user who was met several times with one seed, as in long
    trainings, has the mean.
    """
    rows = sorted({seed for seed, *_ in cells}) if seeds is None else seeds
    columns = sorted({user for _, user, _ in cells}) if users is None else users
    row_of, column_of = (
        {key: place for place, key in enumerate(rows)},
        {key: place for place, key in enumerate(columns)},
    )
    sums, counts = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)))
    for seed, user, number in cells:
        if number is not None:
            cell = row_of[seed], column_of[user]
            sums[cell] += number
            counts[cell] += 1
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def cached_share(lines: Sequence[EpisodeLine]) -> float:
    """Returns the share of the finished episodes' prompt tokens that the server's prefix cache served."""
    usages = [line.output["usage"] for line in lines if line.output is not None]
    prompt = sum(usage["prompt_tokens"] for usage in usages)
    return _share(sum(usage["cached_tokens"] for usage in usages), prompt)


def busy_seconds(lines: Sequence[EpisodeLine], beside: Sequence[EpisodeLine] = ()) -> float:
    """Returns the wall-clock seconds that the episodes `lines` took; a pause before `--resume` does not count.

    A moment in which several episodes run is shared evenly among them. So `lines` alone cost the length of the union of
    their times; with episodes `beside` of others, only their own part of it.
    """
    events = sorted(
        [(moment, change, change) for line in lines for moment, change in ((line.started, 1), (line.ended, -1))]
        + [(moment, change, 0) for line in beside for moment, change in ((line.started, 1), (line.ended, -1))]
    )
    seconds, since, running, own = 0.0, 0.0, 0, 0
    for moment, change, own_change in events:
        if own:
            seconds += (moment - since) * own / running
        since, running, own = moment, running + change, own + own_change
    return seconds


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
