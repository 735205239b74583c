"""What the shell offers after an option: names of methods, datasets, memories and runs, read when it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from billp.errors import BillpError

if TYPE_CHECKING:
    from billp.settings import Settings


def method_names(incomplete: str) -> list[str]:
    """Methods, also the last of several after commas."""
    from billp.graphs.methods import METHODS

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in METHODS if name.startswith(last)]


def dataset_names(incomplete: str) -> list[str]:
    """Registered datasets."""
    from billp.simulators.data.registry import list_datasets

    return _beginning(incomplete, lambda: list_datasets(_settings().data))


def memory_names(incomplete: str) -> list[str]:
    """Memories of any dataset."""
    from billp.memory import list_memories

    return _beginning(
        incomplete, lambda: sorted({name for names in list_memories(_settings()).values() for name in names})
    )


def run_names(incomplete: str) -> list[str]:
    """Folders in the runs folder."""
    return _beginning(incomplete, lambda: sorted(path.name for path in _settings().runs_dir.iterdir() if path.is_dir()))


def _settings() -> Settings:
    from billp.settings import load_settings

    return load_settings()


def _beginning(incomplete: str, names: Callable[[], list[str]]) -> list[str]:
    """The names that begin so; none where they cannot be read, for a shell that completes shows no errors."""
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except (BillpError, OSError):
        return []
