"""The paired differences that `billp compare` left in a run's folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from errors import ArtifactError
from experiments.metrics import Estimate

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
    def clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        return self.difference.ci95 is not None and not self.difference.ci95[0] <= 0 <= self.difference.ci95[1]


class _Comparison(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    pairs: list[Pair] = []


def read_pairs(root: Path) -> list[Pair]:
    """The pairs in `root`, none where nothing was compared; raises ArtifactError where the file is damaged."""
    path = root / _FILE
    if not path.is_file():
        return []
    try:
        pairs = _Comparison.model_validate_json(path.read_bytes()).pairs
    except ValidationError as error:
        raise ArtifactError(f"{path} cannot be read ({error.errors()[0]['msg']}); compare again.") from error
    return [pair.model_copy(update={"run": root.name}) for pair in pairs]
