"""Engines play episodes: in this process, or wherever another implementation of `Engine` plays them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from billp.agents.llm.servers import kept_together
from billp.errors import BillpError, EpisodeError
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.runs.vectorised import Played, play_many
from billp.graphs.at_work import under_way
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.methods import Method
from billp.graphs.recording import output_of
from billp.graphs.resources import Resources
from billp.graphs.running import in_full, settle, traced
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.memory import Freezer

Result = TypeVar("Result")


async def together(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Returns what each of `work` returns, in that order.

    An error of one cancels all others; one of our own errors is raised once, as itself rather than in a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
    except ExceptionGroup as group_error:
        first = group_error.exceptions[0]
        if isinstance(first, BillpError):
            raise first from group_error
        raise
    return [task.result() for task in tasks]


OnPlayed = Callable[[Sequence[Played]], None]
"""Called with episodes when they end."""


@dataclass(frozen=True)
class Stage:
    """What the episodes of one batch share; nothing of it changes while they are played."""

    deps: Dependencies
    method: Method
    run: str
    """The run's name in memory."""
    first_ordinal: int
    horizon: int

    def context(self, plan: EpisodePlan) -> EpisodeContext:
        """Returns the context that an episode of `plan` is run with."""
        context = EpisodeContext(
            method=self.method.name,
            split=plan.split,
            seed=plan.seed,
            run=self.run,
            ordinal=self.first_ordinal + plan.ordinal,
            learn=plan.learn and self.method.learns,
        )
        return in_full(context, self.deps)


class Engine(Protocol):
    """Plays episodes side by side, at most a fixed number of them at once."""

    async def play(
        self, stage: Stage, plans: Sequence[EpisodePlan], freezer: Freezer | None, on_played: OnPlayed
    ) -> None:
        """Plays `plans`, all of one batch; passes them on when they end, on the event loop.

        They read the memory of `freezer` as it is when they begin, and write nothing. A failed episode ends with its
        EpisodeError; an error that ends the run is raised.
        """
        ...


class LocalEngine:
    """Plays episodes in this process."""

    def __init__(self, at_once: int) -> None:
        self._at_once = asyncio.Semaphore(at_once)

    async def play(
        self, stage: Stage, plans: Sequence[EpisodePlan], freezer: Freezer | None, on_played: OnPlayed
    ) -> None:
        """See `Engine`."""
        if stage.method.together:  # they use estimates from memory, and look nothing up in it
            async with self._at_once:
                await play_as_arrays(stage, plans, on_played)
            return
        if freezer is not None:
            memory = (await asyncio.to_thread(freezer.freeze)).agent_memory(stage.deps.embedder)
            stage = replace(stage, deps=replace(stage.deps, memory=memory))
        settle()
        graph = build_episode_graph(fixed_dependencies(stage.deps), stage.horizon)

        async def one(plan: EpisodePlan) -> None:
            async with self._at_once:
                on_played([await play_in_graph(stage, graph, plan)])

        await together(one(plan) for plan in plans)


async def engine_of(resources: Resources) -> Engine:
    """Returns the engine that the resources' settings name; it closes with the resources.

    Raises SettingsError if it cannot play what is asked for, and EngineError if it cannot be started.
    """
    run = resources.settings.run
    if run.engine == "local":
        return LocalEngine(run.side_by_side)
    from billp.experiments.scale.starting import start  # noqa: PLC0415 -- slower than everything else

    return await start(resources)


async def play_as_arrays(stage: Stage, plans: Sequence[EpisodePlan], on_played: OnPlayed) -> None:
    """Plays `plans` as arrays, many users per step."""
    playing = play_many(stage.deps, stage.method, plans)
    while (ended := await asyncio.to_thread(next, playing, None)) is not None:
        on_played(ended)


async def play_in_graph(stage: Stage, graph: EpisodeGraph, plan: EpisodePlan) -> Played:
    """Plays one episode step by step; its LLM calls stay with one server."""
    started, context = time.time(), stage.context(plan)
    kept_together.set(plan.user)
    try:
        with under_way(plan.user):
            state = await graph.ainvoke(EpisodeInput(user=plan.user, episode=plan.id), traced(context), context=context)
    except EpisodeError as error:
        return plan, started, error
    return plan, started, output_of(state)
