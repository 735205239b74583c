"""The folder of one run: what it was made with, its episodes, its numbers.

`episodes.jsonl` is the truth: a line is appended, flushed and synced before its episode counts as done.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from errors import ArtifactError
from experiments.configured_folder import CONFIG, ConfiguredFolder, write_atomically
from experiments.records import EpisodeLine, check_finite

EPISODES, METRICS = "episodes.jsonl", "metrics.json"


class RunFolder(ConfiguredFolder):
    """An open run: a configured folder with episodes; those recorded before it was opened are in `lines`."""

    def _opened(self) -> None:
        self._lines: list[EpisodeLine] = _whole_lines(self.path / EPISODES)
        self._file: IO[str] = (self.path / EPISODES).open("a", encoding="utf-8")

    def close(self) -> None:
        """Closes the file of episodes and releases the folder."""
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
        """Records episodes; on return they survive a kill. Raises NotFiniteError for a number that is none."""
        for line in lines:
            if line.output is not None:
                check_finite(line.output)
        self._file.writelines(line.model_dump_json() + "\n" for line in lines)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._lines += lines

    def write_metrics(self, text: str) -> Path:
        """Writes `metrics.json` in one go: the run has come to its end."""
        target = self.path / METRICS
        write_atomically(target, text + "\n")
        self.widen()
        return target

    @property
    def complete(self) -> bool:
        """Whether the run has come to its end."""
        return is_complete(self.path)

    def reopen(self) -> None:
        """Says that the run has not come to its end: removes `metrics.json`."""
        (self.path / METRICS).unlink(missing_ok=True)


def is_complete(path: Path) -> bool:
    """Whether the run in the folder has come to its end."""
    return (path / METRICS).is_file()


def read_lines(path: Path) -> list[EpisodeLine]:
    """The episodes of a run folder, without opening it for writing; raises ArtifactError where there is none."""
    file = path / EPISODES
    if not file.exists():
        raise ArtifactError(f"There is no run in {path}; name a folder that holds {EPISODES}.")
    return _last_tries(_parse(file, file.read_bytes().split(b"\n")[:-1]))


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
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
    return _parse(path, content[:whole].split(b"\n")[:-1])


def _parse(path: Path, lines: list[bytes]) -> list[EpisodeLine]:
    return [parse_line(path, number, line) for number, line in enumerate(lines, start=1)]
