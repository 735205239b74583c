"""What `billp compare` wrote into a run's folder: every method's numbers, and their paired differences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from billp.errors import ArtifactError
from billp.experiments.compare.comparison_tables import tables_of
from billp.experiments.compare.pairs import Pair
from billp.experiments.compare.results import Comparison
from billp.experiments.runs.run_names import METRICS
from billp.experiments.runs.stored import read_stored
from billp.experiments.stats.beyond_accuracy import BeyondAccuracy
from billp.experiments.stats.tables import TextTable

_FILE = "comparison.json"


@dataclass(frozen=True)
class Compared:
    """A comparison and the folder that it was found in."""

    root: Path
    found: Comparison

    @property
    def run(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def pairs(self) -> list[Pair]:
        """The pairs with the comparison's base."""
        return [pair for pair in self.found.pairs if pair.b == self.found.base]

    @property
    def conducts(self) -> dict[str, BeyondAccuracy]:
        """How each method recommended, by its name."""
        return {name: summary.conduct for name, summary in self.found.methods.items() if summary.conduct is not None}

    def tables(self) -> list[TextTable]:
        """Returns its tables."""
        return tables_of(self.found)

    def plain(self) -> dict[str, list[dict[str, Any]]]:
        """Returns its pairs, metrics beyond accuracy and policies as plain values."""
        return {
            "pairs": [{"run": self.run, **pair.model_dump(mode="json")} for pair in self.pairs],
            "conduct": [{"label": name, **each.model_dump(mode="json")} for name, each in self.conducts.items()],
            "policies": [{"run": self.run, **each.model_dump(mode="json")} for each in self.found.policies],
        }


def read_compared(root: Path) -> Compared | None:
    """Returns the comparison in `root`, None where nothing was compared.

    Raises ArtifactError where the file is damaged, or was written by a version with fewer numbers.
    """
    path = root / _FILE
    if not path.is_file():
        return None
    return Compared(root, read_stored(path, Comparison, "run the comparison again with --resume"))


class _Metrics(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    conduct: BeyondAccuracy | None = None


def read_coverage(run: Path) -> float | None:
    """Returns the share of the catalogue that one run's users saw, from its metrics; None if not recorded."""
    path = run / METRICS
    try:
        conduct = read_stored(path, _Metrics, "evaluate again").conduct if path.is_file() else None
    except ArtifactError:
        return None  # written by another version
    return None if conduct is None else conduct.coverage
