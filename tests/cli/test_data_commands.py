"""`billp data` and `billp simulator`: what they add, build and show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from billp.commands import data
from billp.simulators import KNOWN
from tests.cli.conftest import Billp, files
from tests.fakes.worlds import tiny_dataset, write_atomic


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("tiny.inter", "rating:float", "rating", "tiny.inter line 1: column 'rating' is not field:type"),
        ("tiny.inter", "u0\t", "u0\tmore\t", "tiny.inter line 2: 5 fields where the header names 4"),
        ("tiny.item", "i7\t", "i6\t", "give every item one line and one id"),
        ("tiny.item", "Film 7, The", "", "item 'i7' has no title"),
        ("tiny.item", "movie_title", "heading", "tiny.item line 1: no column among item_id, heading, release_year"),
        ("tiny.inter", "user_id", "who", "that it holds the user; say which one does with --user-col."),
    ],
)
def test_a_bad_file_is_named_by_line_and_what_was_registered_stays(
    *, billp: Billp, tiny: Path, tmp_path: Path, file: str, old: str, new: str, words: str
):
    write_atomic(tmp_path / "bad", tiny_dataset(seed=1))
    path = tmp_path / "bad" / file
    path.write_text(path.read_text().replace(old, new, 1))
    before = files(tiny)
    said = billp("data", "add", tmp_path / "bad")
    assert said.code == 2
    assert words in said.words
    assert said.err.strip().startswith("billp: ")
    assert len(said.err.strip().splitlines()) == 1
    assert files(tiny) == before


def test_data_is_added_listed_and_described(billp: Billp, tmp_path: Path):
    assert billp("data", "list", "--json").json == {"datasets": []}
    write_atomic(tmp_path / "files", tiny_dataset())
    said = billp("data", "add", tmp_path / "files", "--name", "mine", "--categories", "class")
    assert said.code == 0
    assert "mine is in" in said.words
    assert billp("data", "list", "--json").json == {"datasets": ["mine"]}
    assert billp("data", "list").out.split() == ["mine"]
    described = billp("data", "info", "mine", "--json").json
    assert (described["users"], described["items"], described["interactions"]) == (40, 60, 1200)
    assert sum(described["rating_histogram"].values()) == 1200
    assert "Western" in described["categories"]
    shown = billp("data", "info", "mine")
    assert "reading mine" in shown.err, "a large log takes a while"
    assert "categories found 6: " in shown.words
    table = shown.out
    assert "Western" in table
    assert "1200" in table


def test_fetch_tells_and_completes_the_known_data_sets(billp: Billp):
    shown = billp("data", "fetch", "--help")
    for name, known in KNOWN.items():
        assert f"{name}: {known.about}." in shown.words
    fetch = get_command(data.app).commands["fetch"]  # type: ignore[attr-defined]
    (name,) = (parameter for parameter in fetch.params if parameter.name == "name")
    completed = name.shell_complete(fetch.make_context("fetch", []), "ml-1")
    assert [item.value for item in completed] == list(KNOWN)


def test_a_simulator_is_built_and_described(billp: Billp, tiny: Path):
    shutil.rmtree(tiny / "simulators")
    said = billp("simulator", "info", "tiny")
    assert said.code == 2
    assert "billp simulator build" in said.words
    built = billp("simulator", "build", "tiny", "--set", "simulator.epochs=3", "--set", "simulator.test_share=0.5")
    assert built.code == 0
    assert ("reading tiny" in built.err, "fitting tiny" in built.err) == (True, True)
    described = billp("simulator", "info", "tiny", "--json").json
    choice = described["choice"]
    assert f"Both worlds rate with {choice['kind']}: {choice['why']}." in built.words
    off = described["test"]["rmse"]
    assert f"The test world is off by {off['model']:.4f} stars (RMSE on 60 ratings no fit has seen)" in built.words
    assert all(f"Warning: {concern}" in built.words for concern in described["concerns"])
    assert (described["train"]["users"], described["test"]["users"]) == (20, 20)
    assert described["train"]["split"] == "train"
    for world in (described["train"], described["test"]):
        assert world.keys() >= {"items", "interactions", "beta", "window", "horizon", "quit_rule", "rmse"}
        assert sum(world["reward_histogram"].values()) == pytest.approx(1)
        assert world["policies"].keys() == {"random", "popular", "greedy", "oracle"}
        for outcome in world["policies"].values():
            assert outcome.keys() == {"len", "r_each", "r_traj"}
            assert 1 <= outcome["len"] <= world["horizon"]
    table = billp("simulator", "info", "tiny")
    assert table.code == 0
    assert f"Both worlds rate with {choice['kind']}: {choice['why']}." in table.words
    for word in ("horizon", "beta", "oracle", "R_traj"):
        assert word in table.out
    other = billp("simulator", "info", "tiny", "--set", "run.quit_rule=category-window", "--json").json
    assert (other["test"]["quit_rule"], other["test"]["beta"]) == ("category-window", None)
    assert other["test"]["parameters"] == {"category_limit": 2}
