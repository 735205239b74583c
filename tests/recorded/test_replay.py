"""A run recorded with the embedded LLM is replayed without it and comes out as it was."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

import billp.graphs.resources
from tests.recorded.play import DATA, EPISODES, FILES, TAPE, play

ANEW = "If that is meant, record the run anew with `python -m tests.recorded.play` and commit tests/recorded/files."


def differences(old: object, new: object, where: str = "") -> list[str]:
    """Where `new` differs from `old`; real numbers may differ as processors' last digits do."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            found
            for name in sorted(old.keys() | new.keys())
            for found in differences(old.get(name), new.get(name), f"{where}/{name}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            found for i, pair in enumerate(zip(old, new, strict=True)) for found in differences(*pair, f"{where}/{i}")
        ]
    if isinstance(old, float) and isinstance(new, float) and math.isclose(old, new, rel_tol=1e-4, abs_tol=1e-4):
        return []
    return [] if old == new else [f"{where}: {old!r} became {new!r}"]


async def test_the_recorded_run_comes_out_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_server(_: object) -> None:
        raise AssertionError("a replay starts no model")

    monkeypatch.setattr(billp.graphs.resources, "start", no_server)
    shutil.copytree(FILES / DATA, tmp_path / DATA)
    tape = tmp_path / TAPE
    shutil.copy(FILES / TAPE, tape)
    recorded = json.loads((FILES / EPISODES).read_text(encoding="utf-8"))
    replayed = await play(tmp_path, tape, "replay")
    found = differences(recorded, replayed)
    assert not found, "\n".join([f"The replayed run is not the recorded one. {ANEW}", *found[:20]])
    assert tape.read_bytes() == (FILES / TAPE).read_bytes()


def test_the_recorded_run_is_worth_replaying():
    recorded = json.loads((FILES / EPISODES).read_text(encoding="utf-8"))
    outputs = [line["output"] for line in recorded.values()]
    assert all(line["status"] == "finished" for line in recorded.values()), ANEW
    assert any(output["reflections"] for output in outputs), "memory is read"
    steps = [step for output in outputs for step in output["steps"]]
    assert any(step["experiences"] for step in steps)
    assert any(step["preferences"] for step in steps), "the LLM chooses"
    assert any(any(step["support"]) for step in steps), "memory chooses by what was answered"
    assert len({step["item"] for output in outputs for step in output["steps"]}) > 5
    assert any(output["reflection"] for output in outputs)


def test_differences_are_noticed():
    old: dict[str, object] = {"a": [1, 2.0, "x"], "b": None}
    assert differences(old, {"a": [1, 2.00001, "x"], "b": None}) == []
    others: list[dict[str, object]] = [
        {"a": [1, 2.1, "x"], "b": None},
        {"a": [1, 2.0], "b": None},
        {"a": [1, 2.0, "y"], "b": None},
        {"a": []},
    ]
    for new in others:
        assert differences(old, new)
