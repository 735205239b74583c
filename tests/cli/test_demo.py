"""`billp demo`, on the tiny dataset in place of MovieLens-100k, and where it leads."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from billp.experiments import demo as demo_module
from tests.cli.conftest import Billp
from tests.cli.tiny import put_tiny


@pytest.fixture
def shown(
    billp: Billp, answered: None, own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    put_tiny(Path(own_folders) / "data", tmp_path / "source", "ml-100k")
    monkeypatch.setattr(demo_module, "prepare", lambda *_: None)
    said = billp("demo", "--episodes", "4", "--users", "3", "--horizon", "5")
    assert said.code == 0, said.err
    return said.out.splitlines()


def test_it_says_what_learning_changed_and_leads_on(billp: Billp, shown: list[str]):
    words = "\n".join(shown)
    assert re.search(r"changed R_traj by [-+]\d", words)
    assert "The memory is called demo" in words

    led = [match[1] for line in shown if (match := re.search(r"  billp (.+)$", line))]
    assert [command.split()[0] for command in led] == ["report", "ui", "memory"]
    for command in led:
        if command != "ui":
            said = billp(*shlex.split(command))
            assert said.code == 0, said.err


def test_the_next_demo_begins_its_memory_anew(billp: Billp, shown: list[str]):
    before = billp("memory", "stats", "--memory", "demo", "--json").json["counts"]
    said = billp("demo", "--episodes", "4", "--users", "3", "--horizon", "5", "--json")
    assert said.code == 0
    assert said.json["memory"] == "demo"
    assert billp("memory", "stats", "--memory", "demo", "--json").json["counts"] == before
