"""The runs folder as the page reads it: the list of runs, and their episodes one at a time.

A run is looked up among those found in the folder, so that no path is ever built from a request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from billp.errors import ArtifactError
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_folder import parse_line
from billp.experiments.runs.run_names import EPISODES, LONGEST, is_called, row_name
from billp.experiments.runs.stored import Config, has_ended, stored_config
from billp.experiments.stats.endings import outcome, outcome_words
from billp.experiments.stats.intervals import mean_of
from billp.experiments.stats.metrics import seed_table
from billp.experiments.stats.numbers import with_interval
from billp.pages.answers import EpisodeList, EpisodeRow, RunRow
from billp.reports.episode_view import Place
from billp.reports.provenance import Source, nearest
from billp.reports.run_data import run_folders
from billp.whole_files import open_plain


@dataclass
class _Index:
    """The position of each episode in a run's file; it grows with the file, so that no line is parsed twice."""

    file: Path
    inode: int = 0
    size: int = 0
    lines: int = 0
    method: str = ""
    begun: float | None = None
    rows: list[EpisodeRow] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def refresh(self) -> None:
        """Reads what was appended since; leaves a line that is still being written for the next time."""
        now = self.file.stat()
        if now.st_ino != self.inode or now.st_size < self.size:
            self.inode, self.size, self.lines = now.st_ino, 0, 0
            self.rows, self.starts, self.numbers = [], [], {}
        if now.st_size == self.size:
            return
        with open_plain(self.file) as stream:
            stream.seek(self.size)
            for raw in iter(lambda: stream.readline(LONGEST), b""):
                if not raw.endswith(b"\n"):
                    if len(raw) == LONGEST:
                        raise OSError(f"{self.file} has a line of more than {LONGEST} bytes")
                    break
                line = parse_line(self.file, self.lines + 1, raw)
                self.lines += 1
                self.method = self.method or line.method
                self.begun = line.started if self.begun is None else min(self.begun, line.started)
                number = self.numbers.setdefault(line.id, len(self.rows) + 1)
                # An episode that was tried again has several lines, of which the last counts.
                self.rows[number - 1 : number] = [_row(number, line)]
                self.starts[number - 1 : number] = [self.size]
                self.size += len(raw)

    def line(self, number: int) -> EpisodeLine:
        """Returns the episode `number`, counted from 1."""
        with open_plain(self.file) as stream:
            stream.seek(self.starts[number - 1])
            return parse_line(self.file, number, stream.readline())


class Runs:
    """The runs in `root` and below it. Thread-safe; one question is answered at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._indices: dict[Path, _Index] = {}
        self._lock = threading.Lock()

    def rows(self, names: Iterable[str]) -> list[RunRow]:
        """Returns the results so far of each of these runs; leaves out one that is gone meanwhile."""
        with self._lock:
            known = self._folders()
            return [self._summary(name) for name in names if name in known]

    def begun(self, names: Iterable[str]) -> float | None:
        """Returns when the first episode of these runs began, in seconds since the epoch; None if none can be read."""
        with self._lock:
            known, found = self._folders(), []
            for name in names:
                with suppress(ArtifactError):  # a damaged part says so in its row
                    found.append(self._index(known[name]).begun if name in known else None)
            return min((each for each in found if each is not None), default=None)

    def episodes(self, name: str, offset: int = 0, limit: int | None = None) -> EpisodeList:
        """Returns the episodes of the run `name` from `offset` on, `limit` at most.

        Raises ArtifactError if the run is missing or damaged.
        """
        with self._lock:
            rows = self._index(self._folder(name)).rows
            some = rows[offset : None if limit is None else offset + limit]
            return EpisodeList(run=self._summary(name), of=len(rows), offset=offset, episodes=some)

    def episode(self, name: str, number: int) -> tuple[RunRow, EpisodeLine, Config]:
        """Returns the episode `number` of the run `name`; raises ArtifactError if it is missing or damaged."""
        with self._lock:
            folder = self._folder(name)
            index = self._index(folder)
            if not 1 <= number <= len(index.rows):
                raise ArtifactError(f"Run {name} has no episode {number}; it has {len(index.rows)}.")
            return self._summary(name), index.line(number), stored_config(folder)

    def line(self, place: Place) -> EpisodeLine:
        """Returns the episode at `place`, which `places` found."""
        with self._lock:
            return self._index(self._folder(place.run)).line(place.number)

    def places(self, sources: Iterable[Source], reader: str = "") -> dict[Source, Place]:
        """Returns the places of the episodes that `sources` name for the run `reader`; ambiguous ones are left out."""
        with self._lock:
            folders = self._folders()
            near, found = folders.get(reader, self._root), {}
            for source in set(sources):
                called = {name: folder for name, folder in folders.items() if is_called(folder, source.run)}
                held = {
                    folder: Place(run=name, number=number)
                    for name, folder in called.items()
                    if (number := self._number(folder, source.episode)) is not None
                }
                meant = nearest(list(held), near)
                if meant is not None:
                    found[source] = held[meant]
            return found

    def _folders(self) -> dict[str, Path]:
        return {folder.relative_to(self._root).as_posix(): folder for folder in run_folders(self._root)}

    def _folder(self, name: str) -> Path:
        folder = self._folders().get(name)
        if folder is None:
            raise ArtifactError(f"There is no run {name!r}; go back to the list of runs.")
        return folder

    def _index(self, folder: Path) -> _Index:
        index = self._indices.setdefault(folder, _Index(folder / EPISODES))
        try:
            index.refresh()
        except OSError as error:
            raise ArtifactError(
                f"{folder / EPISODES} cannot be read ({error}); restore it or remove the run."
            ) from error
        return index

    def _number(self, folder: Path, episode: str) -> int | None:
        try:
            return self._index(folder).numbers.get(episode)
        except ArtifactError:
            return None  # a damaged run has nothing to show

    def _summary(self, name: str) -> RunRow:
        folder = self._root / name
        changed = 0.0
        try:
            changed = folder.joinpath(EPISODES).lstat().st_mtime
            config, index = stored_config(folder), self._index(folder)
        except (ArtifactError, OSError) as error:
            return RunRow(
                name=name, command="", method="", dataset="", episodes=0, failed=0, length=None, r_traj=None,
                changed=changed, complete=False, problem=str(error),
            )  # fmt: skip
        finished = [row for row in index.rows if row.length is not None]
        length = mean_of([seed_table([(row.seed, row.user, row.length) for row in finished])], trained=False)
        r_traj = mean_of([seed_table([(row.seed, row.user, row.r_traj) for row in finished])], trained=False)
        plan = config.plan
        return RunRow(
            name=name,
            command=plan.command,
            method=row_name(
                plan.method or index.method,
                plan.trained,
                arm=plan.arm,
                training=plan.command == "train",
                probe=plan.probe,
            ),
            dataset=config.dataset.name,
            episodes=len(index.rows),
            failed=len(index.rows) - len(finished),
            length=length.mean,
            r_traj=r_traj.mean,
            len_interval=with_interval(length, 1),
            r_traj_interval=with_interval(r_traj, 1),
            changed=changed,
            complete=has_ended(folder, config),
            kind="training" if plan.command == "train" else "probe" if plan.probe else "result",
        )


def _row(number: int, line: EpisodeLine) -> EpisodeRow:
    done = line.output
    return EpisodeRow(
        number=number,
        id=line.id,
        user=line.user,
        seed=line.seed,
        outcome=outcome_words(outcome(line))[0],
        length=None if done is None else done["length"],
        r_traj=None if done is None else done["reward_trajectory"],
    )
