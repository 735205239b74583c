"""One step of a run, found by its run, episode and number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import read_config, read_surroundings, section_of
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.run_names import is_called
from billp.graphs.state import Trajectory, Transition
from billp.settings import Settings


class Step(BaseModel):
    """One step of a run as `billp memory attribution` names it, with what it was made with."""

    model_config = ConfigDict(frozen=True)

    run: Path
    dataset: str
    memory: str
    settings: dict[str, Any]
    surroundings: dict[str, Any] = {}
    line: EpisodeLine
    number: int
    unseen: frozenset[str]
    """Episodes of the run that memory had not learned from when this one was run."""
    learning: bool
    """Whether the episode was one to learn from."""

    @property
    def output(self) -> Trajectory:
        """The finished episode."""
        if self.line.output is None:
            raise ArtifactError(f"Episode {self.line.id} failed ({self.line.error}); name one that finished.")
        return self.line.output

    @property
    def record(self) -> Transition:
        """The step."""
        return self.output["steps"][self.number - 1]

    @property
    def shown(self) -> list[int]:
        """The items recommended before it, oldest first."""
        return [earlier["item"] for earlier in self.output["steps"][: self.number - 1]]

    def settings_in(self, own: Settings) -> Settings:
        """Returns `own` with the settings of memory and roles that the step was made with, where they still exist."""
        names = ("memory", "planner", "actor", "critic")
        then = {name: section_of(self.settings, name, type(getattr(own, name))) for name in names}
        return own.model_copy(update=then)

    def knew(self, id_: str) -> bool:
        """Returns whether the record called `id_`, if it is in memory now, was there when the episode was run."""
        _, run, episode, _ = id_.split("/")
        return not (is_called(self.run, unquote(run)) and unquote(episode) in self.unseen)


def find_step(run: Path, episode: str, number: int) -> Step:
    """Returns step `number` of `episode` in the folder `run`; raises ArtifactError if there is no such step."""
    lines, config = read_lines(run), read_config(run)
    line = next((line for line in lines if line.id == episode), None)
    if line is None:
        ids = [line.id for line in lines]
        known = f"the first is {ids[0]}, the last {ids[-1]}" if ids else "it has none yet"
        raise ArtifactError(f"There is no episode {episode!r} in {run}; {known}.")
    plan: Mapping[str, Any] = config.get("plan", {})
    # Training learns a batch at a time, a person's episodes one by one as they end, and nothing else learns.
    later: list[EpisodeLine] = []
    if training := plan.get("command") == "train":
        later = [other for other in lines if other.batch >= line.batch]
    elif plan.get("learn"):
        later = list(lines[lines.index(line) :])
    found = Step(
        run=run, dataset=str(config.get("dataset", {}).get("name", "")), memory=str(plan.get("memory") or ""),
        settings=config.get("settings", {}),
        surroundings=read_surroundings(run), line=line, number=number, unseen=frozenset(other.id for other in later),
        learning=training or bool(plan.get("learn")),
    )  # fmt: skip
    steps = len(found.output["steps"])
    if not 1 <= number <= steps:
        raise ArtifactError(f"Episode {episode} has steps 1 to {steps}, not {number}; name one of them.")
    return found
