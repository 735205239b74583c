"""Reads what commands left in a run's folder: its configuration, and files of results."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import CONFIG, LARGEST, completed
from billp.experiments.runs.run_names import JUDGED, METRICS
from billp.graphs.methods import METHODS
from billp.settings import SimulatorSettings
from billp.validation import fault
from billp.whole_files import read_bounded

Stored = TypeVar("Stored", bound=BaseModel)


class _Part(BaseModel):
    """A part of `config.json`, read as far as needed; other keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Plan(_Part):
    """The plan of the run."""

    command: str = ""
    method: str = ""
    arm: str = ""
    """Its row of a comparison; empty for a run by itself."""
    arms: dict[str, Any] = {}
    """The rows of a comparison, if the run is one."""
    memory: str = ""
    memory_records: dict[str, int] = {}
    trained: int | None = None
    """Training episodes that its memory had seen; None if not recorded."""
    judged_by: Any = ()
    """The ways in which its states are judged after its episodes, if they are."""
    probe: bool = False
    """Whether it is a point of a learning curve."""
    base: str = ""
    """What the other rows of a comparison are compared with."""
    episodes: Any = None
    users: Any = None
    seeds: Any = None
    train_episodes: Any = None
    probes: Any = ()
    probe_users: Any = 0
    parts: list[str] = []
    """The folders of a demo's parts, if the run is one."""
    changes: list[Any] = []
    """The candidates of a search for hyperparameters, if the run is one."""

    @property
    def planned(self) -> int | None:
        """Most episodes that the run can come to; None if the plan does not say."""
        try:
            match self.command:
                case "train":
                    return int(self.episodes)
                case "evaluate":
                    return len(self.users) * len(self.seeds)
                case "demo":
                    return int(self.train_episodes) + (len(self.parts) - 1) * int(self.users)
                case "compare":
                    methods = [METHODS.get(arm["method"]) for arm in self.arms.values()]
                    learning = sum(method is not None and method.learns for method in methods)
                    once = int(self.train_episodes) + len(self.probes) * int(self.probe_users)
                    return (learning * once + len(methods) * int(self.users)) * len(self.seeds)
        except (KeyError, TypeError, ValueError):  # a plan of another build
            return None
        return None


class _Pack(_Part):
    pack: str = ""


class Data(_Part):
    """Its dataset."""

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
        """Whether its words are the stand-in model's."""
        return bool(self.prompts.pack) and self.surroundings.llm is not None and not self.surroundings.llm.words

    @property
    def speaker(self) -> str:
        """The LLM, by its file's name if known; empty if none was asked."""
        if not self.prompts.pack:
            return ""
        told = self.surroundings.settings.get("llm") or self.settings.get("llm") or {}
        file = None if told.get("base_url") else told.get("gguf")
        return Path(file).stem if file else str(told.get("model", ""))

    @cached_property
    def rule(self) -> str:
        """Its quit rule and what was rounded, in words; empty if the run does not say."""
        if "simulator" not in self.settings:
            return ""
        from billp.simulators.quit.registry import rule_words  # noqa: PLC0415 -- loads NumPy, and a list needs none

        try:
            return rule_words(SimulatorSettings.model_validate(completed(self.settings)["simulator"]))
        except ValidationError:  # settings of another build
            return ""

    @cached_property
    def conditions(self) -> str:
        """A digest of settings, model and data: runs that differ in it are not comparable."""
        kind = [completed(self.settings), self.model_sha256, self.dataset.fingerprint]
        return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()


def read_stored(path: Path, model: type[Stored], remedy: str) -> Stored:
    """Returns the file's content; raises ArtifactError, ending with the `remedy`, if it cannot be read."""
    try:
        return model.model_validate_json(read_bounded(path, LARGEST))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error}); {remedy}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ArtifactError(f"{path} cannot be read ({place}{fault(first)}); {remedy}.") from error


def stored_config(folder: Path) -> Config:
    """Returns the configuration of the run in `folder`; raises ArtifactError if it is damaged."""
    return read_stored(folder / CONFIG, Config, "restore it")


def has_ended(folder: Path, config: Config) -> bool:
    """Returns whether the run in `folder` has ended; a live run never ends, and lacks nothing."""
    if config.plan.parts:
        return all((folder / part / METRICS).is_file() for part in config.plan.parts)
    return config.plan.command == "play" or (folder / (JUDGED if config.plan.judged_by else METRICS)).is_file()
