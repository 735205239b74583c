"""The run folders that a report is made of: what each was made with, its episodes so far, and its catalogue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from billp.catalogue import Catalogue
from billp.errors import ArtifactError, DataError
from billp.experiments.runs.configured_folder import CONFIG, LARGEST, completed
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_folder import EPISODES, METRICS, read_lines
from billp.settings import SimulatorSettings
from billp.simulators import load_dataset
from billp.simulators.quit.registry import rule_words
from billp.validation import fault
from billp.whole_files import read_bounded


class _Part(BaseModel):
    """A part of `config.json`, of which a report reads what it needs and overlooks the rest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Plan(_Part):
    """What the run set out to do."""

    command: str = ""
    method: str = ""
    arm: str = ""
    """The row of a comparison that it belongs to; empty for a run by itself."""
    memory: str = ""
    memory_records: dict[str, int] = {}
    trained: int | None = None
    """Training episodes that its memory had seen; None where nobody noted it."""
    probe: bool = False
    """Whether it is a point of a learning curve."""


class _Pack(_Part):
    pack: str = ""


class Data(_Part):
    """The dataset it was made with."""

    name: str = ""
    fingerprint: str = ""


class _LLM(_Part):
    words: bool = True
    """Whether its words carry knowledge."""


class _Surroundings(_Part):
    llm: _LLM | None = None
    settings: dict[str, Any] = {}


class Config(_Part):
    """`config.json` as far as a report reads it."""

    plan: Plan = Plan()
    prompts: _Pack = _Pack()
    dataset: Data = Data()
    settings: dict[str, Any] = {}
    model_sha256: str = ""
    surroundings: _Surroundings = _Surroundings()

    @property
    def stands_in(self) -> bool:
        """Whether the words in it are the stand-in model's."""
        return bool(self.prompts.pack) and self.surroundings.llm is not None and not self.surroundings.llm.words

    @property
    def speaker(self) -> str:
        """The model that spoke in it, by its file's name where that is known; empty where none was asked."""
        if not self.prompts.pack:
            return ""
        told = self.surroundings.settings.get("llm") or self.settings.get("llm") or {}
        file = None if told.get("base_url") else told.get("gguf")
        return Path(file).stem if file else str(told.get("model", ""))

    @cached_property
    def rule(self) -> str:
        """The quit rule it ran under and what was rounded, in words; empty where the run does not say."""
        if "simulator" not in self.settings:
            return ""
        try:
            return rule_words(SimulatorSettings.model_validate(completed(self.settings)["simulator"]))
        except ValidationError:  # settings of another build
            return ""

    @cached_property
    def conditions(self) -> str:
        """A digest of settings, model and data: runs that differ in it are not of one kind."""
        kind = [completed(self.settings), self.model_sha256, self.dataset.fingerprint]
        return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class RunData:
    """One run folder, read. `root` is the folder that was asked for, the run's own or one above it.

    `complete` says whether the run has come to its end; until then the episodes are those so far.
    """

    root: Path
    path: Path
    config: Config
    lines: tuple[EpisodeLine, ...]
    complete: bool

    @property
    def name(self) -> str:
        """The folder as seen from `root`; the name of `root` for itself."""
        return self.root.name if self.path == self.root else str(self.path.relative_to(self.root))

    @property
    def method(self) -> str:
        """The method of its episodes."""
        return self.lines[0].method if self.lines else self.config.plan.method

    @property
    def training(self) -> bool:
        """Whether its episodes were there to be learned from."""
        return self.config.plan.command == "train"


def find_runs(root: Path) -> list[RunData]:
    """Every run in `root` or below it that has an episode, sorted by path; runs still going on are read as they are.

    Raises ArtifactError where there is none, or where one of them is damaged.
    """
    found = []
    for folder in run_folders(root):
        lines = tuple(read_lines(folder))
        if lines:
            config = read_config(folder)
            found.append(RunData(root, folder, config, lines, is_complete(folder, config)))
    if not found:
        raise ArtifactError(f"{root} holds no episode yet; name a run that has finished at least one.")
    return found


def run_folders(root: Path) -> list[Path]:
    """Every folder in `root` or below it that holds a run, sorted; it need not have an episode yet."""
    return sorted(file.parent for file in root.rglob(EPISODES) if (file.parent / CONFIG).is_file())


def is_complete(folder: Path, config: Config) -> bool:
    """Whether the run in `folder` has come to its end; what a person plays has none, and lacks nothing."""
    return config.plan.command == "play" or (folder / METRICS).is_file()


def read_config(folder: Path) -> Config:
    """What the run in `folder` was made with; raises ArtifactError where that is damaged."""
    path = folder / CONFIG
    try:
        return Config.model_validate_json(read_bounded(path, LARGEST))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error}); restore it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ArtifactError(f"{path} cannot be read ({place}{fault(first)}); restore it.") from error


def catalogues(data_dir: Path, runs: Sequence[RunData]) -> dict[str, Catalogue]:
    """The catalogue of each dataset of `runs` that is registered and is the one they were made with, by fingerprint."""
    found: dict[str, Catalogue] = {}
    for data in {run.config.dataset for run in runs}:
        catalogue = catalogue_of(data_dir, data)
        if catalogue is not None:
            found[data.fingerprint] = catalogue
    return found


def catalogue_of(data_dir: Path, data: Data) -> Catalogue | None:
    """The catalogue of `data`; None where it is not registered, or is no longer what it was: items go by number."""
    try:
        dataset = load_dataset(data_dir, data.name)
    except DataError:
        return None
    return dataset.catalogue if dataset.fingerprint == data.fingerprint else None
