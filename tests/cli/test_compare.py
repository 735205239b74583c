"""`billp compare` from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from billp.agents.prompt_pack import DEFAULT_PACK, TERSE_PACK
from tests.cli.conftest import Billp

SMALL = ("--dataset", "tiny", "--episodes", "3", "--users", "4", "--set", "run.batch=3", "--run", "c")


def test_it_prints_one_json_object_stores_the_same_and_can_be_asked_again(billp: Billp, tiny: Path, answered: None):
    arguments = ("compare", "--methods", "shortlist-random,billp", "--probe-every", "3", "--probe-users", "2", *SMALL)

    said = billp(*arguments, "--json")

    assert said.code == 0
    assert said.json.keys() >= {"methods", "pairs", "curve", "settings"}
    evaluated = billp("evaluate", "--method", "random", "--dataset", "tiny", "--users", "2", "--json").json
    assert said.json["methods"]["billp"].keys() == evaluated.keys()
    assert {(pair["a"], pair["b"]) for pair in said.json["pairs"]} == {("billp", "shortlist-random")}
    assert said.json["pairs"][0].keys() >= {"a", "b", "metric", "difference", "ratio"}
    folder = Path(os.environ["BILLP_RUNS_DIR"]) / "c"
    stored = json.loads((folder / "comparison.json").read_text())
    assert stored == {name: value for name, value in said.json.items() if name != "run"}

    assert "add --resume" in billp(*arguments).words
    again = billp(*arguments, "--resume")
    assert again.code == 0
    for words in ("against shortlist-random", "beyond accuracy", "R_traj of 2 probe users"):
        assert words in again.out


def test_the_probe_stays_as_it_was_when_users_are_added(billp: Billp, tiny: Path, hashed: None):
    arguments = ("compare", "--methods", "random,billp-memory-only", "--probe-every", "3", *SMALL)
    few = billp(*arguments, "--json")
    assert {point["users"] for point in few.json["curve"]} == {4}
    more = billp(*("6" if word == "4" else word for word in arguments), "--resume", "--json")
    assert more.code == 0, more.words
    assert more.json["users"] == 6
    assert more.json["curve"] == few.json["curve"]


def test_a_curve_is_drawn_at_the_numbers_of_episodes_that_are_named(billp: Billp, tiny: Path, hashed: None):
    methods = ("--methods", "random,billp-memory-only")
    few = (*methods, "--dataset", "tiny", "--users", "4", "--set", "run.batch=3", "--run", "c", "--json")
    said = billp("compare", *few, "--episodes", "9", "--probe-at", "6,0,9")

    assert said.code == 0, said.words
    assert [point["trained"] for point in said.json["curve"]] == [0, 6, 9], "the last is the evaluation's"
    every = billp("compare", *few[:-3], "--run", "every", "--json", "--episodes", "9", "--probe-every", "6")
    assert every.json["curve"] == said.json["curve"]


def test_two_prompt_packs_are_two_arms(billp: Billp, tiny: Path, answered: None):
    packs = f"{DEFAULT_PACK},{TERSE_PACK}"
    said = billp("compare", "--methods", "act-only", "--prompts", packs, *SMALL, "--json")

    assert said.code == 0
    assert list(said.json["methods"]) == ["act-only@default", "act-only@terse"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--methods", "billp"), "only billp to compare"),
        (("--methods", "billp,bilp"), "no method 'bilp'"),
        (("--methods", "random,popular", "--base", "react"), "base 'react' is not compared"),
        (("--methods", "random,popular", "--prompts", "nowhere"), "nowhere"),
        (("--methods", "random,popular", "--seeds", "0,0"), "names a seed twice"),
        (("--methods", "random,billp", "--probe-at", "0,x"), "'0,x' is not a list of numbers"),
        (("--methods", "random,billp", "--probe-at", "0", "--probe-every", "3"), "give one of"),
        (("--methods", "random,billp", "--probe-at", "0,6"), "after 6 episodes is none"),
        (("--methods", "random,billp", "--probe-at", "3"), "a curve needs a point before the 3 episodes"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused_in_a_sentence(
    billp: Billp, tiny: Path, arguments: tuple[str, ...], words: str
):
    said = billp("compare", *arguments, *SMALL)

    assert said.code == 2
    assert words in said.words
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "c").exists()


def test_methods_come_in_the_order_they_were_named_in_everywhere(billp: Billp, tiny: Path, hashed: None):
    methods = ["oracle", "random", "round-robin", "popular"]
    at = ("--dataset", "tiny", "--users", "3", "--seeds", "0,1", "--run", "c")
    said = billp("compare", "--methods", ",".join(methods), "--base", "random", *at, "--json")
    assert list(said.json["methods"]) == methods, said.words
    told = billp("report", "c", "--json").json
    assert [row["label"] for row in told["rows"]] == methods
    assert billp("runs", "list", "--json").json["runs"][0]["method"] == ", ".join(methods)
