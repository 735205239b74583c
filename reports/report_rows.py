"""The rows of a report: comparable run folders with their seeds pooled, under distinct names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from billp.experiments.runs.configured_folder import CONFIG
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_names import row_name
from billp.experiments.runs.stored import stored_config
from billp.experiments.stats.metrics import Summary, summarise
from billp.graphs.methods import METHODS
from billp.reports.run_data import RunData


@dataclass(frozen=True)
class Row:
    """One row: a method under one set of conditions. `runs` differ only in their seeds."""

    label: str
    runs: tuple[RunData, ...]
    summary: Summary

    @property
    def method(self) -> str:
        """The method of all its runs."""
        return self.runs[0].method

    @property
    def root(self) -> Path:
        """The run asked for that contains all of them."""
        return self.runs[0].root

    @property
    def training(self) -> bool:
        """Whether its episodes were learned from."""
        return self.runs[0].training

    @property
    def probe(self) -> bool:
        """Whether the row is a point of a learning curve rather than a result."""
        return self.runs[0].config.plan.probe

    @property
    def trained(self) -> int | None:
        """Training episodes that its memory had seen, if known."""
        return self.runs[0].config.plan.trained

    @property
    def lines(self) -> list[EpisodeLine]:
        """The episodes of all its runs."""
        return [line for run in self.runs for line in run.lines]


def group_rows(runs: Sequence[RunData]) -> list[Row]:
    """Returns `runs` grouped by method, prompts, training and conditions; results first, then training.

    The methods of a comparison keep its order.
    """
    groups: dict[Hashable, list[RunData]] = {}
    for run in runs:
        groups.setdefault(_kind(run), []).append(run)
    arms = _arms(runs)
    members = sorted(groups.values(), key=lambda group: _order(group, arms))
    labels = _labels([group[0] for group in members])
    return [Row(label, tuple(group), _summary(group, runs)) for label, group in zip(labels, members, strict=True)]


def _summary(group: Sequence[RunData], runs: Sequence[RunData]) -> Summary:
    """Returns the summary of the runs in `group`; seconds are shared with the other runs of their comparison."""
    first, own = group[0], {run.path for run in group}
    beside = [line for run in runs if run.root == first.root and run.path not in own for line in run.lines]
    lines = [line for run in group for line in run.lines]
    return summarise(
        lines, first.method, first.config.dataset.name, beside=beside, trained=is_trained(group), name=name_of(first)
    )


def is_trained(group: Sequence[RunData]) -> bool:
    """Returns whether each seed of the runs in `group` is a training or a tuning of its own, as in a comparison.

    A run by itself measures the one memory or policy that it was made with.
    """
    plan, method = group[0].config.plan, METHODS.get(group[0].method)
    if not plan.arm or method is None:
        return False
    return method.trains and not (method.learns and plan.trained == 0)


def _kind(run: RunData) -> Hashable:
    plan = run.config.plan
    # If it is not recorded how much a memory had seen, its size separates before and after learning.
    seen = plan.trained if plan.trained is not None else tuple(sorted(plan.memory_records.items()))
    return (run.root, plan.command, run.method, run.config.prompts.pack, seen, plan.probe, run.config.conditions)


def _arms(runs: Sequence[RunData]) -> list[str]:
    """Returns the arms of the comparison that `runs` are of, in its order; nothing if they are of several runs."""
    roots = {run.root for run in runs}
    folder = roots.pop() if len(roots) == 1 else None
    return [] if folder is None or not (folder / CONFIG).is_file() else list(stored_config(folder).plan.arms)


def _order(group: Sequence[RunData], arms: Sequence[str]) -> tuple[bool, bool, int, int]:
    """Returns a sort key: results, probes, training; in each as in `arms`, else first methods that learn nothing."""
    run, known = group[0], list(METHODS)
    plan = run.config.plan
    if plan.arm in arms:
        position = arms.index(plan.arm)
    else:
        position = -known.index(run.method) if run.method in known else -len(known)
    seen = plan.trained if plan.trained is not None else sum(plan.memory_records.values())
    return run.training, plan.probe, position, seen


def _labels(runs: Sequence[RunData]) -> list[str]:
    """Returns a distinct name for each: method, run if there are several, then what else differs."""
    several = len({run.root for run in runs}) > 1
    labels = [name_of(run) + (f" · {run.root.name}" if several else "") for run in runs]
    parts: tuple[Callable[[RunData], str], ...] = (
        lambda run: run.config.prompts.pack,
        lambda run: run.name,
        lambda run: str(run.path),
    )
    for part in parts:
        clashing = {label for label in labels if labels.count(label) > 1}
        told = {label: {part(run) for run, own in zip(runs, labels, strict=True) if own == label} for label in clashing}
        labels = [
            f"{label} · {part(run)}" if len(told.get(label, ())) > 1 and part(run) else label
            for run, label in zip(runs, labels, strict=True)
        ]
    return labels


def name_of(run: RunData) -> str:
    """Returns its method's name as shown everywhere; if the training is not recorded, with its memory's size."""
    plan, method = run.config.plan, METHODS.get(run.method)
    name = row_name(run.method, plan.trained, arm=plan.arm, training=run.training, probe=plan.probe)
    if plan.trained is not None or run.training or not plan.memory_records or (method and not method.learns):
        return name
    for kind, words in (("reflections", "reflections"), ("actor", "experiences")):
        if plan.memory_records.get(kind):
            return f"{name} with {plan.memory_records[kind]} {words}"
    return f"{name} before learning"
