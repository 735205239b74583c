"""Reinforcement-learning methods from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from billp.experiments.policies import policy_training as training
from tests.cli.conftest import Billp

TINY = ("--dataset", "tiny")


@pytest.fixture
def trained(billp: Billp, tiny: Path, hashed: None) -> Path:
    said = billp("train", "--method", "a2c", *TINY, "--epochs", "1", "--run", "t", "--json")
    assert said.code == 0
    assert said.json["epochs"] == 1
    assert said.json["steps"] > 1000
    assert said.json["train_users"]["r_traj"] > 0
    return Path(said.json["policy"])


def test_a_policy_is_trained_kept_and_evaluated_like_any_method(billp: Billp, tiny: Path, trained: Path):
    assert trained == tiny / "policies/tiny/a2c"
    assert {path.name for path in trained.iterdir()} == {"policy.json", "policy.safetensors"}

    said = billp("evaluate", "--method", "a2c", *TINY, "--users", "3", "--run", "e", "--json")
    again = billp("evaluate", "--method", "a2c", *TINY, "--users", "3", "--run", "f", "--json")
    random = billp("evaluate", "--method", "random", *TINY, "--users", "3", "--json")

    assert said.code == 0
    assert said.json.keys() == random.json.keys()
    assert said.json["r_traj"] == again.json["r_traj"]
    assert billp("episode", "--method", "a2c", *TINY, "--user", "u0").code == 0
    plan = json.loads((Path(os.environ["BILLP_RUNS_DIR"]) / "e/config.json").read_text())["plan"]
    assert plan["policy"] == json.loads((trained / "policy.json").read_text())["sha256"]

    resumed = billp("train", "--method", "a2c", *TINY, "--epochs", "1", "--run", "t", "--resume")
    assert "measured on train users" in resumed.out
    assert "now it is 2" in billp("train", "--method", "a2c", *TINY, "--epochs", "2", "--run", "t", "--resume").words

    (trained / "policy.safetensors").write_bytes(b"no weights")
    damaged = billp("evaluate", "--method", "a2c", *TINY, "--users", "3")
    assert damaged.code == 2
    assert "missing or damaged; train it with `billp train --method a2c --dataset tiny`" in damaged.words


def test_policies_are_compared_with_other_methods_on_the_same_users(billp: Billp, tiny: Path, hashed: None):
    arguments = ("compare", "--methods", "random,a2c", *TINY, "--epochs", "1", "--users", "4", "--run", "c")
    said = billp(*arguments, "--json")

    assert said.code == 0
    assert said.json["methods"]["a2c"]["episodes"] == said.json["methods"]["random"]["episodes"] == 4
    assert {(pair["a"], pair["b"], pair["pairs"]) for pair in said.json["pairs"]} == {("a2c", "random", 4)}
    assert said.json["methods"]["a2c"]["llm_calls_per_step"] == 0
    [policy] = said.json["policies"]
    assert (policy["arm"], policy["seeds"], policy["passes"]) == ("a2c", 1, [])
    [point] = policy["curve"]
    assert point["steps"] == policy["steps"] > 0 < point["held_out"] != point["train_users"]
    again = billp(*arguments, "--resume", "--json")
    assert again.json["methods"]["a2c"]["r_traj"] == said.json["methods"]["a2c"]["r_traj"]
    wider = billp(*(("6" if word == "4" else word) for word in arguments), "--resume", "--json")
    assert (wider.code, wider.json["methods"]["a2c"]["episodes"]) == (0, 6)
    assert "policies" in billp(*(("6" if word == "4" else word) for word in arguments), "--resume").out


def test_hyperparameters_are_tried_on_train_users_and_a_search_goes_on(billp: Billp, tiny: Path, hashed: None):
    arguments = ("tune", "--method", "bcq", *TINY, "--trials", "2", "--epochs", "2", "--run", "s")
    said = billp(*arguments, "--json")
    assert said.code == 0
    trials = said.json["trials"]
    assert len(trials) == 2
    assert {} in [trial["changes"] for trial in trials], "the file as it is is tried too"
    assert trials[0]["held_out"]["r_traj"] >= trials[1]["held_out"]["r_traj"]
    assert all(1 <= trial["epoch"] <= trial["epochs"] == 2 for trial in trials)

    assert billp("runs", "show", "s", "--json").json["state"] == "finished"
    (Path(os.environ["BILLP_RUNS_DIR"]) / "s/trial-1/trial.json").unlink()
    assert billp("runs", "show", "s", "--json").json["state"] == "interrupted"

    again = billp(*arguments, "--resume")
    assert "nothing" in again.out
    assert "bcq: R_traj of train users" in again.out
    assert f"{trials[0]['held_out']['r_traj']:.1f}" in again.out
    refused = billp("tune", "--method", "bcq", *TINY, "--trials", "2", "--epochs", "3", "--run", "s", "--resume")
    assert "made with plan.hyperparameters.epochs=2, now it is 3" in refused.words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tune", "--method", "billp", *TINY), "billp has no policy whose training could be tuned"),
        (("evaluate", "--method", "dqn", *TINY), "train it with `billp train --method dqn --dataset tiny`"),
        (("train", "--method", "dqn", *TINY, "--episodes", "3"), "dqn learns for epochs; give --epochs"),
        (("train", "--method", "billp", *TINY, "--epochs", "3"), "billp learns from episodes; give --episodes"),
        (("train", "--method", "dqn", *TINY, "--epochs", "1", "--memory", "../x"), "cannot be the name of a policy"),
        (
            ("train", "--method", "linucb", *TINY, "--episodes", "1", "--memory", "a/b"),
            "cannot be the name of a policy",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence_before_any_work(
    billp: Billp, tiny: Path, hashed: None, arguments: tuple[str, ...], words: str
):
    said = billp(*arguments)
    assert said.code == 2
    assert words in said.words
    assert not (tiny.parent / "runs").exists()


@pytest.mark.parametrize(
    "command", [("train", "--method", "dqn"), ("compare", "--methods", "random,dqn", "--users", "3")]
)
def test_without_the_extra_it_says_how_to_get_it(
    billp: Billp, tiny: Path, hashed: None, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    said = billp(*command, *TINY)
    assert said.code == 2
    assert "tianshou, which is not installed; run `pip install -e '.[rl]'`" in said.words
