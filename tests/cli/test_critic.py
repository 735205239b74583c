"""`billp critic`: what it prints, refuses and leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Billp

AT = ("critic", "--dataset", "tiny", "--users", "4")


def test_both_ways_are_compared_as_json_and_as_tables(billp: Billp, tiny: Path, answered: None):
    said = billp(*AT, "--untrained", "--run", "one", "--json")
    assert said.code == 0
    assert said.json["ways"].keys() == {"logprobs", "sample"}
    assert said.json["ways"]["sample"]["bins"]
    run = Path(os.environ["BILLP_RUNS_DIR"]) / "one"
    assert json.loads((run / "critic.json").read_text()) == said.json
    assert billp(*AT, "--untrained", "--run", "one").code == 2
    again = billp(*AT, "--untrained", "--run", "one", "--resume")
    assert again.code == 0
    for words in ("rank correlation", "Reliability of logprobs", "Reliability of sample", "the horizon hides"):
        assert words in again.words
    assert json.loads((run / "critic.json").read_text()) == said.json


def test_a_study_that_was_broken_off_while_judging_has_not_ended(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch
):
    states: list[str] = []

    async def broken(*_: object) -> None:
        states.append(billp("runs", "show", "one", "--json").json["state"])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("billp.experiments.analysis.critic_study._judged", broken)
        assert billp(*AT, "--untrained", "--run", "one").code == 130
    states.append(billp("runs", "show", "one", "--json").json["state"])
    assert billp(*AT, "--untrained", "--run", "one", "--resume").code == 0
    states.append(billp("runs", "show", "one", "--json").json["state"])
    assert states == ["running", "interrupted", "finished"]


def test_one_way_can_be_asked_for(billp: Billp, tiny: Path, answered: None):
    said = billp(*AT, "--values", "sample", "--method", "random", "--json")
    assert said.code == 0
    assert said.json["ways"].keys() == {"sample"}
    assert said.json["memory"] == ""


def test_recorded_values_need_no_llm(billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch):
    billp("train", "--dataset", "tiny", "--episodes", "3", "--run", "one")
    monkeypatch.setattr("billp.graphs.resources.Resources.model", None)
    said = billp("critic", "--recorded", "one", "--json")
    assert said.code == 0
    assert said.json["ways"].keys() == {"logprobs"}
    assert billp("critic", "--recorded", "one").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--values", "guess"], "'guess' names other ways than logprobs, sample"),
        (["--values", ""], "names other ways"),
        (["--recorded", "nowhere"], "There is no run 'nowhere'"),
        (["--dataset", "nowhere"], "There is no dataset 'nowhere'"),
        (["--method", "bilp"], "There is no method 'bilp'"),
    ],
)
def test_bad_input_ends_with_2(billp: Billp, tiny: Path, answered: None, arguments: list[str], words: str):
    said = billp(*AT, *arguments)
    assert (said.code, words in said.words) == (2, True), said.words
