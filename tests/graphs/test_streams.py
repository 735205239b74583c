"""However an episode is streamed, it ends in the same state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal, cast

import pytest

from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.state import EpisodeContext, EpisodeInput
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import RuleModel
from tests.fakes.store import fake_memory
from tests.graphs.episodes import user_of

Mode = Literal["values", "updates", "custom", "debug", "tasks", "checkpoints", "messages"]
MODES: tuple[Mode, ...] = ("values", "updates", "custom", "debug", "tasks", "checkpoints", "messages")
CONTEXT = EpisodeContext(learn=True, run="r")


def graph() -> EpisodeGraph:
    deps = fake_dependencies(RuleModel(), fake_memory(), critic__ask="always")
    return build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)


def asked() -> EpisodeInput:
    return {"user": user_of("train"), "episode": "e0"}


async def last(parts: AsyncIterator[Any]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    async for part in parts:
        mode, data = part[-2:]
        if mode == "values" and (len(part) == 2 or part[0] == ()):
            state = data
    return state


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("subgraphs", [False, True])
async def test_every_way_to_stream_ends_as_a_plain_call_does(mode: Mode, subgraphs: bool):
    plain = await graph().ainvoke(asked(), context=CONTEXT)
    streamed = await last(
        graph().astream(asked(), context=CONTEXT, stream_mode=list({mode, "values"}), subgraphs=subgraphs)
    )
    assert {name: streamed[name] for name in plain} == plain


async def test_a_stream_of_events_ends_as_a_plain_call_does():
    plain = await graph().ainvoke(asked(), context=CONTEXT)
    ended: list[Any] = []
    names: set[str] = set()
    async for event in graph().astream_events(asked(), {"recursion_limit": 500}, context=CONTEXT, version="v2"):
        names.add(event["name"])
        if event["event"] == "on_chain_end" and not event["parent_ids"]:
            ended.append(event["data"]["output"])
    assert {name: ended[-1][name] for name in plain} == plain
    assert {"weigh", "planner"} <= names, "what happens inside is seen too"


async def test_the_actor_has_a_state_of_its_own_and_returns_its_decision():
    inside: set[str] = set()
    async for part in graph().astream(asked(), context=CONTEXT, stream_mode=["values", "updates"], subgraphs=True):
        namespace, mode, data = cast(Any, part)
        if namespace and mode == "values":
            inside |= data.keys()
        if not namespace and mode == "updates" and "act" in data:
            assert data["act"].keys() == {"decision", "nodes"}
    assert "decision" in inside
    assert inside.isdisjoint({"steps", "valued", "value", "plan", "reflection"})
