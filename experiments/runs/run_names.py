"""Names of runs and their rows, for terminal, report, local page, exports and memory."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path, PurePosixPath

from billp.errors import ArtifactError
from billp.graphs.methods import METHODS
from billp.names import is_text, there_is_no
from billp.whole_files import read_bounded, write_whole
from billp.words import counted

EPISODES, METRICS, JUDGED = "episodes.jsonl", "metrics.json", "critic.json"
LONGEST = 64_000_000  # bytes of an episode's line; one of a thousand steps takes some hundred thousand


def run_name(*parts: str) -> str:
    """Returns a name for a run's folder: `parts` and the time in milliseconds, as runs may start together."""
    return "-".join([*parts, datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]])


def trial_file(number: int) -> str:
    """Returns the file, relative to a search for hyperparameters, that ends its candidate `number`, from 0."""
    return f"trial-{number}/trial.json"


def run_named(runs_dir: Path, name: str) -> Path:
    """Returns the folder of the run called `name` in `runs_dir`, or at the path `name`; it is only read.

    Raises ArtifactError, naming similar runs, if there is none.
    """
    if not is_text(name):
        raise ArtifactError(f"The name of run {name!r} is no text; rename its folder.")
    try:
        for folder in (runs_dir / name, Path(name)):
            if folder.is_dir():
                return folder.resolve()
        known = sorted(path.name for path in runs_dir.iterdir() if path.is_dir()) if runs_dir.is_dir() else []
    except (OSError, ValueError) as error:  # ValueError: a name with NUL in it
        raise ArtifactError(f"Run {name!r} cannot be looked up in {runs_dir} ({error}); name another one.") from error
    raise ArtifactError(there_is_no("run", name, known, where=f"in {runs_dir}"))


def found_below(root: Path, name: str) -> list[Path]:
    """Returns everything called `name` in `root` and below it, sorted; folders that go away meanwhile are left out."""
    return sorted(Path(folder, name) for folder, *inside in os.walk(root) if any(name in names for names in inside))


def row_name(
    method: str, trained: int | None = None, *, arm: str = "", training: bool = False, probe: bool = False
) -> str:
    """Returns the name of a method's episodes.

    `trained` is how many episodes its memory had learned from, None if not known. In a comparison, where all arms learn
    from the same number, the name is that of the `arm` alone. `training` and `probe` say what the episodes were for.
    """
    name = arm or method
    if training:
        return f"{name} (training)"
    known = METHODS.get(method)
    if trained is None or (arm and not probe) or (known is not None and not known.learns):
        return name
    learned = f"{name} after {counted(trained, 'episode')}" if trained else f"{name} before learning"
    return f"{learned} (probe)" if probe else learned


LIVE = "live-"  # in memory, separates what persons taught from what simulated users did
_FIRST = ".first-name"
_LONGEST_NAME = 4096  # bytes


def first_name(run: Path) -> str:
    """Returns the name that the folder `run` was made under, by which memory knows it, whatever it is called now."""
    try:
        return read_bounded(run / _FIRST, _LONGEST_NAME).decode()
    except (OSError, UnicodeDecodeError):
        return run.name


def keep_first_name(run: Path) -> None:
    """Writes the name of the folder `run` into it, unless an earlier name is there; raises OSError."""
    write_whole(run / _FIRST, first_name(run))


def origin_of(run: Path) -> str:
    """Returns the name in memory of what was taught in the folder `run` of a live run."""
    name = first_name(run)
    return name if name.startswith(LIVE) else LIVE + name


def is_called(folder: Path, run: str) -> bool:
    """Returns whether memory may call `folder` `run`: the end of its path, or the name for a live run."""
    parts = PurePosixPath(run).parts
    own = (*folder.parts[:-1], first_name(folder))
    return own[-len(parts) :] == parts or origin_of(folder) == run
