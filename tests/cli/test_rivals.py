"""Rivals from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Billp

TINY = ("--dataset", "tiny")


def test_a_rival_is_evaluated_compared_and_shown_like_any_method(billp: Billp, tiny: Path, hashed: None):
    said = billp("evaluate", "--method", "mmr", *TINY, "--users", "4", "--run", "e", "--json")
    assert said.code == 0
    assert said.json["episodes"] == 4
    plan = json.loads((Path(os.environ["BILLP_RUNS_DIR"]) / "e/config.json").read_text())["plan"]
    assert plan["rival"].keys() == {"window", "weight", "noise"}
    again = billp("evaluate", "--method", "mmr", *TINY, "--users", "4", "--run", "e", "--resume", "--json")
    assert again.json == said.json
    shown = billp("episode", "--method", "round-robin", *TINY, "--user", "u0")
    assert shown.code == 0
    assert "R_traj" in shown.out


def test_a_rival_that_learns_is_trained_kept_and_evaluated(billp: Billp, tiny: Path, hashed: None):
    refused = billp("evaluate", "--method", "diverse-learned", *TINY, "--users", "3")
    assert refused.code == 2
    assert "train it with `billp train --method diverse-learned --dataset tiny`" in refused.words
    trained = billp(
        "train", "--method", "diverse-learned", *TINY, "--episodes", "12", "--memory", "mine", "--run", "t", "--json"
    )
    assert trained.code == 0
    assert trained.json["episodes"] == 12
    assert (tiny / "policies/tiny/mine/lessons.json").is_file()
    assert not list(tiny.glob("memory/**/mine*"))
    untrained = billp("evaluate", "--method", "diverse-learned", *TINY, "--memory", "mine", "--untrained")
    assert (untrained.code, "knows nothing before it learned" in untrained.words) == (2, True)
    taught = billp("episode", "--method", "diverse-learned", *TINY, "--user", "u0", "--learn")
    assert (taught.code, "has no memory to train" in taught.words) == (2, True)
    said = billp("evaluate", "--method", "diverse-learned", *TINY, "--users", "3", "--memory", "mine", "--json")
    assert said.code == 0
    assert said.json["episodes"] == 3


def test_rivals_are_compared_and_what_is_over_is_only_read(billp: Billp, tiny: Path, hashed: None):
    methods = "random,mmr,diverse-learned"
    arguments = ("compare", "--methods", methods, *TINY, "--users", "4", "--episodes", "10", "--probe-at", "0")
    said = billp(*arguments, "--probe-users", "2", "--run", "c", "--json")
    assert said.code == 0
    assert said.json["methods"].keys() == {"random", "mmr", "diverse-learned"}
    assert "in the train world, separately for each seed: mmr." in said.json["caption"]
    assert said.json["training"]["diverse-learned"]["episodes"] == 10
    assert [point["trained"] for point in said.json["curve"] if point["arm"] == "diverse-learned"] == [0, 10]
    again = billp(*arguments, "--probe-users", "2", "--run", "c", "--resume", "--json")
    assert again.json["methods"] == said.json["methods"]


def test_a_training_that_was_broken_off_before_its_lessons_were_kept_has_not_ended(
    billp: Billp, tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    train = ["train", "--method", "linucb", *TINY, "--episodes", "2", "--run", "t"]
    with monkeypatch.context() as patch:
        patch.setattr("billp.experiments.runs.training.keep_lessons", broken)
        assert billp(*train).code == 130
    assert billp("runs", "show", "t", "--json").json["state"] == "interrupted"
    assert billp(*train, "--resume").code == 0
    assert billp("runs", "show", "t", "--json").json["state"] == "finished"
