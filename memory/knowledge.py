"""What a language model says of items: its answers in a file that all runs share, and a snapshot of them.

There is one file for each model and question, with one line for each item asked about. Lines are only added, so a run
that began with n answers knew the first n lines, however many came since.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from billp.catalogue import Catalogue
from billp.errors import ArtifactError
from billp.whole_files import hold, open_plain

Floats = NDArray[np.float64]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str
    log_odds: float | None


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What a model says of the items of a catalogue: `log_odds` (items,) of yes against no, NaN where it said nothing.

    `name` is the name of its file, `answers` the number of lines that were read, `digest` their sha256.
    """

    name: str
    answers: int
    digest: str
    log_odds: Floats

    @classmethod
    def nothing(cls, items: int) -> Knowledge:
        """Returns the knowledge of a model that was asked nothing about `items` items."""
        return cls("", 0, "", np.full(items, np.nan))

    @property
    def asked(self) -> int:
        """The number of items that it says something of."""
        return int(np.isfinite(self.log_odds).sum())

    @property
    def column(self) -> Floats | None:
        """(items, 1) normal scores of the items' order, NaN where it said nothing; None if it orders none.

        Only the order counts: how sure a model sounds says little, and a few wild answers would outweigh the others.
        """
        there = np.isfinite(self.log_odds)
        if np.unique(self.log_odds[there]).size < 2:
            return None
        _, place, counts = np.unique(self.log_odds[there], return_inverse=True, return_counts=True)
        middles = (np.cumsum(counts) - counts / 2) / there.sum()
        scores = np.full(len(there), np.nan)
        scores[there] = np.array([NormalDist().inv_cdf(middle) for middle in middles])[place]
        return scores[:, None]


@dataclass(frozen=True)
class Answers:
    """The answers of one model to one question: the `lines` of the file called `name`."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def in_text(cls, name: str, text: str) -> Answers:
        """Reads the answers in the text of a file; a last line that a kill cut off does not count."""
        return cls(name, tuple(text[: text.rfind("\n") + 1].split("\n")[:-1]))

    @property
    def text(self) -> str:
        """The text of a file with these answers."""
        return "".join(f"{line}\n" for line in self.lines)

    def first(self, count: int) -> Answers:
        """Returns the first `count` answers, which a run began with; raises ArtifactError if there are fewer."""
        if len(self.lines) < count:
            raise ArtifactError(f"{self.name} holds {len(self.lines)} answers, the run began with {count}; restore it.")
        return Answers(self.name, self.lines[:count])

    def of(self, catalogue: Catalogue) -> Knowledge:
        """Returns what they say of the items of `catalogue`; raises ArtifactError if a line is damaged."""
        by_item = self.by_item()
        found = [by_item.get(item.text) for item in catalogue]
        log_odds = np.array([np.nan if value is None else value for value in found], dtype=np.float64)
        return Knowledge(self.name, len(self.lines), hashlib.sha256(self.text.encode()).hexdigest(), log_odds)

    def by_item(self) -> dict[str, float | None]:
        """Returns the log-odds by item text, None where the model gave no answer; an item's first answer counts."""
        found: dict[str, float | None] = {}
        for number, line in enumerate(self.lines, start=1):
            try:
                said = _Line.model_validate_json(line)
            except ValidationError as error:
                raise ArtifactError(f"{self.name} is damaged at line {number}; delete it and ask again.") from error
            found.setdefault(said.item, said.log_odds)
        return found


@dataclass(frozen=True)
class KnowledgeFile:
    """The file of one model's answers to one question. Several processes may add to it at the same time."""

    path: Path

    @classmethod
    def of(cls, folder: Path, model: str, digest: str, question: str) -> KnowledgeFile:
        """Returns the file for a model (its name, and the sha256 of its file or "") and the words of a question."""
        key = hashlib.sha256("\0".join((digest or model, question)).encode()).hexdigest()[:12]
        return cls(folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', Path(model).name)[:40]}-{key}.jsonl")

    def read(self) -> Answers:
        """Reads all answers, none if there is no file yet; raises ArtifactError if it cannot be read."""
        try:
            with open_plain(self.path) as file:
                return Answers.in_text(self.path.stem, file.read().decode())
        except FileNotFoundError:
            return Answers(self.path.stem, ())
        except (OSError, UnicodeDecodeError) as error:
            raise ArtifactError(f"{self.path} cannot be read ({error}); delete it and ask again.") from error

    def add(self, item: str, log_odds: float | None) -> None:
        """Adds one answer and waits until it is on the disk; raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            hold(file)
            _cut_torn_end(file)
            file.write(_Line(item=item, log_odds=log_odds).model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _cut_torn_end(file: BinaryIO) -> None:
    """Cuts off what a killed process left of a line; raises OSError."""
    if not file.seek(0, os.SEEK_END):
        return
    file.seek(-1, os.SEEK_END)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
