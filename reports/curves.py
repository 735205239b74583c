"""What changes while a memory learns: reward of probes, reward of training episodes, and size of the memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.metrics import summarise
from billp.graphs.methods import METHODS
from billp.reports.report_rows import Row, is_trained
from billp.reports.run_data import RunData


@dataclass(frozen=True)
class LearningCurve:
    """R_traj on held-out users after ascending numbers of training episodes."""

    label: str
    trained: tuple[int, ...]
    r_traj: tuple[Estimate, ...]


@dataclass(frozen=True)
class TrainingCurve:
    """One training run over its episodes, counted from 1.

    `r_traj` is the mean of the last `window` finished episodes (fewer at the start); `reflections` and `experiences`
    are how many the episodes so far have added to memory.
    """

    label: str
    window: int
    episodes: tuple[int, ...]
    r_traj: tuple[float | None, ...]
    reflections: tuple[int, ...]
    experiences: tuple[int, ...]


def learning_curves(rows: Sequence[Row]) -> list[LearningCurve]:
    """Returns the curves through the probes; without probes, through results whose training is known.

    A result that met the users of a probe is a further point of its curve, with these users alone.
    """
    points = [row for row in rows if row.probe] or [row for row in rows if not row.training]
    curves: dict[tuple[object, ...], list[tuple[int, Estimate]]] = {}
    probed: dict[tuple[object, ...], set[str]] = {}
    for row in points:
        if row.trained is not None:
            curves.setdefault(_kind(row), []).append((row.trained, row.summary.r_traj))
            probed.setdefault(_kind(row), set()).update(line.user for line in row.lines)
    for row in rows:
        users = probed.get(_kind(row), set())
        known = [trained for trained, _ in curves.get(_kind(row), [])]
        if row.training or row.probe or row.trained is None or row.trained in known:
            continue
        met = [line for line in row.lines if line.user in users]
        if users and {line.user for line in met} == users:
            summary = summarise(met, row.method, row.summary.dataset, trained=is_trained(row.runs))
            curves[_kind(row)].append((row.trained, summary.r_traj))
    several = len({root for root, *_ in curves}) > 1
    found = []
    for (root, method, *_), curve in curves.items():
        ordered = sorted(curve, key=lambda point: point[0])
        if len(ordered) > 1:
            label = f"{method} · {root}" if several else str(method)
            found.append(LearningCurve(label, *_columns(ordered)))
    return found


def _kind(row: Row) -> tuple[object, ...]:
    """Returns what the points of one curve have in common."""
    config = row.runs[0].config
    return row.root.name, row.method, config.prompts.pack, config.conditions


def _columns(points: Sequence[tuple[int, Estimate]]) -> tuple[tuple[int, ...], tuple[Estimate, ...]]:
    return tuple(trained for trained, _ in points), tuple(estimate for _, estimate in points)


def training_curves(rows: Sequence[Row]) -> list[TrainingCurve]:
    """Returns a curve for each training run."""
    found = []
    for row in rows:
        if row.training:
            found += [_curve(_label(row, run), run) for run in row.runs]
    return found


def _label(row: Row, run: RunData) -> str:
    label = row.label.replace(" (training)", "")
    if len(row.runs) == 1:
        return label
    seeds = [each.lines[0].seed for each in row.runs]
    return f"{label}, seed {run.lines[0].seed}" if len(set(seeds)) == len(seeds) else f"{label}, {run.name}"


def _curve(label: str, run: RunData) -> TrainingCurve:
    lines = sorted(run.lines, key=_position)
    window = max(5, len(lines) // 10)
    method = METHODS.get(run.method)
    micro = method is None or method.experiences
    rewards: list[float] = []
    means: list[float | None] = []
    reflections, experiences = [0], [0]
    for line in lines:
        done = line.output
        if done is not None:
            rewards.append(done["reward_trajectory"])
        latest = rewards[-window:]
        means.append(sum(latest) / len(latest) if latest else None)
        judged = [] if done is None or not micro else [step for step in done["steps"] if step["advantage"] is not None]
        reflections.append(reflections[-1] + (done is not None and bool(done["reflection"])))
        experiences.append(experiences[-1] + len(judged))
    return TrainingCurve(
        label=label,
        window=window,
        episodes=tuple(range(1, len(lines) + 1)),
        r_traj=tuple(means),
        reflections=tuple(reflections[1:]),
        experiences=tuple(experiences[1:]),
    )


def _position(line: EpisodeLine) -> tuple[int, float]:
    """Returns the episode's place in its plan, from an id `train-SEED-NUMBER`; otherwise by when it ended."""
    number = line.id.rpartition("-")[2]
    return (int(number), 0.0) if number.isdecimal() else (line.batch, line.ended)
