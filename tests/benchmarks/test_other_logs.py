"""Made-up logs: the same with the same seed, and read as what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.other_logs import KINDS, write
from billp.simulators import add_tables


def test_the_same_seed_gives_the_same_files(tmp_path: Path):
    folders = [tmp_path / name for name in ("one", "other", "third")]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        folder.mkdir()
        write("shop", folder, seed)
    one, other, third = ((folder / "shop.csv").read_bytes() for folder in folders)
    assert one == other != third


@pytest.mark.parametrize(
    ("kind", "feedback", "stars", "categories"),
    [
        ("shop", "ratings", {1, 2, 3, 4, 5}, 7),
        ("videos", "likes", {2, 4}, 30),
        ("music", "hours", {2, 3, 4, 5}, 25),
        ("news", "presence", {4}, 0),
        ("goods", "ratings", {1, 2, 3, 4, 5}, 319),
    ],
)
def test_each_kind_is_read_as_what_it_is(tmp_path: Path, kind: str, feedback: str, stars: set[int], categories: int):
    log, _, items, _, name = write(kind, tmp_path, 0)
    data = add_tables(tmp_path, Path(log), Path(items), name)
    assert set(data.ratings.tolist()) == stars
    assert len(data.catalogue.categories) == categories
    assert len(data.catalogue) <= KINDS[kind].items
    assert f'"feedback": "{feedback}"' in (tmp_path / "datasets" / name / "dataset.json").read_text(encoding="utf-8")
