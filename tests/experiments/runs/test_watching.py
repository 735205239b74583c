"""What a run is doing is told while it does it, by user, step and node, and by nothing afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from billp.experiments.runs import watching
from billp.experiments.runs.watching import watched, working_in
from billp.graphs.at_work import at_work, under_way
from billp.whole_files import write_whole


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_EVERY_S", 0.01)


async def seen(run: Path) -> list[tuple[str, int, str]]:
    for _ in range(500):
        if found := working_in(run):
            return sorted((each.user, each.step, each.node) for each in found)
        await asyncio.sleep(0.01)
    return []


async def test_each_episode_is_told_with_its_own_step_and_node(tmp_path: Path):
    go = asyncio.Event()

    async def episode(user: str, step: int) -> None:
        with under_way(user):
            at_work("plan", step)
            await asyncio.create_task(inner())  # as LangGraph runs a node
            await go.wait()

    async def inner() -> None:
        at_work("act:weigh")

    async with watched(tmp_path):
        async with asyncio.TaskGroup() as group:
            group.create_task(episode("u1", 1))
            group.create_task(episode("u2", 7))
            assert await seen(tmp_path) == [("u1", 1, "act:weigh"), ("u2", 7, "act:weigh")]
            go.set()
        for _ in range(500):  # a write under way still tells of them
            if not working_in(tmp_path):
                break
            await asyncio.sleep(0.01)
        assert working_in(tmp_path) == [], "they are over"


async def test_nothing_is_counted_where_nobody_watches(tmp_path: Path):
    with under_way("u1"):
        at_work("plan", 1)
    assert working_in(tmp_path) == []


def test_what_a_killed_run_left_is_not_told(tmp_path: Path):
    episodes = [{"user": "u1", "step": 1, "node": "plan"}]
    (tmp_path / ".working.json").write_text(json.dumps({"at": time.time() - 60, "episodes": episodes}))
    assert working_in(tmp_path) == []
    (tmp_path / ".working.json").write_text(json.dumps({"at": time.time(), "episodes": episodes}))
    assert [each.node for each in working_in(tmp_path)] == ["plan"]
    (tmp_path / ".working.json").write_text("{")
    assert working_in(tmp_path) == []


async def test_what_a_run_killed_while_it_told_left_is_swept_by_the_next(tmp_path: Path):
    half_written = tmp_path / "..working.json.999999999"
    half_written.write_text("{")
    async with watched(tmp_path):
        pass
    assert not half_written.exists()


async def test_a_run_that_ends_while_it_tells_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(file: Path, text: str) -> None:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.1)
        write_whole(file, text)

    monkeypatch.setattr(watching, "write_whole", slowly)
    async with watched(tmp_path):
        await begun.wait()
    await asyncio.sleep(0.2)
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
