"""What travels through the graph: plain, small, merged by number, and begun anew on an old thread."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.usage import Usage
from billp.graphs import actor, nodes, recalling
from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.state import EpisodeContext, add_usage, put_steps, usage_state
from tests.fakes.dependencies import fake_dependencies, patient
from tests.fakes.model import RuleModel, sensible_reply
from tests.fakes.store import fake_memory
from tests.graphs.episodes import run, user_of


async def test_fifty_steps_fit_into_a_small_last_checkpoint_and_under_the_recursion_limit():
    def wordy(request: Request) -> Reply:
        reply = sensible_reply(request)
        return reply if request.choices or request.scores else replace(reply, text="a thought of many words " * 6)

    agent_memory = fake_memory()
    deps = fake_dependencies(RuleModel(wordy), agent_memory, learn_at_once=True, memory__actor_distance=9.0)
    graph = build_episode_graph(fixed_dependencies(patient(deps, 50)), 50, checkpointer=InMemorySaver())
    sizes: list[int] = []
    for number in range(2):  # the second reads back what the first one taught
        config: Any = {"configurable": {"thread_id": str(number)}}
        context = EpisodeContext(method="billp-llm-only", learn=True, run=f"train-billp-20261123-01020{number}")
        done = await graph.ainvoke({"user": user_of("train"), "episode": "train-0-12"}, config, context=context)
        assert len(done["steps"]) == 50
        saved = (await graph.aget_state(config)).values
        sizes.append(len(JsonPlusSerializer(allowed_msgpack_modules=None).dumps_typed(saved)[1]))
    assert all(len(step["experiences"]) == 8 for step in done["steps"])
    assert max(sizes) <= 64 * 1024, sizes


async def test_a_second_episode_on_the_same_thread_starts_over():
    graph = build_episode_graph(fixed_dependencies(fake_dependencies()), 12)
    graph.checkpointer = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "1"}}
    context = EpisodeContext(method="billp")
    first = await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, config, context=context)
    second = await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, config, context=context)
    assert first["steps"] == second["steps"]
    assert first["usage"]["calls"] == second["usage"]["calls"] > 0
    assert (await graph.aget_state(config)).values["steps"] == second["steps"]


async def test_every_state_is_plain_and_serialisable():
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    graph = build_episode_graph(fixed_dependencies(fake_dependencies(memory=fake_memory())), 12)
    context = EpisodeContext(learn=True)
    async for state in graph.astream(
        {"user": user_of("train"), "episode": "e0"}, context=context, stream_mode="values", subgraphs=True
    ):
        values: dict[str, Any] = state[1]  # type: ignore[index]  # with subgraphs a pair, whatever the stub says
        for key, value in values.items():
            assert json.loads(json.dumps(value)) == value, key
            assert serde.loads_typed(serde.dumps_typed(value)) == value, key


async def test_nodes_do_not_change_what_they_are_given(monkeypatch: pytest.MonkeyPatch):
    def watched(node: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def same_after(state, runtime, deps):
            before = copy.deepcopy(state)
            update = await node(state, runtime, deps)
            assert state == before
            return update

        return same_after

    for module, names in (
        (recalling, ["recall"]),
        (nodes, ["plan", "respond", "criticise", "reflect", "conclude"]),
        (actor, ["analyse", "retrieve", "shortlist", "choose", "weigh"]),
    ):
        for name in names:
            monkeypatch.setattr(module, name, watched(getattr(module, name)))
    for method in ("billp", "billp-llm-only"):
        await run(fake_dependencies(memory=fake_memory(), learn_at_once=True), method)


def test_steps_are_merged_by_number():
    one: Any = {"number": 1, "reward": 3.0}
    two: Any = {"number": 2, "reward": 4.0}
    better: Any = {"number": 1, "reward": 5.0}
    assert put_steps([one], [[two]]) == [one, two]
    assert put_steps([one, two], [[better], []]) == [better, two]
    assert put_steps(put_steps([], [[one]]), [[two], [better]]) == put_steps([], [[one], [two], [better]])


def test_usage_adds_up_whatever_a_node_spent():
    spent = usage_state(Usage(calls=5, prompt_tokens=100, seconds=0.5))
    assert add_usage(spent, spent) == usage_state(Usage(calls=10, prompt_tokens=200, seconds=1.0))
    failed = usage_state(Usage(calls=0, format_failures=1))
    assert add_usage(spent, failed) == usage_state(Usage(calls=5, prompt_tokens=100, seconds=0.5, format_failures=1))


async def test_a_made_up_name_does_not_stay_on_its_thread():
    deps = fake_dependencies(memory=fake_memory(), learn_at_once=True)
    graph = build_episode_graph(fixed_dependencies(deps), 12, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    unnamed = {"user": user_of("train")}
    inputs: list[Any] = [unnamed, unnamed, {**unnamed, "episode": "mine"}, unnamed]
    names = []
    for given in inputs:
        done = await graph.ainvoke(given, thread, context=EpisodeContext(learn=True))
        names.append(done["episode"])
    assert len(set(names[:2])) == 2
    assert names[2:] == ["mine", "mine"], "a name that was given is the thread's until another is"
