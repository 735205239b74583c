"""The names under which memory remembers runs, and the folders that may be meant by them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

LIVE = "live-"  # tells in memory what a person taught from what a simulated user did


def origin_of(run: Path) -> str:
    """The name under which memory remembers what was taught in the folder `run` of a live run."""
    return run.name if run.name.startswith(LIVE) else LIVE + run.name


def is_called(folder: Path, run: str) -> bool:
    """Whether memory may mean `folder` by `run`: the end of its path, or the name of what a person taught there."""
    parts = PurePosixPath(run).parts
    return folder.parts[-len(parts) :] == parts or origin_of(folder) == run
