"""Names of runs, and from a name to the folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from billp.errors import ArtifactError
from billp.names import there_is_no


def run_name(*parts: str) -> str:
    """A name for a run's folder: `parts` and the time, to the millisecond, for a script may start two in one second."""
    return "-".join([*parts, datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]])


def run_named(runs_dir: Path, name: str) -> Path:
    """The folder of the run called `name` in `runs_dir`, or at the path `name`; only ever read.

    Raises ArtifactError, naming runs like it, where there is neither.
    """
    try:
        for folder in (runs_dir / name, Path(name)):
            if folder.is_dir():
                return folder.resolve()
        known = sorted(path.name for path in runs_dir.iterdir() if path.is_dir()) if runs_dir.is_dir() else []
    except (OSError, ValueError) as error:  # ValueError: a name with NUL in it
        raise ArtifactError(f"Run {name!r} cannot be looked up in {runs_dir} ({error}); name another one.") from error
    raise ArtifactError(there_is_no("run", name, known, where=f"in {runs_dir}"))
