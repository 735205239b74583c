"""`billp doctor`: what it looks at, and that one thing which fails stops nothing else."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from billp.memory import SentenceEmbedder, Vector
from tests.cli.conftest import Billp
from tests.fakes.embedder import HashEmbedder

CHECKS = ["prompts", "data", "embedder", "memory", "model", "knowledge", "offline"]


def test_a_sound_installation_is_told_line_by_line(billp: Billp, tiny: Path, answered: None):
    said = billp("doctor")
    assert said.code == 0, said.words
    for words in (
        "is whole",
        f"tiny with simulator, in {tiny}",
        "hash, 32 numbers a text",
        "opens for writing, and all memories there are (0) can be read",
        "http://llm/v1: seeds and schemas kept, log-probabilities given",
        "no connection beyond this machine but to the servers you named",
        f"python {platform.python_version()}",
    ):
        assert " ".join(words.split()) in said.words, words
    assert "not ok" not in said.words
    said = billp("doctor", "--json")
    assert (said.code, said.json["ok"]) == (0, True)
    assert [check["name"] for check in said.json["checks"]] == CHECKS
    assert all(check["ok"] and check["seen"] for check in said.json["checks"])
    assert said.json["versions"]["python"] == platform.python_version()
    assert {"chromadb", "langgraph", "torch"} <= said.json["versions"].keys()


def test_memories_are_opened_and_counted(billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch):
    assert billp("train", "--dataset", "tiny", "--memory", "mine", "--episodes", "1").code == 0
    assert "all memories there are (1) can be read" in billp("doctor").words
    monkeypatch.setattr(SentenceEmbedder, "name", "another")
    assert failed(billp).keys() == {"memory"}


def test_a_fault_that_was_foreseen_is_told_with_its_remedy(billp: Billp, tiny: Path, answered: None):
    shutil.rmtree(tiny / "simulators")
    said = failed(billp)
    assert said.keys() == {"data"}
    assert "billp simulator build" in said["data"]


def test_a_check_that_breaks_is_a_failed_check_that_names_what_broke(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch
):
    def broken(self: HashEmbedder, texts: Sequence[str]) -> Vector:
        raise RuntimeError("out of tune")

    monkeypatch.setattr(HashEmbedder, "embed", broken)
    said = failed(billp)
    assert said.keys() == {"embedder"}
    assert "broke with RuntimeError (out of tune); `billp --verbose doctor` shows where" in said["embedder"]


def test_an_llm_that_breaks_is_a_failed_check_too(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise OSError("no such instruction")

    monkeypatch.setattr("billp.graphs.resources.start", broken)
    said = failed(billp)
    assert said.keys() == {"model"}
    assert "broke with OSError (no such instruction)" in said["model"]


def test_a_model_file_that_is_not_there_is_a_failed_check_and_ends_other_commands_with_2(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BILLP_LLM_GGUF", "nowhere.gguf")
    assert failed(billp).keys() == {"model"}
    said = billp("episode", "--dataset", "tiny", "--method", "act-only", "--user", "u0")
    assert said.code == 2
    assert "There is no model file nowhere.gguf; set BILLP_LLM_GGUF to a GGUF file." in said.words
    assert not Path(os.environ["BILLP_RUNS_DIR"]).exists()


def failed(billp: Billp) -> dict[str, str]:
    """The checks that are not well, and what each saw."""
    said = billp("doctor", "--json")
    assert (said.code, said.json["ok"]) == (1, False)
    assert [check["name"] for check in said.json["checks"]] == CHECKS
    return {check["name"]: check["seen"] for check in said.json["checks"] if not check["ok"]}
