"""One single episode, for a person to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from billp.experiments.runs.recommenders import open_recommender
from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.methods import method_named
from billp.graphs.recording import output_of, totals_of
from billp.graphs.resources import Resources
from billp.graphs.running import in_full, traced
from billp.graphs.state import EpisodeContext, EpisodeInput, Trajectory
from billp.graphs.users import check_may_teach


async def run_single(
    resources: Resources,
    *,
    dataset: str,
    method: str,
    user: str,
    seed: int,
    memory: str,
    learn: bool,
    on_step: Callable[[Trajectory], None] | None = None,
) -> Trajectory:
    """Runs one episode of `user` in the user's world; memory is written only with `learn`.

    `on_step` is called with the episode so far after each step.

    Raises DataError for a user who is not in the logs, SettingsError if `learn` would teach from a test user.
    """
    chosen = method_named(method)
    deps = resources.deps(
        dataset,
        memory=memory if chosen.remembers else None,
        llm=chosen.needs_llm,
        method=chosen,
        reading=not learn,
        learn_at_once=True,
    )
    await resources.check_model(deps)
    deps = replace(deps, recommender=open_recommender(deps, method, memory).recommender)
    split = deps.worlds.split_of(deps.dataset.user_index(user))
    if learn:
        check_may_teach(deps.users, split, user)
    world = deps.worlds.train if split == "train" else deps.worlds.test
    # Learning from the same user again is another lesson, so it is another episode.
    name = f"{split}-{seed}-{user}" + (f"-{uuid4().hex[:8]}" if learn else "")
    context = in_full(EpisodeContext(method=method, split=split, seed=seed, run="episode", learn=learn), deps)
    graph = build_episode_graph(fixed_dependencies(deps), world.horizon)
    state: Mapping[str, Any] = {}
    shown = 0
    mode: str
    told: Any
    async for mode, told in graph.astream(
        EpisodeInput(user=user, episode=name), traced(context), context=context, stream_mode=["values", "tasks"]
    ):
        if mode == "values":
            state = told
        elif "input" in told and told["name"] != "criticise" and len(steps := state.get("steps", [])) > shown:
            shown = len(steps)  # another node begins, so that nothing comes to these any more
            if on_step is not None:
                on_step(output_of({**state, **totals_of(steps)}))
    return output_of(state)
