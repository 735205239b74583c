"""What grows with catalogue or memory is worked out beside the event loop, so that other episodes go on meanwhile.

With few items and records it is over sooner than a thread would begin with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import billp.graphs.actor
import billp.graphs.tools
import billp.memory.frozen
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.graphs.users import SimulatedUsers
from billp.memory import Freezer
from billp.memory.frozen import FrozenStore
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds


@pytest.mark.parametrize(
    ("method", "flags", "place", "name"),
    [
        ("billp", {}, billp.graphs.actor, "weighed_by"),
        ("billp", {}, Dependencies, "masked_items"),
        ("oracle", {}, SimulatedUsers, "best"),
        ("popular", {}, billp.graphs.actor, "recommender_of"),
        ("act-only", {}, billp.graphs.actor, "draw_shortlist"),
        ("act-only", {"actor__mode": "free"}, Dependencies, "masked_items"),
        ("act-only", {"actor__mode": "free"}, billp.graphs.tools, "nearest_item"),
    ],
)
async def test_another_thread_works_it_out_where_there_are_many_items(
    method: str, flags: dict[str, Any], place: object, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(billp.graphs.actor, "_FEW_ITEMS", len(tiny_dataset().catalogue) - 1)
    threads = _watched(monkeypatch, place, name)
    await _played(fake_dependencies(memory=fake_memory(), **flags), method)
    assert threads
    assert threading.current_thread() not in threads


async def test_few_items_are_weighed_at_once(monkeypatch: pytest.MonkeyPatch):
    threads = _watched(monkeypatch, billp.graphs.actor, "weighed_by")
    await _played(fake_dependencies(memory=fake_memory()), "billp")
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize(("few", "at_once"), [(1_000, True), (0, False)])
async def test_a_frozen_memory_of_few_records_is_searched_at_once(
    few: int, at_once: bool, monkeypatch: pytest.MonkeyPatch
):
    memory = fake_memory()
    await _played(fake_dependencies(memory=memory, learn_at_once=True), "billp-llm-only", learn=True)
    monkeypatch.setattr(billp.memory.frozen, "_AT_HAND", few)
    frozen = Freezer(memory).freeze().agent_memory(memory.embedder)
    threads = _watched(monkeypatch, FrozenStore, "nearest")
    await _played(fake_dependencies(memory=frozen), "billp-llm-only")
    assert threads
    assert (threading.current_thread() in threads) is at_once


def _watched(monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> set[threading.Thread]:
    """Returns the threads that will have called the function `name` of `place`."""
    works: Callable[..., Any] = getattr(place, name)
    threads: set[threading.Thread] = set()

    def watched(*given: object, **named: object) -> object:
        threads.add(threading.current_thread())
        return works(*given, **named)

    monkeypatch.setattr(place, name, watched)
    return threads


async def _played(deps: Dependencies, method: str, *, learn: bool = False) -> None:
    graph = build_episode_graph(fixed_dependencies(deps), tiny_worlds().train.horizon)
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    context = EpisodeContext(method=method, run="r", learn=learn)
    await graph.ainvoke(EpisodeInput(user=user, episode="e"), context=context)
