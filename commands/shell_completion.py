"""Shell completion of options: names of methods, datasets, memories and runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from billp.errors import BillpError

if TYPE_CHECKING:
    from billp.settings import Settings


def method_names(incomplete: str) -> list[str]:
    """Returns methods, also for the last of several after commas."""
    from billp.graphs.methods import METHODS

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in METHODS if name.startswith(last)]


def dataset_names(incomplete: str) -> list[str]:
    """Returns registered datasets."""
    from billp.simulators.data.registry import list_datasets

    return _beginning(incomplete, lambda: list_datasets(_settings().data))


def memory_names(incomplete: str) -> list[str]:
    """Returns memories of any dataset."""
    from billp.memory import readable_inventory

    return _beginning(
        incomplete, lambda: sorted({name for names in readable_inventory(_settings())[0].values() for name in names})
    )


def run_names(incomplete: str) -> list[str]:
    """Returns folders in the runs folder."""
    return _beginning(incomplete, lambda: sorted(path.name for path in _settings().runs_dir.iterdir() if path.is_dir()))


def _settings() -> Settings:
    from billp.settings import load_settings

    return load_settings()


def _beginning(incomplete: str, names: Callable[[], list[str]]) -> list[str]:
    """Returns the names that begin so; none if they cannot be read, as completion shows no errors."""
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except (BillpError, OSError):
        return []
