"""The run folders that a report is made of: their configuration, their episodes so far, and their catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from billp.catalogue import Catalogue
from billp.errors import ArtifactError, DataError
from billp.experiments.runs.configured_folder import CONFIG
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.run_names import EPISODES, found_below
from billp.experiments.runs.stored import Config, Data, has_ended, stored_config
from billp.simulators import load_dataset


@dataclass(frozen=True)
class RunData:
    """One run folder. `root` is the folder that was asked for, the run's own or one above it.

    `complete` says whether the run has ended; if not, the episodes are those so far.
    """

    root: Path
    path: Path
    config: Config
    lines: tuple[EpisodeLine, ...]
    complete: bool

    @property
    def name(self) -> str:
        """The folder relative to `root`; the name of `root` for itself."""
        return self.root.name if self.path == self.root else str(self.path.relative_to(self.root))

    @property
    def method(self) -> str:
        """The method of its episodes."""
        return self.lines[0].method if self.lines else self.config.plan.method

    @property
    def training(self) -> bool:
        """Whether its episodes were learned from."""
        return self.config.plan.command == "train"


def find_runs(root: Path) -> list[RunData]:
    """Returns every run in `root` or below it that has an episode, sorted by path; unfinished runs too.

    Raises ArtifactError if there is none, or if one of them is damaged.
    """
    found = []
    for folder in run_folders(root):
        lines = tuple(read_lines(folder))
        if lines:
            config = stored_config(folder)
            found.append(RunData(root, folder, config, lines, has_ended(folder, config)))
    if not found:
        raise ArtifactError(f"{root} holds no episode yet; name a run that has finished at least one.")
    return found


def addresses(runs: Sequence[RunData]) -> dict[Path, str]:
    """Returns what the page calls each run: its folder from its root on, or the whole path where two have the same."""
    short = {run.path: run.path.relative_to(run.root.parent).as_posix() for run in runs}
    taken = list(short.values())
    return {path: name if taken.count(name) == 1 else path.as_posix() for path, name in short.items()}


def run_folders(root: Path) -> list[Path]:
    """Returns every folder in `root` or below it that holds a run, sorted, with or without an episode."""
    return sorted(file.parent for file in found_below(root, EPISODES) if (file.parent / CONFIG).is_file())


def catalogues(data_dir: Path, runs: Sequence[RunData]) -> dict[str, Catalogue]:
    """Returns the catalogues of `runs` by fingerprint; datasets that are gone or have changed are left out."""
    found: dict[str, Catalogue] = {}
    for data in {run.config.dataset for run in runs}:
        catalogue = catalogue_of(data_dir, data)
        if catalogue is not None:
            found[data.fingerprint] = catalogue
    return found


def catalogue_of(data_dir: Path, data: Data) -> Catalogue | None:
    """Returns the catalogue of `data`; None if it is not registered or has changed, so items stay numbers."""
    try:
        dataset = load_dataset(data_dir, data.name)
    except DataError:
        return None
    return dataset.catalogue if dataset.fingerprint == data.fingerprint else None
