"""`billp demo`, on the tiny dataset in place of MovieLens-100k, and where it leads."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from billp.experiments import demo as demo_module
from tests.cli.conftest import Billp
from tests.cli.tiny import put_tiny


def test_it_says_what_learning_changed_leads_on_and_begins_anew_the_next_time(
    billp: Billp, answered: None, own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put_tiny(Path(own_folders) / "data", tmp_path / "source", "ml-100k")
    monkeypatch.setattr(demo_module, "prepare", lambda *_: None)
    said = billp("demo", "--episodes", "4", "--users", "3", "--horizon", "5")
    assert said.code == 0, said.err
    assert re.search(r"changed R_traj by [-+]\d", said.out)
    assert "The memory is called demo" in said.out
    led = [match[1] for line in said.out.splitlines() if (match := re.search(r"  billp (.+)$", line))]
    assert [command.split()[0] for command in led] == ["report", "ui", "memory"]
    for command in led:
        if command != "ui":
            said = billp(*shlex.split(command))
            assert said.code == 0, said.err

    before = billp("memory", "stats", "--memory", "demo", "--json").json["counts"]
    said = billp("demo", "--episodes", "4", "--users", "3", "--horizon", "5", "--json")
    assert said.code == 0
    assert said.json["memory"] == "demo"
    assert billp("memory", "stats", "--memory", "demo", "--json").json["counts"] == before
    assert {row["state"] for row in billp("runs", "list", "--json").json["runs"]} == {"finished"}


def test_one_that_was_killed_between_two_parts_is_interrupted(
    billp: Billp, answered: None, own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    put_tiny(Path(own_folders) / "data", tmp_path / "source", "ml-100k")
    monkeypatch.setattr(demo_module, "prepare", lambda *_: None)
    monkeypatch.setattr(demo_module, "train", killed)
    assert billp("demo", "--users", "3", "--horizon", "5").code != 0
    (row,) = billp("runs", "list", "--json").json["runs"]
    assert (row["command"], row["episodes"], row["state"]) == ("demo", 9, "interrupted")
    assert "does not go on; begin another with `billp demo`" in billp("runs", "show", row["name"]).words


def test_more_users_than_are_held_out_are_refused_before_it_begins(
    billp: Billp, own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put_tiny(Path(own_folders) / "data", tmp_path / "source", "ml-100k")
    monkeypatch.setattr(demo_module, "prepare", lambda *_: None)
    said = billp("demo", "--users", "99")
    assert (said.code, "ask for at most 10" in said.words) == (2, True)
    assert billp("runs", "list", "--json").json == {"runs": []}
