"""What the commands make of an LLM server that is down, unfit or failing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Billp
from tests.fakes.server import Script, serving


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_is_down_ends_with_1(billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("BILLP_LLM_RETRIES", "0")
    said = billp("evaluate", "--dataset", "tiny", "--method", "act-only", "--users", "2", "--json", "--run", "down")
    assert said.code == 1
    assert "is away" in said.words
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "down").exists(), "it is refused before the run begins"
    single = billp("episode", "--dataset", "tiny", "--method", "act-only", "--user", "u0")
    assert single.code == 1
    assert "is away" in single.words


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_says_nothing_is_refused(billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch):
    script = Script(nonsense=True)
    with serving(script) as base_url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", base_url)
        for command in (
            "train --episodes 1 --run r",
            "evaluate --untrained --users 1 --run r",
            "compare --users 1 --run r",
        ):
            said = billp(*command.split(), "--dataset", "tiny")
            assert said.code == 2, said.words
            assert f"{base_url} gives no words to a plain question: it said '?!'" in said.words
        assert len(script.bodies) == 3, "one call each"
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "r").exists()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_is_checked_once_a_run_and_not_for_methods_without_llm(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    script = Script()
    with serving(script) as base_url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", base_url)
        assert billp("evaluate", "--dataset", "tiny", "--method", "random", "--users", "2").code == 0
        assert script.bodies == []
        assert billp("evaluate", "--dataset", "tiny", "--method", "act-only", "--users", "4").code == 0
    asked = [body for body in script.bodies if "zyzzyva" in str(body)]
    assert len(asked) == 1
    assert asked[0] in script.bodies[:4]


@pytest.mark.integration
@pytest.mark.enable_socket
def test_episodes_that_a_failing_server_spoilt_are_recorded_as_failed(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BILLP_LLM_RETRIES", "0")
    with serving(Script(statuses=[200] * 4 + [500] * 99)) as base_url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", base_url)
        at = ("--dataset", "tiny", "--method", "act-only", "--users", "2", "--json", "--run", "failing")
        said = billp("evaluate", *at)
    assert said.code == 1
    assert said.json["failed"] == 2
    assert said.json["len"] == {"mean": None, "ci95": None, "note": "none finished"}
    lines = (Path(os.environ["BILLP_RUNS_DIR"]) / "failing" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["failed", "failed"]
    assert "status 500" in json.loads(lines[0])["error"]
