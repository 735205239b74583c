"""`billp studio`: how the development server is started, and what is said where it is not installed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from billp.commands import studio
from tests.cli.conftest import Billp
from tests.test_house import ROOT


def test_it_becomes_langgraphs_development_server(billp: Billp, monkeypatch: pytest.MonkeyPatch):
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, command: started.append(command))
    assert billp("studio", "--port", "2025").code == 0
    ((_, *words),) = started
    assert words[:3] == ["-m", "langgraph_cli", "dev"]
    assert " ".join(words).endswith("--host 127.0.0.1 --port 2025 --n-jobs-per-worker 10")
    config = json.loads(Path(words[words.index("--config") + 1]).read_text())
    shipped = json.loads((ROOT / "langgraph.json").read_text())
    assert (config["env"], config["http"]["cors"]) == (shipped["env"], shipped["http"]["cors"])
    assert config["graphs"].keys() == shipped["graphs"].keys()
    for place in [*(graph["path"] for graph in config["graphs"].values()), config["http"]["app"]]:
        assert Path(place.partition(":")[0]).is_file(), "from whatever folder it is started"


def test_without_the_extra_it_says_how_to_get_it(billp: Billp, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(studio, "find_spec", lambda _name: None)
    said = billp("studio")
    assert said.code == 2
    assert "pip install -e '.[studio]'" in said.words
    assert "Elastic License" in said.words


def test_a_data_folder_that_cannot_be_written_is_named(billp: Billp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "studio").write_text("in the place of its folder")
    monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path))
    said = billp("studio")
    assert said.code == 2
    assert "cannot be written" in said.words
