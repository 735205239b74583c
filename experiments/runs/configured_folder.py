"""A folder that stores the configuration it was made with, and that one process at a time writes to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

from pydantic import BaseModel

from billp.errors import ArtifactError
from billp.renamed_settings import with_new_names
from billp.settings import Settings
from billp.whole_files import hold, open_lock, open_plain, private_folder, read_bounded, write_whole

CONFIG = "config.json"
LOCK = ".lock"
_SURROUNDINGS = "surroundings"
_LATER = "later_surroundings"
LARGEST = 64_000_000  # bytes of a config; a large comparison, which names every user, takes some megabytes

Section = TypeVar("Section", bound=BaseModel)


class ConfiguredFolder:
    """An open folder with a `config.json`. Use as a context manager; it holds a lock meanwhile."""

    def __init__(
        self,
        path: Path,
        config: Mapping[str, Any],
        surroundings: Mapping[str, Any],
        *,
        resume: bool,
        may_change: Collection[str] = (),
    ) -> None:
        """Creates the folder, or with `resume` opens it again (or creates it, if it was never made).

        `config` decides results and must be the same when resuming, except for what `may_change` names (`plan.users`,
        with everything below it); `widen` stores it. `surroundings` is stored beside it. Raises ArtifactError if it
        exists and `resume` is not given, if another process holds it, or if it was made with another config (the
        message names the first setting that differs).
        """
        self.path = path
        self._config, self._surroundings = config, surroundings
        self.existed = (path / CONFIG).exists()
        check_free(path, resume=resume)
        try:
            private_folder(path)
        except OSError as error:
            raise unwritable(path, error) from error
        self._lock = locked(path / LOCK)
        try:
            if self.existed:
                _same_config(path, _stored_config(path / CONFIG), config, may_change)
            else:
                self._check_new()
                self._write({_SURROUNDINGS: surroundings})
            self._opened()
        except BaseException:
            self._lock.close()
            raise

    @property
    def surroundings(self) -> dict[str, Any]:
        """The surroundings that it was made with."""
        return read_surroundings(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def widen(self) -> None:
        """Stores the config as it is now; if that changes it, the surroundings of both are kept.

        Call it when everything that the config names exists.
        """
        before = _stored(self.path / CONFIG)
        if json.loads(json.dumps(self._config)) != _without_surroundings(before):
            later = [*before.get(_LATER, []), self._surroundings]
            self._write({_SURROUNDINGS: before.get(_SURROUNDINGS), _LATER: later})

    def close(self) -> None:
        """Releases the folder."""
        self._lock.close()

    def _write(self, beside: Mapping[str, Any]) -> None:
        text = json.dumps({**self._config, **beside}, indent=2)  # a comparison's methods stay in their order
        self._replace(self.path / CONFIG, text + "\n")

    def _replace(self, target: Path, text: str) -> None:
        try:
            write_whole(target, text)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _check_new(self) -> None:
        """Raises ArtifactError if a folder without config holds files that a new run would mix with."""

    def _opened(self) -> None:
        """Opens what else the folder holds; if that raises, the folder is released."""


def check_free(path: Path, *, resume: bool) -> None:
    """Raises ArtifactError if the folder holds a run that is not to be resumed."""
    if (path / CONFIG).exists() and not resume:
        raise ArtifactError(f"Run {path} exists; add --resume to go on with it, or choose another --run.")


def read_config(path: Path) -> dict[str, Any]:
    """Returns a folder's config without surroundings; raises ArtifactError if it is missing or damaged."""
    if not (path / CONFIG).exists():
        raise ArtifactError(f"There is no run in {path}; name a folder that holds {CONFIG}.")
    return _stored_config(path / CONFIG)


def read_surroundings(path: Path) -> dict[str, Any]:
    """Returns what was recorded beside the config of a folder; empty if nothing was."""
    kept: dict[str, Any] = _stored(path / CONFIG).get(_SURROUNDINGS, {})
    return kept


def locked(path: Path) -> BinaryIO:
    """Returns the file `path`, locked until it is closed; raises ArtifactError if another process holds it."""
    try:
        file = open_lock(path)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        hold(file, wait=False)
    except OSError as error:
        file.close()
        raise ArtifactError(f"Run {path.parent} is in use by another process; wait for it or end it.") from error
    return file


def is_locked(path: Path) -> bool:
    """Returns whether another process holds the lock at `path`, which is tried for an instant."""
    try:
        with open_plain(path) as file:
            hold(file, wait=False)
    except BlockingIOError:
        return True
    except OSError:  # it is gone, or not ours to open
        return False
    return False


def unwritable(path: Path, error: OSError) -> ArtifactError:
    """Returns the error for a run that cannot be written to."""
    return ArtifactError(
        f"Run {path} cannot be written ({error.strerror or error}); what is recorded stays: make room or mend the "
        "folder, and go on with --resume."
    )


def _stored_config(path: Path) -> dict[str, Any]:
    return _without_surroundings(_stored(path))


def _without_surroundings(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name not in (_SURROUNDINGS, _LATER)}


def _stored(path: Path) -> dict[str, Any]:
    try:
        stored: Any = json.loads(read_bounded(path, LARGEST))
    except (ValueError, OSError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged ({error}); restore it or start another run.") from error
    if not isinstance(stored, dict):
        raise ArtifactError(f"{path} is damaged (no JSON object); restore it or start another run.")
    for name in ("settings", "plan", _SURROUNDINGS):
        if not isinstance(stored.get(name, {}), dict):
            raise ArtifactError(f"{path} is damaged ({name} is no JSON object); restore it or start another run.")
    return stored


def _same_config(path: Path, old: Mapping[str, Any], new: Mapping[str, Any], may_change: Collection[str]) -> None:
    before, after = (flat({**config, "settings": completed(config.get("settings", {}))}) for config in (old, new))
    for name in sorted(before.keys() | after.keys()):
        changeable = any(f"{name}.".startswith(f"{part}.") for part in may_change)
        if not changeable and before.get(name) != after.get(name):
            raise ArtifactError(
                f"Run {path} was made with {name}={before.get(name)!r}, now it is {after.get(name)!r}; "
                f"resume with the same settings or choose another --run."
            )


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the values of nested mappings by dotted name."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


_EARLIER: dict[str, dict[str, object]] = {
    "simulator": {"judgement_rounding": "stars"},
    "actor": {"mask_history": False},
}
"""The values that held before a setting existed, where they differ from its default."""


def completed(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that a run stored, in plain values and under their present names, with all that it lacks.

    A setting that the run did not store has its default. In a section that was stored, a setting younger than the run
    has the value by which such runs were made. Neither environment nor file is read.
    """
    whole = Settings.model_construct().model_dump(mode="json")
    for name, given in with_new_names(stored, warn=False).items():
        known = isinstance(given, dict) and name in whole
        whole[name] = {**whole[name], **_EARLIER.get(name, {}), **given} if known else given
    return whole


def section_of(stored: Mapping[str, Any], name: str, section: type[Section]) -> Section:
    """Returns the section `name` of the settings that a run stored; settings that are gone since are left out.

    Raises ValidationError where a value is outside its present range.
    """
    held = completed(stored)[name]
    return section.model_validate({leaf: value for leaf, value in held.items() if leaf in section.model_fields})
