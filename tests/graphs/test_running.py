"""Contexts and traces say what an episode was really run with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler

import billp.experiments.runs.engine
from billp.experiments.runs.episode_plans import evaluation_plan
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.runner import Runner
from billp.graphs.dependencies import Dependencies, DependencyProvider, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.methods import method_named
from billp.graphs.running import in_full, traced
from billp.graphs.state import EpisodeContext, EpisodeInput
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.store import fake_memory
from tests.graphs.episodes import user_of


class Seen(AsyncCallbackHandler):
    """Keeps the metadata of every run of a graph or node."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, Any]] = []

    async def on_chain_start(self, *_: Any, metadata: dict[str, Any] | None = None, **__: Any) -> None:
        self.metadata.append(metadata or {})


def test_a_context_in_full_names_dataset_memory_and_prompts():
    deps = fake_dependencies(memory=fake_memory())
    context = in_full(EpisodeContext(method="billp"), deps)
    assert (context.dataset, context.memory) == ("tiny", "fake")
    assert context.prompts == str(deps.pack.folder)
    bare = in_full(EpisodeContext(method="random"), replace(deps, memory=None, roles=None))
    assert (bare.dataset, bare.memory, bare.prompts) == ("tiny", "", "")


async def test_every_node_of_a_trace_says_what_it_was_run_with():
    deps, seen = fake_dependencies(memory=fake_memory()), Seen()
    context = in_full(EpisodeContext(method="act-only", split="test", seed=4), deps)
    graph = build_episode_graph(fixed_dependencies(deps), 3)
    config = traced(context) | {"callbacks": [seen]}
    await graph.ainvoke(EpisodeInput(user=user_of("test"), episode="e"), config, context=context)

    assert len(seen.metadata) > 3
    for metadata in seen.metadata:
        told = {name: metadata.get(name) for name in ("dataset", "memory", "method", "seed", "split")}
        assert told == {"dataset": "tiny", "memory": "fake", "method": "act-only", "seed": 4, "split": "test"}
        assert metadata["prompts"] == str(deps.pack.folder)


async def test_a_runs_episodes_carry_what_they_are_run_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    contexts: list[EpisodeContext] = []

    def watched(deps: Dependencies) -> DependencyProvider:
        async def provide(context: EpisodeContext, user: str) -> Dependencies:
            contexts.append(context)
            return deps

        return provide

    monkeypatch.setattr(billp.experiments.runs.engine, "fixed_dependencies", watched)
    deps = fake_dependencies(memory=fake_memory())
    with RunFolder(tmp_path / "r", {}, {}, resume=False) as folder:
        runner = Runner(deps, method_named("billp"), folder, horizon=3)
        await runner.run(evaluation_plan([user_of("test")], [0]))
    assert {(context.dataset, context.memory, context.prompts) for context in contexts} == {
        ("tiny", "fake", str(deps.pack.folder))
    }
