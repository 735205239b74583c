"""The folder of one run: what it was made with, its episodes, its numbers.

`episodes.jsonl` is the truth: a line is appended, flushed and synced before its episode counts as done.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from billp.errors import ArtifactError
from billp.experiments.configured_folder import CONFIG, ConfiguredFolder, unwritable
from billp.experiments.records import EpisodeLine, check_finite
from billp.whole_files import bounded_lines

EPISODES, METRICS = "episodes.jsonl", "metrics.json"
_LONGEST = 64_000_000  # bytes of a line; an episode of a thousand steps takes some hundred thousand


class RunFolder(ConfiguredFolder):
    """An open run: a configured folder with episodes; those recorded before it was opened are in `lines`."""

    def _opened(self) -> None:
        self._lines: list[EpisodeLine] = _whole_lines(self.path / EPISODES)
        try:
            self._file: IO[str] = (self.path / EPISODES).open("a", encoding="utf-8")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Closes the file of episodes and releases the folder."""
        with suppress(OSError):  # what a full disk did not take was said when it was written
            self._file.close()
        super().close()

    def _check_new(self) -> None:
        if (self.path / EPISODES).exists():
            raise ArtifactError(f"{self.path} holds episodes but no {CONFIG}; restore it or choose another --run.")

    @property
    def lines(self) -> tuple[EpisodeLine, ...]:
        """The episodes that are over, in the order they ended; of one that was tried again the last try."""
        return tuple(_last_tries(self._lines))

    def append(self, *lines: EpisodeLine) -> None:
        """Records episodes; on return they survive a kill.

        Raises NotFiniteError for a number that is none, ArtifactError where the disk does not take them.
        """
        for line in lines:
            if line.output is not None:
                check_finite(line.output)
        try:
            self._file.writelines(line.model_dump_json() + "\n" for line in lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._lines += lines

    def check_items(self, n_items: int) -> None:
        """Raises ArtifactError where a recorded step has an item outside a catalogue of so many, or no candidate."""
        for line in self._lines:
            for step in line.output["steps"] if line.output is not None else ():
                of_catalogue = all(0 <= item < n_items for item in (step["item"], *step["shortlist"]))
                if not of_catalogue or (step["shortlist"] and step["item"] not in step["shortlist"]):
                    raise ArtifactError(
                        f"{self.path / EPISODES} is damaged (episode {line.id}, step {step['number']}: item "
                        f"{step['item']} cannot have been recommended); restore it or start another run."
                    )

    def write_metrics(self, text: str) -> Path:
        """Writes `metrics.json` in one go: the run has come to its end."""
        target = self.path / METRICS
        self._replace(target, text + "\n")
        self.widen()
        return target

    @property
    def complete(self) -> bool:
        """Whether the run has come to its end."""
        return is_complete(self.path)

    def reopen(self) -> None:
        """Says that the run has not come to its end: removes `metrics.json`."""
        try:
            (self.path / METRICS).unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from error


def is_complete(path: Path) -> bool:
    """Whether the run in the folder has come to its end."""
    return (path / METRICS).is_file()


def read_lines(path: Path) -> list[EpisodeLine]:
    """The episodes of a run folder, without opening it for writing; raises ArtifactError where there is none."""
    file = path / EPISODES
    if not file.exists():
        raise ArtifactError(f"There is no run in {path}; name a folder that holds {EPISODES}.")
    return _last_tries(_parsed(file)[0])


def parse_line(path: Path, number: int, line: bytes) -> EpisodeLine:
    """The episode in `line`, the line `number` (from 1) of the file `path`; raises ArtifactError where it is none."""
    try:
        return EpisodeLine.model_validate_json(line)
    except ValidationError as error:
        raise ArtifactError(
            f"{path} line {number} is no episode of this version ({error.errors()[0]['msg']}); "
            f"restore the file or start another run."
        ) from error


def _last_tries(lines: list[EpisodeLine]) -> list[EpisodeLine]:
    last = {line.id: position for position, line in enumerate(lines)}
    return [lines[position] for position in sorted(last.values())]


def _whole_lines(path: Path) -> list[EpisodeLine]:
    """The lines of the file; a last line that a kill cut off is removed from it."""
    if not path.exists():
        return []
    lines, whole = _parsed(path)
    try:
        if whole < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(whole)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    return lines


def _parsed(path: Path) -> tuple[list[EpisodeLine], int]:
    """The whole lines of the file and their bytes; a last line without an end is left out."""
    lines, whole = [], 0
    try:
        for number, line in enumerate(bounded_lines(path, _LONGEST), start=1):
            if line.endswith(b"\n"):
                lines.append(parse_line(path, number, line[:-1]))
                whole += len(line)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error}); restore it or start another run.") from error
    return lines, whole
