"""The results of a surface: for each world and method the share of the oracle's reward, with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from billp.experiments.compare.pairs import tables_of_pair
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.stored import read_stored
from billp.experiments.stats.intervals import Estimate, mean_of, ratio_of
from billp.experiments.stats.metrics import cells_of, seed_table
from billp.experiments.stats.numbers import share_with_interval
from billp.experiments.stats.tables import TextTable

SURFACE = "surface.json"
ORACLE = "oracle"


class Cell(BaseModel):
    """One method in one world, over all splits and seeds."""

    model_config = ConfigDict(frozen=True)

    share: Estimate
    """R_traj divided by that of the oracle."""
    r_traj: Estimate
    len: Estimate
    coverage: float | None
    """Share of the catalogue that one seed's users saw; mean over splits."""
    failed: int


class SurfaceWorld(BaseModel):
    """One world."""

    model_config = ConfigDict(frozen=True)

    name: str
    rule: str
    window: int
    categories: bool
    """Whether the rating model knows the items' categories."""
    methods: dict[str, Cell]


class Surface(BaseModel):
    """Methods over worlds."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    splits: int
    seeds: list[int]
    users: int
    """Test users of each split."""
    caption: str
    worlds: list[SurfaceWorld]


def cell(
    lines: Sequence[Sequence[EpisodeLine]],
    oracle: Sequence[Sequence[EpisodeLine]],
    coverages: Sequence[float | None],
    *,
    trained: bool,
) -> Cell:
    """Returns one method's cell from its `lines` and the oracle's, one sequence per split of the users."""
    pairs = [tables_of_pair(own, best, "r_traj") for own, best in zip(lines, oracle, strict=True)]
    known = [coverage for coverage in coverages if coverage is not None]
    rewards, lengths = (
        mean_of([seed_table(cells_of(each, field)) for each in lines], trained=trained) for field in ("r_traj", "len")
    )
    return Cell(
        share=ratio_of([own for own, _ in pairs], [best for _, best in pairs], trained=trained),
        r_traj=rewards,
        len=lengths,
        coverage=float(np.mean(known)) if known else None,
        failed=sum(line.output is None for each in lines for line in each),
    )


def surface_table(surface: Surface) -> TextTable:
    """Returns one row per world, one column per method: its share of the oracle's R_traj."""
    methods = methods_of(surface)
    return TextTable(
        title=f"{surface.dataset}: share of the oracle's R_traj",
        columns=("world", *methods),
        rows=tuple((world.name, *(_share(world.methods, method) for method in methods)) for world in surface.worlds),
        caption=surface.caption,
    )


def shares_of(surface: Surface) -> list[list[float | None]]:
    """Returns the numbers of `surface_table`: the mean shares, one list per world; None where a method is missing."""
    return [
        [None if (cell := world.methods.get(method)) is None else cell.share.mean for method in methods_of(surface)]
        for world in surface.worlds
    ]


def methods_of(surface: Surface) -> list[str]:
    """Returns every method but the oracle, in the order given."""
    return [
        name for name in dict.fromkeys(name for world in surface.worlds for name in world.methods) if name != ORACLE
    ]


def read_surface(folder: Path) -> Surface | None:
    """Returns the surface in `folder`, None if there is none. Raises ArtifactError if it is damaged."""
    path = folder / SURFACE
    if not path.is_file():
        return None
    return read_stored(path, Surface, "run the surface again with --resume")


def _share(methods: Mapping[str, Cell], method: str) -> str:
    return share_with_interval(methods[method].share) if method in methods else "-"
