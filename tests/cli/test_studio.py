"""`billp studio`: how the development server is started, and what is said where it is not installed."""

from __future__ import annotations

import os

import pytest

import commands.studio
from tests.cli.conftest import Billp


def test_it_becomes_langgraphs_development_server(billp: Billp, monkeypatch: pytest.MonkeyPatch):
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, command: started.append(command))
    assert billp("studio", "--port", "2025").code == 0
    ((_, *words),) = started
    assert words[:3] == ["-m", "langgraph_cli", "dev"]
    assert " ".join(words).endswith("langgraph.json --host 127.0.0.1 --port 2025 --n-jobs-per-worker 10")


def test_without_the_extra_it_says_how_to_get_it(billp: Billp, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commands.studio, "find_spec", lambda _name: None)
    said = billp("studio")
    assert said.code == 2
    assert "pip install -e '.[studio]'" in said.words
    assert "Elastic License" in said.words
