"""The folder of one run: its configuration, its episodes, its numbers.

`episodes.jsonl` is the source of truth: a line is appended, flushed and synced before its episode counts as done.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pydantic import ValidationError

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import CONFIG, ConfiguredFolder, unwritable
from billp.experiments.runs.episode_lines import EpisodeLine, check_finite
from billp.experiments.runs.run_names import EPISODES, LONGEST, METRICS
from billp.whole_files import bounded_lines, open_plain

_LISTED = 8  # parts of a run that a message names


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the line of an episode is in the file: its number, from 1, and its bytes from `start` on."""

    number: int
    start: int
    size: int
    failed: bool


class RunFolder(ConfiguredFolder):
    """An open run: a configured folder with episodes, which are read from disk when they are asked for."""

    def _opened(self) -> None:
        path = self.path / EPISODES
        self._places: dict[str, _Place] = {}  # the last try of each episode, in the order they ended
        self._tries, self._size = 0, 0
        for line, size in _parsed(path) if path.exists() else ():
            self._note(line, size)
        try:
            if path.exists() and path.stat().st_size > self._size:
                os.truncate(path, self._size)  # a last line that a kill cut off
            self._file: FileIO = path.open("ab", buffering=0)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Closes the file of episodes and releases the folder."""
        with suppress(OSError):  # a full disk was reported when writing
            self._file.close()
        super().close()

    def _check_new(self) -> None:
        if (self.path / EPISODES).exists():
            raise ArtifactError(f"{self.path} holds episodes but no {CONFIG}; restore it or choose another --run.")

    def _note(self, line: EpisodeLine, size: int) -> None:
        self._tries += 1
        self._places.pop(line.id, None)
        self._places[line.id] = _Place(self._tries, self._size, size, line.output is None)
        self._size += size

    @property
    def over(self) -> Collection[str]:
        """The ids of the finished and failed episodes, in the order they ended."""
        return self._places.keys()

    @property
    def failed(self) -> set[str]:
        """The ids of the episodes that failed at their last try."""
        return {id_ for id_, place in self._places.items() if place.failed}

    def lines(self, ids: Iterable[str] | None = None) -> Iterator[EpisodeLine]:
        """Yields the episodes with these `ids`, in this order, or all, in the order they ended.

        For an episode that was tried again it yields the last try. They are read one by one, so that few are in memory.
        Raises ArtifactError if the file was damaged meanwhile.
        """
        path = self.path / EPISODES
        places = [self._places[id_] for id_ in (self._places if ids is None else ids)]
        try:
            with open_plain(path) as file:
                for place in places:
                    file.seek(place.start)
                    yield parse_line(path, place.number, file.read(place.size)[:-1])
        except OSError as error:
            raise _unreadable(path, error) from error

    def append(self, *lines: EpisodeLine) -> None:
        """Records episodes; on return they survive a kill.

        Raises NotFiniteError for a number that is not finite, ArtifactError if the disk cannot be written.
        """
        for line in lines:
            if line.output is not None:
                check_finite(line.output)
        written = [line.model_dump_json().encode() + b"\n" for line in lines]
        left = b"".join(written)
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):  # otherwise the next line would follow half a line
                self._file.truncate(self._size)
            raise unwritable(self.path, error) from error
        for line, bytes_ in zip(lines, written, strict=True):
            self._note(line, len(bytes_))

    def check_items(self, n_items: int) -> None:
        """Raises ArtifactError if a step's item is not in the catalogue or was not a candidate."""
        for line in self.lines():
            for step in line.output["steps"] if line.output is not None else ():
                of_catalogue = all(0 <= item < n_items for item in (step["item"], *step["shortlist"]))
                if not of_catalogue or (step["shortlist"] and step["item"] not in step["shortlist"]):
                    raise ArtifactError(
                        f"{self.path / EPISODES} is damaged (episode {line.id}, step {step['number']}: item "
                        f"{step['item']} cannot have been recommended); restore it or start another run."
                    )

    def write_metrics(self, text: str) -> Path:
        """Writes `metrics.json` atomically: the run has ended."""
        target = self.path / METRICS
        self._replace(target, text + "\n")
        self.widen()
        return target

    @property
    def complete(self) -> bool:
        """Whether the run has ended."""
        return is_complete(self.path)

    def reopen(self) -> None:
        """Marks the run as not ended: removes `metrics.json`."""
        try:
            (self.path / METRICS).unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from error


def is_complete(path: Path) -> bool:
    """Returns whether the run in the folder has ended."""
    return (path / METRICS).is_file()


def read_lines(path: Path) -> list[EpisodeLine]:
    """Returns the episodes of a run folder, read-only; raises ArtifactError if it has no episodes file."""
    file = path / EPISODES
    if not file.exists():
        parts = sorted(file.parent.relative_to(path).as_posix() for file in path.rglob(EPISODES))
        if not parts:
            raise ArtifactError(f"There is no run in {path}; name a folder that holds {EPISODES}.")
        listed = ", ".join(f"{path.name}/{part}" for part in parts[:_LISTED])
        raise ArtifactError(
            f"Run {path.name} has {len(parts)} parts, and episodes are in these; name one, as {listed}."
        )
    lines: dict[str, EpisodeLine] = {}
    for line, _ in _parsed(file):
        lines.pop(line.id, None)  # the last try of an episode counts, at its place in the file
        lines[line.id] = line
    return list(lines.values())


def parse_line(path: Path, number: int, line: bytes) -> EpisodeLine:
    """Returns the episode in `line`, number `number` (from 1) of the file `path`; raises ArtifactError if invalid."""
    try:
        return EpisodeLine.model_validate_json(line)
    except ValidationError as error:
        raise ArtifactError(
            f"{path} line {number} is no episode of this version ({error.errors()[0]['msg']}); "
            f"restore the file or start another run."
        ) from error


def _parsed(path: Path) -> Iterator[tuple[EpisodeLine, int]]:
    """Yields the complete lines of the file and the bytes of each; a last line without an end is left out."""
    try:
        for number, line in enumerate(bounded_lines(path, LONGEST), start=1):
            if line.endswith(b"\n"):
                yield parse_line(path, number, line[:-1]), len(line)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(f"{path} cannot be read ({error}); restore it or start another run.")
