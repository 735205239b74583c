"""Surfaces on a tiny world: a comparison in every place, gone on with, and measured by the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from billp.errors import ArtifactError, SettingsError
from billp.experiments.compare.surface.places import Place
from billp.experiments.compare.surface.surface_results import Surface, methods_of, read_surface, surface_table
from billp.experiments.compare.surface.surveying import Survey, folder_of, run_surface
from billp.graphs.resources import Resources
from billp.pages.comparing import compared
from billp.reports import make_report, write_tables
from billp.settings import load_settings
from billp.simulators.env.variants import ready
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel

PLACES = (Place("distance", 2), Place("distance", 4, categories=False))
SURVEY = Survey("tiny", ("random", "billp-memory-only"), PLACES, splits=2, seeds=(0, 1), users=5, train_episodes=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("surface")
    put_tiny(home / "data", home / "source")
    for place, split in SURVEY.stops:
        ready(home / "data", SURVEY.variant(place, split))
    return home / "data"


async def run(data: Path, folder: Path, survey: Survey, *, resume: bool = False, **given: object) -> list[str]:
    begun: list[str] = []
    settings = load_settings({"data_dir": data, "runs_dir": folder.parent, "run.batch": 3, **given})
    async with Resources(settings, model=RuleModel(), embedder=HashEmbedder()) as resources:
        await run_surface(resources, survey, run=folder, resume=resume, on_world=begun.append)
    return begun


async def test_every_world_is_a_comparison_and_its_share_that_of_the_oracle(data: Path, tmp_path: Path):
    folder = tmp_path / "s"
    begun = await run(data, folder, SURVEY)
    assert begun == [
        "distance-2, split 0", "distance-4-no-categories, split 0",
        "distance-2, split 1", "distance-4-no-categories, split 1",
    ]  # fmt: skip
    surface = read_surface(folder)
    assert surface is not None
    assert [world.name for world in surface.worlds] == ["distance-2", "distance-4-no-categories"]
    assert methods_of(surface) == ["random", "billp-memory-only"]
    for world in surface.worlds:
        best = world.methods["oracle"]
        assert best.share.mean == pytest.approx(1)
        for cell in world.methods.values():
            assert cell.r_traj.mean is not None
            assert best.r_traj.mean is not None
            assert cell.share.mean == pytest.approx(cell.r_traj.mean / best.r_traj.mean)
            assert cell.share.ci95 is not None
            assert cell.coverage is not None
    assert "Learned from 3 episodes with train users: billp-memory-only." in surface.caption
    assert (folder_of(folder, PLACES[0], 1) / "comparison.json").is_file()

    wider = replace(SURVEY, methods=("random", "billp-memory-only", "popular"), places=(*PLACES, Place("patience", 2)))
    with pytest.raises(ArtifactError, match="--resume"):
        await run(data, folder, wider)
    with pytest.raises(ArtifactError, match="horizon"):
        await run(data, folder, wider, resume=True, **{"run.horizon": 3})
    before = surface
    await run(data, folder, wider, resume=True)
    after = read_surface(folder)
    assert after is not None
    assert len(after.worlds) == 3
    assert after.worlds[0].methods["random"] == before.worlds[0].methods["random"]


def made() -> Surface:
    """A surface of two worlds, one of which a method did not visit."""
    cell = {
        "share": {"mean": 0.5, "ci95": [0.4, 0.625]}, "r_traj": {"mean": 5, "ci95": None, "note": "one seed"},
        "len": {"mean": 2, "ci95": None}, "coverage": 0.1, "failed": 0,
    }  # fmt: skip
    world = {"rule": "distance", "window": 4, "categories": True}
    return Surface.model_validate({
        "dataset": "tiny", "splits": 1, "seeds": [0], "users": 3, "caption": "What it rests on.",
        "worlds": [
            {**world, "name": "distance-4", "methods": {"mmr": cell, "random": cell, "oracle": cell}},
            {**world, "name": "distance-8", "methods": {"random": cell, "oracle": cell}},
        ],
    })  # fmt: skip


def test_the_table_has_a_row_for_each_world():
    table = surface_table(made())
    assert table.columns == ("world", "mmr", "random")
    assert table.rows == (("distance-4", "50% [40%, 63%]", "50% [40%, 63%]"), ("distance-8", "-", "50% [40%, 63%]"))
    assert table.caption == "What it rests on."


def test_a_report_draws_it_and_writes_its_table(tmp_path: Path):
    report = make_report([], {tmp_path / "s": made()})
    assert report.title == "s"
    (table,) = compared(report).tables
    assert np.array(table.shares, dtype=float).shape == (2, 2)
    assert table.shares[1][0] is None
    assert table.rows[1] == ("distance-8", "-", "50% [40%, 63%]")
    assert table.caption == "What it rests on."
    (file,) = write_tables(report, tmp_path, "latex")
    assert r"distance-4 & 50\% [40\%, 63\%]" in file.read_text()


async def test_a_surface_of_nothing_is_refused(data: Path, tmp_path: Path):
    for survey, words in (
        (replace(SURVEY, places=()), "No world"),
        (replace(SURVEY, methods=("oracle",)), "name another method"),
        (replace(SURVEY, methods=("random", "mmrr")), "mmrr"),
    ):
        with pytest.raises(SettingsError, match=words):
            await run(data, tmp_path / "none", survey)
    assert not (tmp_path / "none").exists()
