"""Sessions over HTTP: what is answered, what counts once, and what a new process finds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import id as ids

from billp.agents.llm.abilities import STAND_IN, Abilities
from billp.errors import ArtifactError, ModelUnavailableError, StoreAwayError
from billp.experiments.runs.evaluation import evaluate
from billp.graphs import actor, nodes
from billp.graphs.resources import Resources
from billp.serving.api import sessions
from billp.serving.api.sqlite import Thread
from billp.settings import load_settings
from billp.simulators import load_dataset, load_worlds, respond
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel
from tests.serving.api.conftest import PLAN, Open, Opened


async def test_a_session_from_the_first_item_to_the_totals(opening: Open):
    async with opening() as opened:
        first = await opened.begin(likes=["Film 7, The"])
        assert (first["user"], first["step"], first["horizon"], first["ended"]) == ("Ada", 1, 12, "")
        assert first["item"].startswith("i")
        assert first["title"] == f"Film {first['item'][1:]}, The"
        assert first["categories"]
        second = await opened.say(first["session"], "a", rating=5)
        assert second["step"] == 2
        assert second["item"] != first["item"]
        end = await opened.say(first["session"], "b", rating=2, leave=True)
        assert (end["ended"], end["item"], end["step"]) == ("left", None, 2)
        assert end["totals"] == {"length": 2, "reward_each": 3.5, "reward_trajectory": 7.0}
        whole = (await opened.http.get(f"/sessions/{first['session']}")).json()
        assert [(step["item"], step["rating"]) for step in whole["answered"]] == [
            (first["item"], 5),
            (second["item"], 2),
        ]
        late = await opened.send(first["session"], "c", rating=5)
        assert (late.status_code, late.headers["content-type"]) == (409, "application/problem+json")
        assert late.json()["detail"] == "The session is over; begin another one."


async def test_what_a_beginning_session_does_not_understand_is_refused_by_name_and_begins_nothing(opening: Open):
    async with opening() as opened:
        for field, value, told in (
            ("like", ["Film 7, The"], "like is no name that is known here."),
            (
                "likes",
                ["Film 7, The", "Flim 31"],
                "likes: No item is titled 'Flim 31'; the nearest titles are Film 31, The",
            ),
        ):
            refused = await opened.http.post("/sessions", json={"user": "Ada", field: value})
            assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
            assert refused.json()["detail"].startswith(told)
        assert await opened.service.records.all_open() == 0


async def test_a_session_ends_at_the_horizon(opening: Open):
    async with opening() as opened:
        turn = await opened.begin()
        for number in range(12):
            turn = await opened.say(turn["session"], str(number), rating=4)
        assert (turn["ended"], turn["totals"]["length"]) == ("horizon", 12)


async def test_a_wish_moves_what_comes_next_and_one_that_cannot_be_met_says_so(opening: Open):
    async with opening() as opened:
        first = await opened.begin()
        other = await opened.say(first["session"], "a", wish="a western")
        assert (other["step"], other["item"] != first["item"]) == (1, True)
        assert "Western" in other["categories"]
        assert other["why"].startswith('Because you asked for "a western": Western.')
        nothing = await opened.say(
            first["session"], "b", rating=4, wish="no western, comedy, drama, horror, action or romance"
        )
        assert nothing["step"] == 2
        assert nothing["notice"].startswith("Every item here that you have not seen is ")
        assert "Western" in nothing["categories"]
        end = await opened.say(first["session"], "c", leave=True, why="too many hats")
        assert end["ended"] == "left"


class Ignorant(RuleModel):
    """Its words carry no knowledge."""

    @property
    def abilities(self) -> Abilities:
        return Abilities(words=False)


async def test_words_of_a_stand_in_model_are_said_to_be_so(opening: Open):
    async with opening(method="billp", memory="m", untrained=True) as opened:
        first = await opened.begin()
        assert (bool(first["why"]), first["stand_in"]) == (True, "")
    async with opening(method="billp", memory="m", untrained=True, model=Ignorant()) as opened:
        told = await opened.begin("Bob")
        assert told["why"]
        assert told["stand_in"] == STAND_IN
    async with opening() as opened:
        silent = await opened.begin("Bob")
        assert (silent["why"], silent["stand_in"]) == ("", ""), "a method without a language model has none to mark"


async def test_a_repeated_answer_counts_once(opening: Open):
    async with opening() as opened:
        first = await opened.begin()
        told = await asyncio.gather(*(opened.say(first["session"], "same", rating=3) for _ in range(5)))
        assert all(turn == told[0] for turn in told)
        assert told[0]["step"] == 2
        other = await opened.send(first["session"], "same", rating=4)
        assert other.status_code == 422
        assert "used for another answer" in other.json()["detail"]
        assert len((await opened.http.get(f"/sessions/{first['session']}")).json()["answered"]) == 1


async def test_a_session_is_begun_once_for_a_key(opening: Open):
    async with opening() as opened:
        begun = [
            (await opened.http.post("/sessions", json={"user": user}, headers={"Idempotency-Key": "k"})).json()
            for user in ("Ada", "Ada", "Bob")
        ]
        assert begun[0] == begun[1]
        assert begun[2]["session"] != begun[0]["session"]


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({}, 422, "neither a rating nor a wish nor leaving"),
        ({"rating": 6}, 422, "rating must be at most 5, not 6."),
        ({"rating": "5"}, 422, "rating must be a whole number, not '5'."),
        ({"rating": True}, 422, "rating must be a whole number, not True."),
        ({"stars": 5}, 422, "stars is no name that is known here."),
        ({"rating": 5, "step": 2}, 409, "Step 1 is at hand, not step 2."),
    ],
)
async def test_what_is_no_answer_changes_nothing(opening: Open, said: dict[str, Any], status: int, words: str):
    async with opening() as opened:
        first = await opened.begin()
        refused = await opened.send(first["session"], "k", **said)
        assert refused.status_code == status
        problem = refused.json()
        assert problem.keys() == {"type", "title", "status", "detail"}
        assert words in problem["detail"]
        whole = (await opened.http.get(f"/sessions/{first['session']}")).json()
        assert whole == {**first, "answered": []}
        assert (await opened.say(first["session"], "k", rating=5))["step"] == 2


@pytest.mark.parametrize("wish", ["2001", "?", "\x00", "\u202e"])
async def test_a_wish_without_words_begins_no_session(opening: Open, wish: str):
    async with opening() as opened:
        refused = await opened.http.post("/sessions", json={"user": "Ada", "wish": wish})
        assert (refused.status_code, "a wish without words" in refused.json()["detail"]) == (422, True)
        assert (await opened.http.get("/health")).json()["open_sessions"] == 0
        assert (await opened.http.get("/sessions/%00")).status_code == 422


async def test_an_answer_needs_a_key_and_a_session(opening: Open):
    async with opening() as opened:
        first = await opened.begin()
        bare = await opened.http.post(f"/sessions/{first['session']}/answer", json={"rating": 4})
        assert (bare.status_code, bare.json()["detail"]) == (422, "Idempotency-Key is missing.")
        nowhere = await opened.send("0" * 32, "k", rating=4)
        assert nowhere.status_code == 404
        nameless = await opened.http.post("/sessions", json={})
        assert (nameless.status_code, nameless.json()["detail"]) == (422, "user: Say who you are; any name will do.")
        lost = await opened.http.get("/nowhere")
        assert (lost.status_code, lost.headers["content-type"]) == (404, "application/problem+json")


async def test_a_user_has_so_many_sessions_and_no_more(opening: Open):
    async with opening({"api.sessions": 2}) as opened:
        turns = [await opened.begin() for _ in range(2)]
        refused = await opened.http.post("/sessions", json={"user": "Ada"})
        assert refused.status_code == 409
        assert "2 open sessions" in refused.json()["detail"]
        await opened.begin("Bob")
        await opened.say(turns[0]["session"], "k", leave=True)
        await opened.begin()


async def test_a_new_process_goes_on_where_the_old_one_was(opening: Open):
    async with opening() as opened:
        turn = await opened.begin()
        for number in range(4):
            turn = await opened.say(turn["session"], str(number), rating=4)
    async with opening() as again:
        assert (await again.say(turn["session"], "3", rating=4)) == turn, "a repeated answer, told as before"
        whole = (await again.http.get(f"/sessions/{turn['session']}")).json()
        assert [step["rating"] for step in whole["answered"]] == [4] * 4
        assert (await again.say(turn["session"], "4", leave=True))["totals"]["length"] == 5
    async with opening() as after:
        assert (await after.http.get(f"/sessions/{turn['session']}")).json()["totals"]["length"] == 5


@pytest.mark.parametrize("node", ["respond", "criticise", "conclude", "weigh"])
async def test_an_answer_that_was_accepted_survives_whatever_fails_after_it(
    opening: Open, monkeypatch: pytest.MonkeyPatch, node: str
):
    owner = actor if node == "weigh" else nodes

    async def fail(state: object, runtime: object, deps: object) -> None:
        raise ModelUnavailableError("The LLM is away.")

    teaching: dict[str, Any] = {"memory": "m", "learns": True, "untrained": True}
    said: dict[str, Any] = {"rating": 2, "leave": node == "conclude"}
    async with opening(**teaching) as opened:
        turn = await opened.begin()
        turn = await opened.say(turn["session"], "0", rating=5)
    with monkeypatch.context() as broken:
        broken.setattr(owner, node, fail)
        async with opening(**teaching) as opened:
            for _ in range(2):
                failed = await opened.send(turn["session"], "1", **said)
                assert (failed.status_code, failed.json()["detail"]) == (503, "The LLM is away.")
                assert failed.headers["retry-after"] == "1"
    async with opening(**teaching) as opened:
        whole = (await opened.http.get(f"/sessions/{turn['session']}")).json()
        assert [step["rating"] for step in whole["answered"]] == [5, 2]
        assert (await opened.say(turn["session"], "1", **said)).items() <= whole.items()


async def test_sessions_that_rest_are_let_go_of_and_go_on(opening: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sessions, "_AT_HAND", 2)
    async with opening() as opened:
        turns = [await opened.begin(f"person {number}") for number in range(6)]
        assert len(opened.service.sessions._live) == 2
        for step in (1, 2):
            told = await asyncio.gather(*(opened.say(turn["session"], str(step), rating=4) for turn in turns))
            assert [turn["step"] for turn in told] == [step + 1] * 6
        ends = await asyncio.gather(*(opened.say(turn["session"], "3", leave=True) for turn in turns))
        assert [end["totals"]["length"] for end in ends] == [3] * 6
        assert not opened.service.sessions._live


async def test_two_processes_do_not_serve_the_same_sessions(opening: Open):
    async with opening():
        with pytest.raises(ArtifactError, match="Another process serves"):
            async with opening():
                pass
        async with opening(name="other"):
            pass


async def test_simulated_users_give_the_same_stars_over_http_as_in_an_evaluation(opening: Open, tiny: Path):
    resources = Resources(load_settings(), model=RuleModel(), embedder=HashEmbedder())
    async with resources:
        await evaluate(
            resources,
            dataset="tiny",
            method=PLAN.method,
            users=3,
            seeds=[0],
            memory="m",
            run=tiny / "run",
            resume=False,
        )
    lines = [json.loads(line) for line in (tiny / "run" / "episodes.jsonl").read_text().splitlines()]
    assert len(lines) == 3
    dataset = load_dataset(tiny, "tiny")
    world = load_worlds(tiny / "simulators" / "tiny", dataset).test
    async with opening(memory="m", untrained=True) as opened:
        for line in lines:
            turn = await opened.begin(line["user"], episode=line["id"])
            shown: list[int] = []
            while not turn["ended"]:
                item = int(turn["item"][1:])
                said = respond(world, dataset.user_index(line["user"]), shown, item)
                shown.append(item)
                leaves = said.reason not in ("", "horizon")
                turn = await opened.say(turn["session"], str(len(shown)), rating=round(said.reward), leave=leaves)
            assert shown == [step["item"] for step in line["output"]["steps"]]
            assert turn["totals"]["reward_trajectory"] == line["output"]["reward_trajectory"]


async def test_a_session_goes_on_whatever_the_store_did_last_before_a_kill(
    opening: Open, monkeypatch: pytest.MonkeyPatch
):
    run, done, most = Thread.run, count(1), 1_000_000

    async def until_killed(thread: Thread, work: Callable[..., Any], *given: Any, **named: Any) -> object:
        if next(done) > most:
            raise StoreAwayError("killed")
        return await run(thread, work, *given, **named)

    async def whole(opened: Opened, key: str) -> tuple[list[str], list[int]]:
        begun = await opened.http.post("/sessions", json={"user": "Ada"}, headers={"Idempotency-Key": key})
        assert begun.status_code == 201
        session = begun.json()["session"]
        await opened.say(session, "1", rating=5)
        stored = (await opened.service.sessions._mover.stored(session)).values
        await opened.say(session, "2", rating=2, leave=True)
        ended = (await opened.http.get(f"/sessions/{session}")).json()
        return [said.type for said in stored.get("messages", [])], [step["rating"] for step in ended["answered"]]

    async with opening() as opened:
        with monkeypatch.context() as counting:
            counting.setattr(Thread, "run", until_killed)
            assert await whole(opened, "unbroken") == (["ai", "human", "ai"], [5, 2])
            works = next(done)
    for most in range(1, works):
        async with opening() as opened:
            with monkeypatch.context() as killing, contextlib.suppress(AssertionError, KeyError, StoreAwayError):
                done = count(1)
                killing.setattr(Thread, "run", until_killed)
                await whole(opened, str(most))
        async with opening() as again:
            talk, ratings = await whole(again, str(most))
            assert ratings == [5, 2], most
            assert talk in (["ai", "human", "ai"], ["ai", "human", "ai", "human"], []), most  # later, if it had ended


async def test_an_answer_counts_once_though_the_store_did_what_it_said_had_failed(
    opening: Open, monkeypatch: pytest.MonkeyPatch
):
    run, done, failing = Thread.run, count(1), 0

    async def failing_once(thread: Thread, work: Callable[..., Any], *given: Any, **named: Any) -> object:
        result = await run(thread, work, *given, **named)
        if next(done) == failing:
            raise StoreAwayError("away, though it was written")
        return result

    async def sent(opened: Opened, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        for _ in range(3):
            answer = await opened.http.post(path, json=body, headers={"Idempotency-Key": key})
            if answer.is_success:
                break
        assert answer.is_success, (failing, answer.text)
        told: dict[str, Any] = answer.json()
        return told

    async def whole(opened: Opened) -> tuple[list[int], str]:
        at = (await sent(opened, "/sessions", "begun", {"user": f"Ada {failing}"}))["session"]
        for key, body in (("1", {"rating": 5}), ("2", {"rating": 3}), ("3", {"rating": 2, "leave": True})):
            turn = await sent(opened, f"/sessions/{at}/answer", key, body)
        ended = (await opened.http.get(f"/sessions/{at}")).json()
        return [step["rating"] for step in ended["answered"]], turn["ended"]

    monkeypatch.setattr(Thread, "run", failing_once)
    async with opening({"api.rate": 10_000.0, "api.burst": 10_000}) as opened:
        done = count(1)
        assert await whole(opened) == ([5, 3, 2], "left")
        for failing in range(1, next(done) - 1):
            done = count(1)
            with contextlib.suppress(StoreAwayError, KeyError):  # the last request, which is not sent again
                assert await whole(opened) == ([5, 3, 2], "left"), failing


async def test_a_session_goes_on_though_the_clock_was_set_back(opening: Open, monkeypatch: pytest.MonkeyPatch):
    async with opening() as opened:
        turn = await opened.begin()
        await opened.say(turn["session"], "1", rating=4)
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3_600_000_000_000)
    for keys in (("2", "3"), ("4",)):
        monkeypatch.setattr(ids, "_last_v6_timestamp", None)  # as in a new process
        async with opening() as again:
            for key in keys:
                await again.say(turn["session"], key, rating=int(key))
            whole = (await again.http.get(f"/sessions/{turn['session']}")).json()
    assert [step["rating"] for step in whole["answered"]] == [4, 2, 3, 4]
