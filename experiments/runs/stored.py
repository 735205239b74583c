"""What a command left in a run's folder, read again: what the run was made with, and files of results."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import CONFIG, LARGEST, completed
from billp.experiments.runs.run_names import METRICS
from billp.settings import SimulatorSettings
from billp.validation import fault
from billp.whole_files import read_bounded

Stored = TypeVar("Stored", bound=BaseModel)


class _Part(BaseModel):
    """A part of `config.json`, read as far as is needed; the rest is overlooked."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Plan(_Part):
    """What the run set out to do."""

    command: str = ""
    method: str = ""
    arm: str = ""
    """The row of a comparison that it belongs to; empty for a run by itself."""
    arms: dict[str, Any] = {}
    """The rows of a comparison, where the run is one."""
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
    """`config.json` as far as reports and lists read it."""

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
        from billp.simulators.quit.registry import rule_words  # noqa: PLC0415 -- loads NumPy, and a list needs none

        try:
            return rule_words(SimulatorSettings.model_validate(completed(self.settings)["simulator"]))
        except ValidationError:  # settings of another build
            return ""

    @cached_property
    def conditions(self) -> str:
        """A digest of settings, model and data: runs that differ in it are not of one kind."""
        kind = [completed(self.settings), self.model_sha256, self.dataset.fingerprint]
        return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()


def read_stored(path: Path, model: type[Stored], remedy: str) -> Stored:
    """What the file holds; raises ArtifactError, ended by the `remedy`, where it is damaged or cannot be read."""
    try:
        return model.model_validate_json(read_bounded(path, LARGEST))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error}); {remedy}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ArtifactError(f"{path} cannot be read ({place}{fault(first)}); {remedy}.") from error


def stored_config(folder: Path) -> Config:
    """What the run in `folder` was made with; raises ArtifactError where that is damaged."""
    return read_stored(folder / CONFIG, Config, "restore it")


def has_ended(folder: Path, config: Config) -> bool:
    """Returns whether the run in `folder` has come to its end; what a person plays has none, and lacks nothing."""
    return config.plan.command == "play" or (folder / METRICS).is_file()
