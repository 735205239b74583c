"""What `billp compare` left in a run's folder: paired differences, and each method's conduct."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from billp.errors import ArtifactError
from billp.experiments.compare.comparison_tables import tables_of
from billp.experiments.compare.policy_curves import PolicyTraining
from billp.experiments.compare.results import Comparison
from billp.experiments.runs.run_folder import METRICS
from billp.experiments.runs.stored import read_stored
from billp.experiments.stats.beyond_accuracy import BeyondAccuracy
from billp.experiments.stats.endings import ended_words
from billp.experiments.stats.intervals import Estimate, excludes
from billp.experiments.stats.tables import TextTable

_FILE = "comparison.json"


class Pair(BaseModel):
    """Method `a` against method `b` on the same users and seeds: a - b, and a / b where that was worked out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    run: str = ""
    """The folder that it was found in."""
    a: str
    b: str
    metric: str
    difference: Estimate
    ratio: Estimate | None = None

    @property
    def verdict(self) -> str:
        """What the interval of the difference says of zero."""
        if self.difference.ci95 is None:
            return "-"
        return "excludes 0" if excludes(self.difference, 0) else "includes 0"


class NamedConduct(BaseModel):
    """How one method of a comparison went about recommending."""

    model_config = ConfigDict(frozen=True)

    run: str
    label: str
    ended: str
    """How many of its episodes ended in which way."""
    conduct: BeyondAccuracy


@dataclass(frozen=True)
class ComparedPolicy:
    """A policy's trainings, and the run that it was compared in."""

    run: str
    training: PolicyTraining


class _Method(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    conduct: BeyondAccuracy | None = None
    quit_reasons: dict[str, int] = {}


class _Comparison(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    base: str | None = None
    caption: str = ""
    methods: dict[str, _Method] = {}
    pairs: list[Pair] = []
    policies: list[PolicyTraining] = []


def read_pairs(root: Path) -> list[Pair]:
    """The pairs in `root` with the comparison's base, none where nothing was compared.

    Where no base is noted, all pairs. Raises ArtifactError where the file is damaged.
    """
    found = _read(root)
    pairs = [pair for pair in found.pairs if found.base in (None, pair.b)]
    return [pair.model_copy(update={"run": root.name}) for pair in pairs]


def read_conducts(root: Path) -> list[NamedConduct]:
    """The conduct of each method compared in `root`; raises ArtifactError where the file is damaged."""
    return [
        NamedConduct(run=root.name, label=name, ended=ended_words(method.quit_reasons), conduct=method.conduct)
        for name, method in _read(root).methods.items()
        if method.conduct is not None
    ]


def read_caption(root: Path) -> str:
    """What the numbers compared in `root` rest on; empty where nothing was compared."""
    return _read(root).caption


def read_tables(root: Path) -> list[TextTable]:
    """The tables of what was compared in `root`, none where nothing was.

    Raises ArtifactError where the file is damaged, or was written by a version with fewer numbers.
    """
    path = root / _FILE
    if not path.is_file():
        return []
    return tables_of(read_stored(path, Comparison, "run the comparison again with --resume"))


def read_coverage(run: Path) -> float | None:
    """The share of the catalogue that the users of one run saw, from its metrics; None where that is not noted."""
    path = run / METRICS
    try:
        conduct = read_stored(path, _Method, "evaluate again").conduct if path.is_file() else None
    except ArtifactError:
        return None  # of another version
    return None if conduct is None else conduct.coverage


def read_policies(root: Path) -> list[ComparedPolicy]:
    """How the policies compared in `root` were trained; raises ArtifactError where the file is damaged."""
    return [ComparedPolicy(run=root.name, training=training) for training in _read(root).policies]


def _read(root: Path) -> _Comparison:
    path = root / _FILE
    if not path.is_file():
        return _Comparison()
    return read_stored(path, _Comparison, "compare again")
