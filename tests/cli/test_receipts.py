"""`billp memory show`, `blame` and `prune`: what they print, refuse and forget."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.plan import Plan
from billp.graphs import resources
from billp.memory import EpisodeUsage, open_memory
from billp.settings import load_settings
from billp.simulators import load_dataset
from tests.cli.conftest import Billp, ServedFake
from tests.fakes.embedder import HashEmbedder
from tests.memory import examples

AT = ("--dataset", "tiny", "--memory", "mine")


class Formless(ServedFake):
    """Its Reflector keeps to no form: a lesson is what the numbers say, and many say the same."""

    async def answer(self, request: Request) -> Reply:
        formless = request.role == "reflector" and request.schema is not None
        return Reply("Vary.") if formless else await super().answer(request)


@pytest.fixture
def trained(billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of a training run `run` of 6 episodes, in batches of 2, into the memory `mine`."""
    monkeypatch.setattr(resources, "ServerChat", Formless)
    return train(billp)


def train(billp: Billp) -> list[dict[str, Any]]:
    """What `trained` returns, by whatever model is served."""
    said = billp("train", *AT, "--episodes", "6", "--run", "run", "--set", "run.batch=2")
    assert said.code == 0, said.words
    return lines_of("run")


def lines_of(run: str) -> list[dict[str, Any]]:
    """The episodes of a run."""
    file = Path(os.environ["BILLP_RUNS_DIR"]) / run / "episodes.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def adds_up(told: dict[str, Any]) -> dict[str, Any]:
    """The candidate chosen, after a look whether scores, value and principles are the sums that they should be."""
    belief, value = told["belief"], told["belief"]["value"]
    (chosen,) = (candidate for candidate in told["candidates"] if candidate["chosen"])
    for candidate in told["candidates"]:
        whole = candidate["stars"] - belief["stake"] * candidate["risk"] + candidate["chance"]
        assert candidate["score"] == pytest.approx(whole, abs=0.01)
    assert value["known"] + value["own"] + value["bias"] == pytest.approx(chosen["stars"], abs=1e-4)
    costs = sum(principle["stars"] for principle in belief["principles"]) + belief["dislike"]
    assert costs == pytest.approx(-belief["stake"] * chosen["risk"], abs=1e-3)
    found: dict[str, Any] = chosen
    return found


def test_learning_leaves_a_receipt_and_resuming_changes_nothing(billp: Billp, trained: list[dict[str, Any]]):
    before = billp("memory", "list", "uses", *AT, "--json").json["records"]
    assert len(before) == 6
    recalled = trained[-1]["output"]["reflections"][0]["id"]
    first = billp("memory", "show", recalled, *AT, "--json").json
    used = [[id_ for r in line["output"]["reflections"] for id_ in (r["id"], *r["alike"])] for line in trained]
    count = sum(recalled in ids for ids in used)
    assert first["receipt"]["uses"] == first["receipt"]["episodes"] == count
    resumed = billp("train", *AT, "--episodes", "6", "--run", "run", "--resume", "--set", "run.batch=2")
    assert resumed.code == 0, resumed.words
    assert billp("memory", "list", "uses", *AT, "--json").json["records"] == before
    assert billp("memory", "show", recalled, *AT, "--json").json == first


def test_evaluation_leaves_no_receipt(billp: Billp, trained: list[dict[str, Any]]):
    before = billp("memory", "stats", *AT, "--json").json["counts"]
    assert billp("evaluate", *AT, "--users", "2").code == 0
    assert billp("memory", "stats", *AT, "--json").json["counts"] == before


def test_show_says_words_numbers_origin_and_receipt(billp: Billp, tiny: Path, answered: None):
    method = ("--method", "billp-llm-only", "--set", "run.batch=1", "--set", "memory.actor_distance=9")
    assert billp("train", *AT, "--episodes", "3", "--run", "run", *method).code == 0
    steps = [step for line in lines_of("run") for step in line["output"]["steps"]]
    id_ = next(step["experiences"][0] for step in steps if step["experiences"])
    shown = billp("memory", "show", id_, *AT, "--json").json
    assert (shown["kind"], shown["id"], shown["origin"]["run"]) == ("actor", id_, "run")
    assert shown["receipt"]["uses"] == sum(id_ in step["experiences"] for step in steps) > 0
    words = billp("memory", "show", id_, *AT).words
    assert "Learned from" in words
    assert "receipt used" in words


def test_a_remembered_value_says_where_it_was_read_and_what_came_there(billp: Billp, trained: list[dict[str, Any]]):
    assert not any(line["output"]["valued"] for line in trained[:2]), "memory was empty"
    line = trained[2]
    first, numbers = next(iter(line["output"]["valued"].items()))
    gains = [[each["advantage"] for each in other["output"]["steps"]] for other in trained]
    read = [other["output"]["valued"].get(first, []) for other in trained]
    assert all(number <= len(steps) for steps, found in zip(gains, read, strict=True) for number in found)
    receipt = billp("memory", "show", first, *AT, "--json").json["receipt"]
    assert (receipt["uses"], receipt["episodes"]) == (sum(map(len, read)), sum(map(bool, read)))
    valued = [
        steps[number - 1]
        for steps, other in zip(gains, trained, strict=True)
        for number in {n for found in other["output"]["valued"].values() for n in found}
    ]
    usual = sum(valued) / len(valued)
    assert len(valued) < sum(map(len, gains)), "the first episodes had nothing to remember"
    means = [sum(steps[n - 1] for n in found) / len(found) for steps, found in zip(gains, read, strict=True) if found]
    assert receipt["change"] == pytest.approx(sum(means) / len(means) - usual, abs=0.001)
    told = billp("memory", "blame", "run", line["id"], numbers[0], "--json").json
    (behind,) = (each for each in told["valued"] if each["id"] == first)
    assert behind["receipt"] == receipt
    assert behind["text"] == f"{billp('memory', 'show', first, *AT, '--json').json['fields']['value']:.2f}"
    assert (
        "Similar states by which the Critic valued this one"
        in billp("memory", "blame", "run", line["id"], numbers[0]).words
    )


def test_blame_adds_up_and_agrees_with_the_record(billp: Billp, trained: list[dict[str, Any]]):
    line = next(line for line in trained if line["batch"] == 2)
    number = len(line["output"]["steps"])
    record = line["output"]["steps"][-1]
    told = billp("memory", "blame", "run", line["id"], number, "--examples", 100, "--json").json
    assert told["as_it_was"], "memory without what later batches taught believes what was recorded"
    assert [c["item"] for c in told["candidates"]] == record["shortlist"]
    assert [c["score"] for c in told["candidates"]] == record["advantages"]
    assert any(abs(candidate["chance"]) > 0.01 for candidate in told["candidates"]), "training draws from what may be"
    belief = told["belief"]
    chosen = adds_up(told)
    assert chosen["item"] == record["item"]
    learned = [other for other in trained if other["batch"] < 2]
    expected = {
        f"actor/run/{other['id']}/{step['number']:04d}": (step["reward"], step["reason"] not in ("", "horizon"))
        for other in learned
        for step in other["output"]["steps"]
        if step["item"] == record["item"]
    }
    assert {seen["id"]: (seen["reward"], seen["left"]) for seen in belief["experiences"]} == expected
    value = belief["value"]
    assert value["answers"] == len(expected)
    assert value["answer"] == (
        pytest.approx(sum(r for r, _ in expected.values()) / len(expected)) if expected else None
    )
    recalled = [id_ for r in line["output"]["reflections"] for id_ in (r["id"], *r["alike"])]
    assert {r["id"] for r in told["reflections"] if r["recalled"]} == set(recalled)
    assert len(recalled) > len(line["output"]["reflections"]), "some say the same as others"
    assert len(told["reflections"]) == 4, "all that made the plan"
    assert told["pooled"] == 4
    words = billp("memory", "blame", "run", line["id"], number).words
    assert "Principles at work, where a user's leaving costs" in words
    assert "differs from what the step knew" not in words


def test_blame_of_an_evaluated_step_says_what_the_draw_added(billp: Billp, trained: list[dict[str, Any]]):
    for name, variety in (("seen", 0.0), ("varied", 0.3)):
        assert billp("evaluate", *AT, "--users", "1", "--run", name, "--set", f"actor.variety={variety}").code == 0
        (line,) = lines_of(name)
        told = billp("memory", "blame", name, line["id"], 2, "--examples", 100, "--json").json
        assert told["as_it_was"]
        adds_up(told)
        assert any(abs(candidate["chance"]) > 0.001 for candidate in told["candidates"]) == bool(variety)
        assert [c["stars"] for c in told["candidates"]] == pytest.approx(
            line["output"]["steps"][1]["likings"], abs=1e-3
        )


@pytest.mark.parametrize(("method", "logs"), [("billp-memory-only", True), ("billp-memory-only-no-logs", False)])
def test_blame_of_many_at_once_names_the_principles_at_work(
    billp: Billp, tiny: Path, hashed: None, method: str, logs: bool
):
    chosen = ("--method", method, "--set", "run.batch=2")
    assert billp("train", *AT, *chosen, "--episodes", "4", "--run", "run").code == 0
    easy = ("--dataset", "tiny", "--memory", "other", *chosen, "--set", "actor.caution=0")
    assert billp("train", *easy, "--episodes", "4", "--run", "easy").code == 0
    line = max(lines_of("run"), key=lambda line: len(line["output"]["steps"]))
    shown = [step["title"] for step in line["output"]["steps"]]
    named = 0
    for number in range(1, len(shown) + 1):
        told = billp("memory", "blame", "run", line["id"], number, "--examples", 100, "--json").json
        assert told["as_it_was"]
        adds_up(told)
        assert bool(told["belief"]["value"]["ratings"]) == logs
        for principle in told["belief"]["principles"]:
            assert principle["stars"] < 0 < principle["level"] <= principle["levels"]
            assert set(principle["after"]) <= set(shown[: number - 1][-principle["span"] :])
            named += 1
    assert named
    told = billp("memory", "blame", "easy", "train-0-3", 2, "--json").json
    assert (told["belief"]["stake"], told["belief"]["principles"], told["belief"]["dislike"]) == (0, [], 0)
    assert "Principles at work" not in billp("memory", "blame", "easy", "train-0-3", 2).words


def test_blame_tells_no_belief_where_the_llm_chose(billp: Billp, trained: list[dict[str, Any]]):
    method = ("--method", "billp-llm-only", "--set", "memory.actor_distance=9")
    assert billp("evaluate", *AT, *method, "--users", "1", "--run", "words").code == 0
    (line,) = lines_of("words")
    record = line["output"]["steps"][0]
    told = billp("memory", "blame", "words", line["id"], 1, "--json").json
    assert (told["as_it_was"], told["belief"]) == (True, None)
    assert [c["preference"] for c in told["candidates"]] == record["preferences"]
    assert [read["id"] for read in told["retrieved"]] == record["experiences"] != []
    words = billp("memory", "blame", "words", line["id"], 1).words
    assert "Experiences retrieved" in words
    assert "differs from what the step knew" not in words


def test_blame_says_where_memory_has_changed(billp: Billp, trained: list[dict[str, Any]]):
    assert billp("memory", "clear", *AT, "--kind", "actor", "--yes").code == 0
    line = trained[-1]
    told = billp("memory", "blame", "run", line["id"], 1, "--json").json
    assert not told["as_it_was"]
    assert told["belief"]["experiences"] == []
    assert "differs from what the step knew" in billp("memory", "blame", "run", line["id"], 1).words


def test_blame_says_what_a_reflection_moved(billp: Billp, tiny: Path, answered: None):
    method = ("--set", "run.batch=1", "--set", "planner.caution=0", "--set", "planner.lean=0")
    assert billp("train", *AT, "--episodes", "4", "--run", "run", *method).code == 0
    catalogue = load_dataset(tiny, "tiny").catalogue
    moved = []
    for number, line in enumerate(lines_of("run")):
        told = billp("memory", "blame", "run", line["id"], 2, "--json").json
        assert told["as_it_was"], number
        assert told["pooled"] == len(told["reflections"]) == number
        moved.append([lesson["stars"] for lesson in told["reflections"]])
        if number == 1:
            first, second = (catalogue[step["item"]] for step in line["output"]["steps"][:2])
            fit = Plan(**told["plan"]).fit(second, [first])
            assert moved[-1] == [pytest.approx(fit, abs=0.001)], "without it there is no plan"
    assert any(stars for row in moved for stars in row)
    words = billp("memory", "blame", "run", "train-0-3", 2).words
    assert "Reflections, and what they moved in the plan" in words
    assert billp("memory", "clear", *AT, "--kind", "reflections", "--yes").code == 0
    told = billp("memory", "blame", "run", "train-0-3", 2, "--json").json
    assert (told["as_it_was"], told["pooled"]) == (False, 0)


def test_a_first_step_has_nothing_learned_behind_it(billp: Billp, trained: list[dict[str, Any]]):
    told = billp("memory", "blame", "run", trained[0]["id"], 1, "--json").json
    assert (told["reflections"], told["pooled"]) == ([], 0)
    assert (told["belief"]["principles"], told["belief"]["experiences"]) == ([], [])
    assert told["belief"]["value"]["answers"] == 0


def test_prune_shows_first_and_forgets_what_harms_with_a_yes(billp: Billp, trained: list[dict[str, Any]]):
    bad, spared = (f"reflections/run/{line['id']}/-001" for line in trained[:2])
    with open_memory(load_settings(), "tiny", "mine", HashEmbedder()) as agent_memory:
        for number in range(40):
            recalled = (bad,) if number >= 30 else (spared,)
            reward = number % 3 - (50.0 if number >= 30 else 0.0)
            agent_memory.usage.write(examples.usage(number, reward, EpisodeUsage(recalled), "other"))
    dry = billp("memory", "prune", *AT, "--json").json
    assert (dry["forgotten"], [record["id"] for record in dry["records"]]) == (False, [bad])
    assert dry["records"][0]["receipt"]["episodes"] >= 10
    assert "1 record of memory mine would be forgotten; add --yes" in billp("memory", "prune", *AT).words
    assert billp("memory", "show", bad, *AT).code == 0
    assert "1 record of memory mine forgotten" in billp("memory", "prune", *AT, "--yes").words
    assert billp("memory", "show", bad, *AT).code == 2
    assert billp("memory", "show", spared, *AT).code == 0
    assert billp("memory", "prune", *AT, "--json").json["records"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "actor/run/none/0001", *AT], "Memory 'mine' of 'tiny' has no record 'actor/run/none/0001'"),
        (["show", "nonsense", *AT], "has no record 'nonsense'"),
        (["blame", "nowhere", "e", "1"], "There is no run 'nowhere'"),
        (["blame", "run", "nobody", "1"], "There is no episode 'nobody'"),
        (["blame", "run", "train-0-0", "0"], "Input should be greater than or equal to 1"),
        (["blame", "run", "train-0-0", "99"], "Episode train-0-0 has steps 1 to"),
        (["prune", *AT, "--least", "1"], "Input should be greater than or equal to 2"),
    ],
)
def test_what_is_not_there_is_named(billp: Billp, trained: list[dict[str, Any]], arguments: list[str], words: str):
    said = billp("memory", *arguments)
    assert said.code == 2
    assert words in said.words


def test_blame_of_a_comparisons_training_leaves_out_what_it_could_not_know(billp: Billp, tiny: Path, hashed: None):
    arguments = ("--methods", "random,billp-memory-only", "--dataset", "tiny", "--episodes", "6", "--users", "2")
    assert billp("compare", *arguments, "--set", "run.batch=2", "--run", "c").code == 0
    told = billp(
        "memory", "blame", "c/billp-memory-only/seed-0/training", "train-0-2", 1, "--examples", 100, "--json"
    ).json
    assert told["as_it_was"]
    assert {seen["id"].split("/")[2] for seen in told["belief"]["experiences"]} <= {"train-0-0", "train-0-1"}
    assert told["belief"]["value"]["answers"] == len(told["belief"]["experiences"])


def test_principles_are_what_held_of_the_claims(billp: Billp, tiny: Path, answered: None):
    claims = [json.loads(line["output"]["claim"]) for line in train(billp) if line["output"]["claim"]]
    assert claims, "users left, and the Reflector said why"
    told = billp("memory", "principles", *AT, "--json").json["principles"]
    held = [claim for claim in claims if claim["holds"]]
    assert sum(principle["claims"] for principle in told) == len(held)
    assert {principle["cause"] for principle in told} == {claim["cause"] for claim in held}
    words = billp("memory", "principles", *AT).words
    assert ("No claim in memory mine of tiny held" in words) == (not held)
    assert all(principle["state"] in words for principle in told)
