"""Lists runs from their folders, without reading their episodes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import CONFIG, LOCK, is_locked, locked
from billp.experiments.runs.run_names import EPISODES, LONGEST, METRICS, found_below, keep_first_name, trial_file
from billp.experiments.runs.stored import Config, Plan, has_ended, stored_config
from billp.names import checked_name, is_text, there_is_no
from billp.whole_files import bounded_lines, out_of_sight

Result = TypeVar("Result")

_ENDS = ("comparison.json", "surface.json", "policy/policy.json")
"""Files that mark the end of a comparison, a surface or the training of a policy."""


@dataclass(frozen=True)
class ListedRun:
    """One run in the runs folder. `changed` is when its last episode was written, in seconds since the epoch."""

    name: str
    command: str
    method: str
    dataset: str
    files: tuple[Path, ...]
    """The files of its episodes, those of its parts included."""
    changed: float | None
    state: Literal["finished", "running", "interrupted"]
    parts: tuple[str, ...]
    """Folders inside it that are runs themselves: the arms of a comparison, a demo's rows."""
    planned: int | None = None
    """Most episodes that it can come to; None if its plan does not say."""

    @property
    def episodes(self) -> int | None:
        """The number of recorded episodes; None if a file of them cannot be read, as all of them must be."""
        try:
            return sum(1 for file in self.files for _ in bounded_lines(file, LONGEST))
        except OSError:
            return None

    def plain(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        told = {name: value for name, value in vars(self).items() if name not in ("parts", "files")}
        return told | {"episodes": self.episodes}


def list_runs(runs_dir: Path) -> list[ListedRun]:
    """Returns every run in `runs_dir` whose name is text, the one that changed last first."""
    if not runs_dir.is_dir():
        return []
    folders = [
        folder
        for folder in runs_dir.iterdir()
        if folder.is_dir() and not folder.name.startswith(".") and is_text(folder.name)
    ]
    found = [run for folder in folders if (run := listed(folder, runs_dir)).command or run.parts]
    return sorted(found, key=lambda run: (-(run.changed or 0.0), run.name))


def listed(folder: Path, runs_dir: Path) -> ListedRun:
    """Returns the run in `folder`, named relative to `runs_dir`."""
    files = [file for file in found_below(folder, EPISODES) if is_text(str(file.relative_to(folder)))]
    parts = tuple(file.parent.relative_to(folder).as_posix() for file in files if file.parent != folder)
    config = _config(folder if (folder / CONFIG).is_file() or not parts else folder / parts[0])
    own = (folder / CONFIG).is_file()
    command = config.plan.command if own or not parts else folder.name.split("-", maxsplit=1)[0]
    method = ", ".join(config.plan.arms) or (config.plan.method if own else "")
    ended = own and (
        has_ended(folder, config)
        or any((folder / name).is_file() for name in _ENDS)
        or _is_searched(folder, config.plan)
    )
    whole = ended or (not own and bool(parts) and all((folder / part / METRICS).is_file() for part in parts))
    return ListedRun(
        name=folder.relative_to(runs_dir).as_posix(),
        command=command,
        method=method,
        dataset=config.dataset.name,
        files=tuple(files),
        changed=max((when for file in files if (when := _changed(file)) is not None), default=None),
        state="finished" if whole else "running" if is_running(folder) else "interrupted",
        parts=parts,
        planned=config.plan.planned if own else None,
    )


def own_run(runs_dir: Path, name: str) -> Path:
    """Returns the folder of the run `name`, which may be renamed and removed.

    Raises ArtifactError if there is no such run in `runs_dir`, or a link leads to it.
    """
    known = [run.name for run in list_runs(runs_dir)]
    if name not in known:
        raise ArtifactError(there_is_no("run", name, known, where=f"in {runs_dir}"))
    folder = runs_dir / name
    if folder.is_symlink():
        raise ArtifactError(f"Run {name} is a link to {folder.resolve()}; change it there, or remove the link.")
    return folder


def is_running(folder: Path) -> bool:
    """Returns whether a process holds the run in `folder`, or a part of it."""
    return any(is_locked(lock) for lock in found_below(folder, LOCK))


def rename_run(folder: Path, name: str) -> Path:
    """Gives the run in `folder` another `name`, and returns its folder; memory knows it by its first name all the same.

    Raises BadInputError for a bad name, ArtifactError if it is taken or a process writes to the run.
    """
    target = folder.with_name(checked_name("run", name))
    with ExitStack() as held:
        for lock in found_below(folder, LOCK):
            held.enter_context(locked(lock))
        if target.exists():
            raise ArtifactError(f"There is a run {name} already; choose another name.")
        try:
            keep_first_name(folder)
            return _despite(held, lambda: folder.rename(target))
        except OSError as error:
            raise ArtifactError(f"Run {folder.name} cannot be renamed ({error.strerror or error}).") from error


def remove_run(folder: Path) -> None:
    """Removes the run in `folder`; raises ArtifactError if a process writes to a part of it, or the disk refuses.

    It is moved out of sight first, so that a kill leaves no half of it among the runs; the next call sweeps that up.
    """
    gone = out_of_sight(folder)
    with ExitStack() as held:
        for lock in found_below(folder, LOCK):
            held.enter_context(locked(lock))
        try:
            _despite(held, lambda: folder.rename(gone))
        except OSError as error:
            raise ArtifactError(f"Run {folder.name} cannot be removed ({error.strerror or error}).") from error
    shutil.rmtree(gone, ignore_errors=True)
    if gone.exists():
        raise ArtifactError(f"{gone}, which was run {folder.name}, cannot be removed whole; remove it by hand.")


def _despite(held: ExitStack, work: Callable[[], Result]) -> Result:
    """Returns what `work` returns; where it may not be done while the locks are `held`, they are released first."""
    try:
        return work()
    except PermissionError:  # Windows neither moves nor removes a folder in which a file is open
        held.close()
        return work()


def _is_searched(folder: Path, plan: Plan) -> bool:
    """Returns whether the run is a search for hyperparameters and each of its candidates was tried."""
    return bool(plan.changes) and all((folder / trial_file(number)).is_file() for number in range(len(plan.changes)))


def _config(folder: Path) -> Config:
    if not (folder / CONFIG).is_file():
        return Config()
    try:
        return stored_config(folder)
    except ArtifactError:
        return Config(plan=Plan(command="damaged"))


def _changed(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:  # its run was removed meanwhile
        return None
