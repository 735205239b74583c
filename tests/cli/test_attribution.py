"""`billp memory show`, `attribution`, `principles` and `prune`: what they print, refuse and forget."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.graphs import resources
from billp.graphs.plans import plan_from
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


def attribution(billp: Billp, run: str, line: dict[str, Any], step: int, *more: object) -> dict[str, Any]:
    """What `billp memory attribution` tells of a step, with all that it has."""
    said = billp("memory", "attribution", run, line["id"], step, "--examples", 100, *more, "--json")
    assert said.code == 0, said.words
    told: dict[str, Any] = said.json
    return told


def test_learning_leaves_usage_and_neither_resuming_nor_evaluation_changes_it(
    billp: Billp, trained: list[dict[str, Any]]
):
    before = billp("memory", "list", "uses", *AT, "--json").json["records"]
    assert len(before) == 6
    recalled = trained[-1]["output"]["reflections"][0]["id"]
    first = billp("memory", "show", recalled, *AT, "--json").json
    used = [[id_ for r in line["output"]["reflections"] for id_ in (r["id"], *r["alike"])] for line in trained]
    assert first["usage"]["uses"] == first["usage"]["episodes"] == sum(recalled in ids for ids in used)
    resumed = billp("train", *AT, "--episodes", "6", "--run", "run", "--resume", "--set", "run.batch=2")
    assert resumed.code == 0, resumed.words
    assert billp("evaluate", *AT, "--users", "2").code == 0
    assert billp("memory", "list", "uses", *AT, "--json").json["records"] == before
    assert billp("memory", "show", recalled, *AT, "--json").json == first


def test_show_says_words_numbers_origin_and_usage(billp: Billp, tiny: Path, answered: None):
    method = ("--method", "billp-llm-only", "--set", "run.batch=1", "--set", "memory.actor_distance=9")
    assert billp("train", *AT, "--episodes", "3", "--run", "run", *method).code == 0
    steps = [step for line in lines_of("run") for step in line["output"]["steps"]]
    id_ = next(step["experiences"][0] for step in steps if step["experiences"])
    shown = billp("memory", "show", id_, *AT, "--json").json
    assert (shown["kind"], shown["id"], shown["origin"]["run"]) == ("actor", id_, "run")
    assert shown["usage"]["uses"] == sum(id_ in step["experiences"] for step in steps) > 0
    words = billp("memory", "show", id_, *AT).words
    assert "Learned from" in words
    assert "usage used" in words


def test_a_remembered_value_says_what_came_where_it_was_read(billp: Billp, trained: list[dict[str, Any]]):
    assert not any(line["output"]["valued"] for line in trained[:2]), "memory was empty"
    first = next(iter(trained[2]["output"]["valued"]))
    gains = [[each["advantage"] for each in other["output"]["steps"]] for other in trained]
    read = [other["output"]["valued"].get(first, []) for other in trained]
    usage = billp("memory", "show", first, *AT, "--json").json["usage"]
    assert (usage["uses"], usage["episodes"]) == (sum(map(len, read)), sum(map(bool, read)))
    valued = [
        steps[number - 1]
        for steps, other in zip(gains, trained, strict=True)
        for number in {n for found in other["output"]["valued"].values() for n in found}
    ]
    assert len(valued) < sum(map(len, gains)), "the first episodes had nothing to remember"
    means = [sum(steps[n - 1] for n in found) / len(found) for steps, found in zip(gains, read, strict=True) if found]
    assert usage["change"] == pytest.approx(sum(means) / len(means) - sum(valued) / len(valued), abs=0.001)


def test_attribution_agrees_with_the_record(billp: Billp, trained: list[dict[str, Any]]):
    line = next(line for line in trained if line["batch"] == 2)
    record, number = line["output"]["steps"][-1], len(line["output"]["steps"])
    told = attribution(billp, "run", line, number)
    assert told["as_it_was"], "memory without what later batches taught believes what was recorded"
    assert [each["item"]["index"] for each in told["step"]["candidates"]] == record["shortlist"]
    assert told["step"]["item"]["index"] == record["item"]
    known = {
        f"actor/run/{other['id']}/{step['number']:04d}"
        for other in trained
        for step in other["output"]["steps"]
        if other["batch"] < 2 and step["item"] == record["item"]
    }
    assert {each["id"] for each in told["records"] if each["id"].startswith("actor/")} == known
    recalled = [id_ for r in line["output"]["reflections"] for id_ in (r["id"], *r["alike"])]
    assert {each["id"] for each in told["records"] if each["read"]} == set(recalled)
    assert len(recalled) > len(line["output"]["reflections"]), "some say the same as others"
    assert len({each["id"] for each in told["records"]} - known) == told["pooled"] == 4, "all that made the plan"
    words = billp("memory", "attribution", "run", line["id"], number).words
    assert "what may make the user leave, at a cost of" in words
    assert "Records of memory behind it" in words
    assert "differs from what the step knew" not in words
    old = billp("memory", "blame", "run", line["id"], number)
    assert "`memory blame` is called `memory attribution` now" in old.words
    assert told["step"]["item"]["title"] in old.words
    assert "blame" not in billp("memory", "--help").words
    first = attribution(billp, "run", trained[0], 1)
    assert (first["records"], first["pooled"], first["belief"]["principles"]) == ([], 0, []), "nothing was learned yet"


def test_what_an_experience_moved_is_what_changes_when_it_is_forgotten(billp: Billp, tiny: Path, hashed: None):
    chosen = ("--method", "billp-memory-only", "--set", "run.batch=2", "--set", "actor.variety=0")
    assert billp("train", *AT, *chosen, "--episodes", "4", "--run", "run").code == 0
    assert billp("evaluate", *AT, *chosen, "--users", "1", "--run", "seen").code == 0
    (line,) = lines_of("seen")
    shown = [step["title"] for step in line["output"]["steps"]]
    for number in (1, len(shown)):
        told = attribution(billp, "seen", line, number)
        assert told["as_it_was"]
        (mine,) = (each for each in told["step"]["candidates"] if each["item"] == told["step"]["item"])
        costs = sum(each["stars"] for each in told["belief"]["principles"]) + told["belief"]["dislike"]
        assert costs == pytest.approx(mine["retention_effect"], abs=0.01)
        assert all(set(each["after"]) <= set(shown[: number - 1]) for each in told["belief"]["principles"])
    assert told["belief"]["principles"]
    told = attribution(billp, "seen", line, 1)
    (mine,) = (each for each in told["step"]["candidates"] if each["item"] == told["step"]["item"])
    moved = max(told["records"], key=lambda each: abs(each["stars"]))
    assert moved["stars"]
    words = billp("memory", "attribution", "seen", line["id"], 1, "--examples", 100).words
    assert all((each["id"] in words) == (abs(each["stars"]) >= 0.005) for each in told["records"])
    with open_memory(load_settings(), "tiny", "mine", HashEmbedder()) as agent_memory:
        agent_memory.forget([moved["id"]])
    assert billp("evaluate", *AT, *chosen, "--users", "1", "--run", "without").code == 0
    step = lines_of("without")[0]["output"]["steps"][0]
    now = step["advantages"][step["shortlist"].index(mine["item"]["index"])]
    assert mine["total"] - now == pytest.approx(moved["stars"], abs=0.001)
    assert not attribution(billp, "seen", line, 1)["as_it_was"]
    assert "differs from what the step knew" in billp("memory", "attribution", "seen", line["id"], 1).words


def test_the_parts_of_a_score_add_up_and_chance_is_told_apart(billp: Billp, trained: list[dict[str, Any]]):
    assert billp("evaluate", *AT, "--users", "1", "--run", "seen").code == 0
    (line,) = lines_of("seen")
    told = attribution(billp, "seen", line, len(line["output"]["steps"]))
    for seen, parts in zip(told["step"]["candidates"], told["candidates"], strict=True):
        assert seen["item"]["index"] == parts["item"]
        score = parts["item_effect"] + parts["retention_effect"] + parts["chance"]
        assert score == pytest.approx(seen["total"], abs=0.001)
        assert parts["retention_effect"] <= 0
    assert any(abs(parts["chance"]) > 0.01 for parts in told["candidates"])
    chosen = next(each for each in told["candidates"] if each["item"] == told["step"]["item"]["index"])
    costs = sum(each["stars"] for each in told["belief"]["principles"]) + told["belief"]["dislike"]
    assert costs == pytest.approx(chosen["retention_effect"], abs=0.001)
    assert "retention effect + chance" in billp("memory", "attribution", "seen", line["id"], 1).words


def test_attribution_tells_no_belief_where_the_llm_chose(billp: Billp, trained: list[dict[str, Any]]):
    method = ("--method", "billp-llm-only", "--set", "memory.actor_distance=9")
    assert billp("evaluate", *AT, *method, "--users", "1", "--run", "words").code == 0
    (line,) = lines_of("words")
    record = line["output"]["steps"][0]
    told = attribution(billp, "words", line, 1)
    assert (told["as_it_was"], told["belief"]) == (True, None)
    assert [each["llm"] for each in told["step"]["candidates"]] == record["preferences"]
    assert [read["id"] for read in told["records"] if read["id"].startswith("actor/")] == record["experiences"] != []


def test_attribution_says_what_a_reflection_moved(billp: Billp, tiny: Path, answered: None):
    method = ("--set", "run.batch=1", "--set", "planner.caution=0", "--set", "planner.plan_weight=0")
    assert billp("train", *AT, "--episodes", "4", "--run", "run", *method).code == 0
    catalogue = load_dataset(tiny, "tiny").catalogue
    moved = []
    for number, line in enumerate(lines_of("run")):
        told = attribution(billp, "run", line, 2)
        assert told["as_it_was"], number
        moved.append([each["stars"] for each in told["records"] if each["id"].startswith("reflections/")])
        assert told["pooled"] == len(moved[-1]) == number
        if number == 1:
            first, second = (catalogue[step["item"]] for step in line["output"]["steps"][:2])
            fit = plan_from(line["output"]["steps"][1]["plan"]).fit(second, [first])
            assert moved[-1] == [pytest.approx(fit, abs=0.001)], "without it there is no plan"
    assert any(stars for row in moved for stars in row)


def test_prune_shows_first_and_forgets_what_harms_with_a_yes(billp: Billp, trained: list[dict[str, Any]]):
    bad, spared = (f"reflections/run/{line['id']}/-001" for line in trained[:2])
    with open_memory(load_settings(), "tiny", "mine", HashEmbedder()) as agent_memory:
        for number in range(40):
            recalled = (bad,) if number >= 30 else (spared,)
            reward = number % 3 - (50.0 if number >= 30 else 0.0)
            agent_memory.usage.write([examples.usage(number, reward, EpisodeUsage(recalled), "other")])
    dry = billp("memory", "prune", *AT, "--json").json
    assert (dry["forgotten"], [record["id"] for record in dry["records"]]) == (False, [bad])
    assert dry["records"][0]["usage"]["episodes"] >= 10
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
        (["attribution", "nowhere", "e", "1"], "There is no run 'nowhere'"),
        (["attribution", "run", "nobody", "1"], "There is no episode 'nobody'"),
        (["attribution", "run", "train-0-0", "0"], "STEP must be at least 1"),
        (["attribution", "run", "train-0-0", "99"], "Episode train-0-0 has steps 1 to"),
        (["prune", *AT, "--least", "1"], "--least must be at least 2"),
    ],
)
def test_what_is_not_there_is_named(billp: Billp, trained: list[dict[str, Any]], arguments: list[str], words: str):
    said = billp("memory", *arguments)
    assert said.code == 2
    assert words in said.words


def test_attribution_leaves_out_what_a_comparisons_training_could_not_know(billp: Billp, tiny: Path, hashed: None):
    arguments = ("--methods", "random,billp-memory-only", "--dataset", "tiny", "--episodes", "6", "--users", "2")
    assert billp("compare", *arguments, "--set", "run.batch=2", "--run", "c").code == 0
    told = attribution(billp, "c/billp-memory-only/seed-0/training", {"id": "train-0-2"}, 1)
    assert told["as_it_was"]
    assert {seen["id"].split("/")[2] for seen in told["records"]} <= {"train-0-0", "train-0-1"}


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
