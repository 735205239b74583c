"""`billp surface` from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Billp


def test_a_surface_is_run_shown_and_reported(billp: Billp, tiny: Path, hashed: None, tmp_path: Path):
    asked = ("surface", "--dataset", "tiny", "--methods", "random,popular", "--worlds", "distance-2", "--users", "4")
    said = billp(*asked, "--splits", "2", "--run", "wide")
    assert said.code == 0
    assert "share of the oracle's R_traj" in said.words
    assert "distance-2" in said.words
    again = billp(*asked, "--splits", "2", "--run", "wide", "--resume", "--json")
    assert again.code == 0
    assert [world["name"] for world in again.json["worlds"]] == ["distance-2"]
    assert again.json["worlds"][0]["methods"].keys() == {"random", "popular", "oracle"}
    table = tmp_path / "wide.md"
    assert billp("report", "wide", "--markdown", table).code == 0
    assert table.read_text().count("| distance-2 |") == 1
    assert billp("report", "wide/distance-2@split1").code == 0


def test_a_mistyped_world_is_refused_before_anything_is_built(billp: Billp, tiny: Path):
    said = billp("surface", "--dataset", "tiny", "--worlds", "distant-4")
    assert said.code == 2
    assert "There is no world 'distant-4'" in said.words
    assert "Run:" not in said.words


def test_more_users_than_are_held_out_are_refused_before_anything_is_built(billp: Billp, tiny: Path):
    said = billp("surface", "--dataset", "tiny", "--users", "11")
    assert (said.code, "ask for at most 10" in said.words, "Run:" in said.words) == (2, True, False)
