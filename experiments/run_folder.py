"""The folder of one run: what it was made with, its episodes, its numbers.

`episodes.jsonl` is the truth: a line is appended, flushed and synced before its episode counts as done.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from pydantic import ValidationError

from errors import ArtifactError
from experiments.records import EpisodeLine

_CONFIG, _EPISODES, _METRICS, _LOCK = "config.json", "episodes.jsonl", "metrics.json", ".lock"
_SURROUNDINGS = "surroundings"


class RunFolder:
    """An open run. Use as a context manager; holds a lock, so that one process at a time writes to it."""

    def __init__(self, path: Path, config: Mapping[str, Any], surroundings: Mapping[str, Any], *, resume: bool) -> None:
        """Creates the folder, or with `resume` opens it again (or creates it, where the kill came first).

        `config` decides results and must be the same when resuming; `surroundings` is stored beside it.
        Raises ArtifactError when it exists and `resume` is not given, when another process holds it, or when
        it was made with another config (the message names the first setting that differs).
        """
        self.path = path
        self._lines: list[EpisodeLine] = []
        exists = (path / _CONFIG).exists()
        if exists and not resume:
            raise ArtifactError(f"Run {path} exists; add --resume to go on with it, or choose another --run.")
        path.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(path / _LOCK)
        try:
            if exists:
                _same_config(path, _stored_config(path / _CONFIG), config)
                self._lines = _whole_lines(path / _EPISODES)
            else:
                if (path / _EPISODES).exists():
                    raise ArtifactError(f"{path} holds episodes but no {_CONFIG}; restore it or choose another --run.")
                stored = {**config, _SURROUNDINGS: surroundings}
                write_atomically(path / _CONFIG, json.dumps(stored, indent=2, sort_keys=True) + "\n")
            self._file: IO[str] = (path / _EPISODES).open("a", encoding="utf-8")
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lock.close()

    @property
    def lines(self) -> tuple[EpisodeLine, ...]:
        """The episodes that are over, in the order they ended."""
        return tuple(self._lines)

    def append(self, line: EpisodeLine) -> None:
        """Records an episode; on return it survives a kill."""
        self._file.write(line.model_dump_json() + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._lines.append(line)

    def write_metrics(self, text: str) -> Path:
        """Writes `metrics.json` in one go."""
        target = self.path / _METRICS
        write_atomically(target, text + "\n")
        return target


def read_lines(path: Path) -> list[EpisodeLine]:
    """The episodes of a run folder, without opening it for writing; raises ArtifactError where there is none."""
    file = path / _EPISODES
    if not file.exists():
        raise ArtifactError(f"There is no run in {path}; name a folder that holds {_EPISODES}.")
    return _parse(file, file.read_bytes().split(b"\n")[:-1])


def read_config(path: Path) -> dict[str, Any]:
    """What a run was made with, without its surroundings; raises ArtifactError where that is missing or damaged."""
    if not (path / _CONFIG).exists():
        raise ArtifactError(f"There is no run in {path}; name a folder that holds {_CONFIG}.")
    return _stored_config(path / _CONFIG)


def write_atomically(target: Path, text: str) -> None:
    """Replaces `target` by `text`, whole or not at all."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)


def _whole_lines(path: Path) -> list[EpisodeLine]:
    """The lines of the file; a last line that a kill cut off is removed from it."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return _parse(path, content[:whole].split(b"\n")[:-1])


def _parse(path: Path, lines: list[bytes]) -> list[EpisodeLine]:
    parsed = []
    for number, line in enumerate(lines, start=1):
        try:
            parsed.append(EpisodeLine.model_validate_json(line))
        except ValidationError as error:
            raise ArtifactError(
                f"{path} line {number} is no episode of this version ({error.errors()[0]['msg']}); "
                f"restore the file or start another run."
            ) from error
    return parsed


def _locked(path: Path) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ArtifactError(f"Run {path.parent} is in use by another process; wait for it or end it.") from error
    return file


def _stored_config(path: Path) -> dict[str, Any]:
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged ({error}); restore it or start another run.") from error
    if not isinstance(stored, dict):
        raise ArtifactError(f"{path} is damaged (no JSON object); restore it or start another run.")
    return {name: value for name, value in stored.items() if name != _SURROUNDINGS}


def _same_config(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    before, after = _flat(old), _flat(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            raise ArtifactError(
                f"Run {path} was made with {name}={before.get(name)!r}, now it is {after.get(name)!r}; "
                f"resume with the same settings or choose another --run."
            )


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
