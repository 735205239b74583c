"""A record says which way through the graph the episode took; of an older one it can be told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.drawing import episode_edges, episode_nodes
from billp.graphs.episode import build_episode_graph
from billp.graphs.methods import METHODS
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.graphs.trail import trail
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds


async def ran(method: str, *, learn: bool, **flags: Any) -> tuple[list[str], list[list[str]]]:
    """The nodes of an episode as they ended, and as its record says; the trail is found to say the same."""
    deps = fake_dependencies(memory=fake_memory(), **flags)
    graph = build_episode_graph(fixed_dependencies(deps), tiny_worlds().train.horizon)
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    context = EpisodeContext(method=method, learn=learn, run="r")
    nodes: list[str] = []
    state: dict[str, Any] = {}
    path: Any
    part: Any
    async for path, kind, part in graph.astream(
        EpisodeInput(user=user, episode="e"), context=context, stream_mode=["updates", "values"], subgraphs=True
    ):
        if kind == "updates":
            nodes += [f"act:{name}" if path else name for name in part]
        elif not path:
            state = part
    done, planner = output_of(state), deps.settings.planner
    recorded = [step["nodes"] for step in done["steps"]]
    assert trail(METHODS[method], done, planner.steps, planner.revise) == recorded
    return [name for name in nodes if name != "act"], recorded


@pytest.mark.parametrize("learn", [True, False])
@pytest.mark.parametrize("method", METHODS)
async def test_a_record_says_the_way_that_the_episode_took(method: str, learn: bool):
    nodes, told = await ran(method, learn=learn)
    assert [name for step in told for name in step] == nodes
    assert set(nodes) <= set(episode_nodes())


async def test_free_words_are_grounded_and_a_thought_may_cover_one_step():
    nodes, told = await ran("billp-llm-only", learn=True, actor__mode="free", planner__steps=1)
    assert [name for step in told for name in step] == nodes
    assert all({"plan", "act:propose", "act:ground"} <= set(step) for step in told)


async def test_the_way_follows_the_edges():
    _, told = await ran("billp", learn=True)
    edges = {(edge.source, edge.target) for edge in episode_edges()}
    flat = [name for step in told for name in step]
    assert set(itertools.pairwise(flat)) <= edges


def test_edges_join_nodes_and_lead_out_of_the_actor():
    edges = {(edge.source, edge.target): edge.conditional for edge in episode_edges()}
    assert {name for edge in edges for name in edge} == set(episode_nodes())
    assert edges["act:choose", "respond"] is False
    assert edges["criticise", "plan"] is True
