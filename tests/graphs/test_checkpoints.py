"""What a checkpointer keeps of an episode: every moment of it, and no step more than once."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.state import EpisodeContext
from tests.fakes.dependencies import fake_dependencies, patient
from tests.fakes.model import RuleModel
from tests.fakes.store import fake_memory
from tests.graphs.episodes import user_of

STEPS = 50


def stored(value: object) -> int:
    """Bytes of everything in `value`."""
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, dict):
        return sum(stored(key) + stored(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return sum(map(stored, value))
    return 8


async def test_a_long_episode_is_kept_in_a_megabyte_and_any_moment_of_it_can_be_read():
    flags: dict[str, Any] = {"critic__ask": "always", "actor__mask_shown": False}
    deps = patient(fake_dependencies(RuleModel(), fake_memory(), **flags), STEPS)
    saver = InMemorySaver()
    graph: EpisodeGraph = build_episode_graph(fixed_dependencies(deps), STEPS, checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "1"}}
    context = EpisodeContext(learn=True)
    done = await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, config, context=context)
    assert done["length"] == STEPS
    kept = (
        stored(dict(saver.blobs)) + stored(dict(saver.writes)) + stored({k: dict(v) for k, v in saver.storage.items()})
    )
    assert kept < 1_000_000, f"{kept} bytes"
    moments = [state.values async for state in graph.aget_state_history(config)]
    assert moments[0]["steps"] == done["steps"]
    middle = next(values for values in moments if len(values.get("steps", [])) == 20)
    assert [(s["item"], s["reward"]) for s in middle["steps"]] == [(s["item"], s["reward"]) for s in done["steps"][:20]]


async def test_an_episode_goes_on_from_any_moment_to_the_same_end():
    deps = patient(fake_dependencies(RuleModel(), fake_memory(), actor__mask_shown=False), STEPS)
    graph = build_episode_graph(fixed_dependencies(deps), STEPS, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    context = EpisodeContext(learn=True)
    done = await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, config, context=context)
    earlier = [s.config async for s in graph.aget_state_history(config) if len(s.values.get("steps", [])) == 12]
    again = await graph.ainvoke(None, earlier[-1], context=context)
    assert again["steps"] == done["steps"]
    assert again["usage"]["calls"] == done["usage"]["calls"]
