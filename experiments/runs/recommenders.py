"""Recommenders without an LLM, by the name of the method: trained policies, and rivals.

A rival is made from the train world, learns from recorded episodes, and is kept under a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from billp.agents.recommender import Recommender
from billp.baselines.rivals.registry import RIVALS
from billp.baselines.rivals.rival import Material, RatedEpisode
from billp.baselines.rl.policy import policy_folder
from billp.errors import ArtifactError
from billp.experiments.policies.policy_training import kept_policy, logs_of
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.state import Trajectory
from billp.graphs.users import masked_history
from billp.simulators.data.dataset import file_digest
from billp.simulators.quit.reasons import HORIZON
from billp.whole_files import read_bounded, replaced_folder, write_whole

FILE = "lessons.json"
_LARGEST = 1 << 30  # bytes of it


class _Lesson(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    items: list[int]
    rewards: list[float]
    left: bool


class _Lessons(BaseModel):
    """The content of `lessons.json`: the training episodes that a rival learned from, which are all that it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    method: str
    dataset: str
    fingerprint: str
    episodes: list[_Lesson]


class RunningRival:
    """A rival in a run; it learns from the run's finished episodes."""

    def __init__(self, deps: Dependencies, method: str, seed: int) -> None:
        """Makes the rival from the train users' logs and the train world; tuning may take some seconds."""
        settings, data = deps.settings, logs_of(deps.dataset, deps.worlds.train)
        self._rival = RIVALS[method](
            Material(
                dataset=data,
                world=deps.worlds.train,
                seed=seed,
                history=settings.memory.state_items,
                mask_shown=settings.actor.mask_shown,
                masked_history=lambda user: masked_history(settings, data, user),
                mmr=settings.mmr,
            )
        )

    @property
    def chosen(self) -> dict[str, float]:
        """Its parameters, for the run's record."""
        return dict(self._rival.chosen)

    def recommender(self, *, explore: bool) -> Recommender:
        """Returns a recommender of what was learned so far; with `explore` it explores, as in training."""
        return self._rival.recommender(explore=explore)

    def learn(self, done: Sequence[Trajectory]) -> None:
        """Learns from finished episodes that it has not learned from before."""
        self._rival.learn([_lesson(output) for output in done])

    def learn_kept(self, deps: Dependencies, method: str, name: str) -> str:
        """Learns what `keep_lessons` kept under `name`; returns the file's SHA-256.

        Raises ArtifactError, with the remedy, if there is no such file, or if it is of another method or dataset.
        """
        path = policy_folder(deps.settings.data, deps.dataset.name, name) / FILE
        remedy = f"train it with `billp train --method {method} --dataset {deps.dataset.name}`"
        if not path.is_file():
            raise ArtifactError(f"Nothing that {method} learned is kept in {path.parent}; {remedy}.")
        try:
            kept = _Lessons.model_validate_json(read_bounded(path, _LARGEST))
        except (ValidationError, OSError) as error:
            raise ArtifactError(f"{path} is damaged or of another version; {remedy}.") from error
        if kept.method != method or kept.fingerprint != deps.dataset.fingerprint:
            raise ArtifactError(f"{path} is of {kept.method} on {kept.dataset} as it was then; {remedy}.")
        self._rival.learn([RatedEpisode(**lesson.model_dump()) for lesson in kept.episodes])
        return file_digest(path)


def keep_lessons(lines: Iterable[EpisodeLine], deps: Dependencies, method: str, name: str) -> Path:
    """Stores what `method` learned from the finished `lines` under `name`, for `billp evaluate`."""
    target = policy_folder(deps.settings.data, deps.dataset.name, name)
    lessons = _Lessons(
        method=method,
        dataset=deps.dataset.name,
        fingerprint=deps.dataset.fingerprint,
        episodes=[_Lesson.model_validate(asdict(_lesson(line.output))) for line in lines if line.output is not None],
    )
    with replaced_folder(target) as new:
        write_whole(new / FILE, lessons.model_dump_json() + "\n")
    return target


def _lesson(done: Trajectory) -> RatedEpisode:
    return RatedEpisode(
        items=[step["item"] for step in done["steps"]],
        rewards=[step["reward"] for step in done["steps"]],
        left=done["ended"] != HORIZON.name,
    )


@dataclass(frozen=True)
class Opened:
    """A recommender, and its entry in the record of a run; both empty for methods without one."""

    recommender: Recommender | None = None
    told: Mapping[str, object] = field(default_factory=dict)


def open_recommender(deps: Dependencies, method: str, name: str) -> Opened:
    """Returns the recommender of `method` as `billp train` kept it under `name`, or untrained.

    Raises ArtifactError, with the remedy, if it has to be trained first.
    """
    chosen = method_named(method)
    if chosen.needs_policy:
        policy = kept_policy(deps, method, name)
        return Opened(policy, {"policy": policy.record.sha256} if policy is not None else {})
    if chosen.chooser != "rival":
        return Opened()
    rival = RunningRival(deps, method, deps.worlds.train.settings.seed)
    told: dict[str, object] = {"rival": rival.chosen}
    if chosen.answers:
        told["policy"] = rival.learn_kept(deps, method, name)
    return Opened(rival.recommender(explore=False), told)
