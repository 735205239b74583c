"""What grows with the catalogue is worked out beside the event loop, so that other episodes go on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import billp.graphs.actor
import billp.graphs.tools
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.graphs.users import SimulatedUsers
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
async def test_another_thread_works_it_out(
    method: str, flags: dict[str, Any], place: object, name: str, monkeypatch: pytest.MonkeyPatch
):
    works: Callable[..., Any] = getattr(place, name)
    threads: set[threading.Thread] = set()

    def watched(*given: object, **named: object) -> object:
        threads.add(threading.current_thread())
        return works(*given, **named)

    monkeypatch.setattr(place, name, watched)
    graph = build_episode_graph(
        fixed_dependencies(fake_dependencies(memory=fake_memory(), **flags)), tiny_worlds().train.horizon
    )
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    await graph.ainvoke(EpisodeInput(user=user, episode="e"), context=EpisodeContext(method=method, run="r"))
    assert threads
    assert threading.current_thread() not in threads
