"""Answers teach: in order, once each, while sessions go on; and a person can be forgotten."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from billp.errors import MemoryStoreError
from billp.graphs.learning import learn
from billp.memory import AgentMemory
from billp.serving.api import learner
from billp.serving.api.service import Service
from tests.serving.api.conftest import Open, Opened

SHARED: dict[str, Any] = {"memory": "shared", "learns": True, "untrained": True}


async def play(opened: Opened, user: str, *ratings: int, likes: list[str] | None = None) -> str:
    """A session in which the user gives these ratings, and leaves with the last one."""
    turn = await opened.begin(user, likes=likes or [])
    for number, rating in enumerate(ratings, start=1):
        turn = await opened.say(turn["session"], str(number), rating=rating, leave=number == len(ratings))
    return str(turn["session"])


async def learned(service: Service, patience_s: float = 60.0) -> None:
    """Waits until nothing waits to be learned from."""
    give_up = time.monotonic() + patience_s
    while await service.records.unlearned():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)


async def memory_of(service: Service, memory: str) -> dict[str, Any]:
    async with service.lender.lent(service.plan.method, memory) as deps:
        assert deps.memory is not None
        return {kind: list(deps.memory.records(kind, 10_000)) for kind in ("reflections", "actor", "uses")}


async def test_sessions_teach_the_shared_memory_in_the_order_in_which_they_ended(opening: Open):
    async with opening(method="billp", **SHARED) as opened:
        sessions = [await play(opened, user, 5, 2) for user in ("Ada", "Bob", "Cyd")]
        await learned(opened.service)
        found = await memory_of(opened.service, "shared")
        assert len(found["actor"]) == 6
        order = sorted(found["reflections"], key=lambda record: record.fields["ordinal"])
        assert [record.origin.episode for record in order] == sessions
        assert [record.fields["ordinal"] for record in order] == [0, 1, 2]
        assert {record.origin.run for record in order} == {"live-test"}
        next_one = await opened.begin("Dan")
        moment = await opened.service.sessions._mover.stored(next_one["session"])
        assert moment.values["reflections"], "who comes now reads what was taught"


async def test_a_service_that_began_untrained_starts_again_with_what_it_learned(opening: Open):
    for records in (2, 4):
        async with opening(**SHARED) as opened:
            await play(opened, "Ada", 5, 2)
            await learned(opened.service)
            assert len((await memory_of(opened.service, "shared"))["actor"]) == records


async def test_a_frozen_service_learns_nothing(opening: Open):
    async with opening(memory="shared", untrained=True) as opened:
        await play(opened, "Ada", 5, 2)
        assert await opened.service.records.unlearned() == 0
        assert not any((await memory_of(opened.service, "shared")).values())


async def test_without_a_named_memory_each_has_their_own(opening: Open):
    async with opening(learns=True) as opened:
        await play(opened, "Ada", 5, 2)
        await learned(opened.service)
        assert len((await memory_of(opened.service, "live/Ada"))["actor"]) == 2
        assert not any((await memory_of(opened.service, "live/Bob")).values())


async def test_nothing_is_learned_under_the_name_of_a_test_user(opening: Open):
    async with opening(**SHARED) as opened:
        deps = opened.service.lender.base(opened.service.plan.method)
        examiner = deps.dataset.user_keys[int(deps.worlds.test.users[0])]
        await play(opened, examiner, 5, 2)
        assert await opened.service.records.unlearned() == 0


async def test_learning_that_broke_off_before_it_was_marked_is_done_again_and_leaves_the_same(opening: Open):
    async with opening(**SHARED) as opened:
        service = opened.service
        await play(opened, "Ada", 5, 2)
        await play(opened, "Bob", 3)
        await learned(service)
        before = await memory_of(service, "shared")
        await service.database.rows("UPDATE episodes SET learned = NULL")
        service.learner.call()
        await learned(service)
        assert await memory_of(service, "shared") == before


async def test_a_memory_that_is_away_is_waited_for_and_what_cannot_be_learned_is_passed_over(
    opening: Open, monkeypatch: pytest.MonkeyPatch
):
    async with opening(**SHARED) as opened:
        service, failures = opened.service, 2
        really = AgentMemory.next_ordinal

        def away(agent_memory: AgentMemory) -> int:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise MemoryStoreError("Chroma is away.")
            return really(agent_memory)

        monkeypatch.setattr(AgentMemory, "next_ordinal", away)
        async with service.learner.resting:
            bad, good = await play(opened, "Ada", 5), await play(opened, "Bob", 3)
            output = json.loads(
                (await service.database.rows("SELECT output FROM episodes WHERE session = ?", bad))[0][0]
            )
            del output["steps"][0]["item"]
            await service.database.rows("UPDATE episodes SET output = ? WHERE session = ?", json.dumps(output), bad)
        await learned(service)
        problems = dict(await service.database.rows("SELECT session, problem FROM episodes"))
        assert problems == {bad: "KeyError", good: ""}
        assert service.alive
        assert len((await memory_of(service, "shared"))["actor"]) == 1


async def test_an_idle_session_ends_as_if_the_person_had_left(opening: Open):
    async with opening({"api.idle_h": 1.0}) as opened:
        idle, busy = await opened.begin("Ada"), await opened.begin("Bob")
        await opened.say(idle["session"], "1", rating=5)
        await opened.service.database.rows("UPDATE sessions SET touched = touched - 3601 WHERE id = ?", idle["session"])
        assert await opened.service.reaper.end_idle() == 1
        whole = (await opened.http.get(f"/sessions/{idle['session']}")).json()
        assert (whole["ended"], [step["rating"] for step in whole["answered"]]) == ("left", [5, 1])
        assert (await opened.http.get(f"/sessions/{busy['session']}")).json()["ended"] == ""
        assert await opened.service.reaper.end_idle() == 0


def holding(folder: Path, words: str) -> list[str]:
    """The files that hold these words."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


@pytest.mark.parametrize("memory", ["shared", None])
async def test_a_person_is_forgotten_in_every_file(opening: Open, tiny: Path, memory: str | None):
    name, other = "Ada-Lovelace-1815", "Bob-Somebody-1900"
    async with opening(memory=memory, learns=True, untrained=memory is not None) as opened:
        session = await play(opened, name, 5, 4, 2, likes=["Film 7, The"])
        kept = await play(opened, other, 5, 2)
        running = await opened.begin(name)
        await opened.say(running["session"], "1", rating=5)
        await learned(opened.service)
        assert holding(tiny, name)
        told = await opened.http.delete(f"/users/{name}")
        assert told.json() == {"sessions": 2, "memories": int(memory is None), "records": 4 if memory else 0}
        assert holding(tiny, name) == []
        assert (await opened.http.get(f"/sessions/{session}")).status_code == 404
        assert (await opened.send(running["session"], "2", rating=5)).status_code == 404
        assert (await opened.http.delete(f"/users/{name}")).json() == {"sessions": 0, "memories": 0, "records": 0}
        assert (await opened.http.get(f"/sessions/{kept}")).json()["totals"]["length"] == 2
        assert len((await memory_of(opened.service, memory or f"live/{other}"))["actor"]) == 2
        await play(opened, name, 5)
        await learned(opened.service)
    assert holding(tiny, name)
    async with opening(memory=memory, learns=True) as again:
        assert (await again.http.delete(f"/users/{name}")).json()["sessions"] == 1
    assert holding(tiny, name) == []


async def test_a_person_is_forgotten_in_every_table_of_postgres(opening: Open, postgres_url: str):
    name = "Ada-Lovelace-1815"
    async with opening({"postgres_url": postgres_url}, name=uuid4().hex, **SHARED) as opened:
        service = opened.service
        await play(opened, name, 5, 2)
        running = await opened.begin(name)
        await opened.say(running["session"], "1", rating=4, wish="a western")
        await learned(service)

        async def holding_it() -> list[str]:
            tables = await service.database.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            rows = [(table, await service.database.rows(f"SELECT t::text FROM {table} t")) for (table,) in tables]  # noqa: S608
            words = (name, name.encode().hex(), running["session"])
            return [table for table, found in rows if any(word in str(found) for word in words)]

        assert {"sessions", "answers", "checkpoints", "episodes"} <= set(await holding_it())
        assert (await opened.http.delete(f"/users/{name}")).json() == {"sessions": 2, "memories": 0, "records": 3}
        assert await holding_it() == []


async def test_an_answer_on_its_way_does_not_bring_a_forgotten_person_back(opening: Open, tiny: Path):
    async with opening() as opened:
        turn = await opened.begin("Ada-Lovelace-1815")
        answers = [opened.send(turn["session"], str(number), rating=4) for number in range(4)]
        done = await asyncio.gather(*answers, opened.http.delete("/users/Ada-Lovelace-1815"), return_exceptions=False)
        assert {each.status_code for each in done[:4]} <= {200, 404}
        assert done[4].status_code == 200
        assert (await opened.http.get(f"/sessions/{turn['session']}")).status_code == 404
    assert holding(tiny, "Ada-Lovelace-1815") == []


async def test_a_service_that_ends_while_it_learns_learns_to_the_end_before_it_closes_the_memory(
    opening: Open, monkeypatch: pytest.MonkeyPatch
):
    begun, done, closed = asyncio.Event(), list[str](), AgentMemory.close
    loop = asyncio.get_running_loop()

    def slowly(*given: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.3)
        learn(*given)
        done.append("learned")

    def close(memory: AgentMemory) -> None:
        done.append("closed")
        closed(memory)

    monkeypatch.setattr(learner, "learn", slowly)
    monkeypatch.setattr(AgentMemory, "close", close)
    async with opening(**SHARED) as opened:
        await play(opened, "Ada", 5, 2)
        await begun.wait()
    assert done[:2] == ["learned", "closed"]
    async with opening(memory="shared") as again:
        assert await again.service.records.unlearned() == 0
        assert len((await memory_of(again.service, "shared"))["actor"]) == 2
