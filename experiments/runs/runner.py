"""Runs planned episodes on an engine, batch by batch, and can be killed at any moment.

A batch reads memory as it was when the batch began; what its episodes taught is written when the last of them is over,
from their recorded lines, by id. So a run that goes on after a kill first writes again what every complete batch
taught, which changes nothing that was already written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from billp.agents.recommender import Recommender
from billp.errors import EpisodeError, NotFiniteError
from billp.experiments.runs.engine import Engine, LocalEngine, Stage
from billp.experiments.runs.episode_lines import EpisodeLine, check_finite
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.run_names import first_name
from billp.experiments.runs.vectorised import Played
from billp.experiments.runs.watching import watched
from billp.graphs.dependencies import Dependencies
from billp.graphs.learning import learn
from billp.graphs.methods import Method
from billp.graphs.state import Trajectory
from billp.heap import return_freed_memory
from billp.memory import Freezer

log = logging.getLogger(__name__)
OnEpisode = Callable[[EpisodeLine], None]


class Learner(Protocol):
    """Recommends and learns without a memory, from what its run records; a resumed run rebuilds it from there."""

    def recommender(self, *, explore: bool) -> Recommender:
        """Returns a recommender of what was learned so far; with `explore` it explores, as in training."""
        ...

    def learn(self, done: Sequence[Trajectory]) -> None:
        """Learns from the finished episodes of a batch; called once with each."""
        ...


class Runner:
    """Runs the episodes of one method with one set of dependencies into one run folder."""

    def __init__(
        self,
        deps: Dependencies,
        method: Method,
        folder: RunFolder,
        *,
        horizon: int,
        engine: Engine | None = None,
        name: str = "",
        first_ordinal: int = 0,
        learner: Learner | None = None,
    ) -> None:
        """Takes the engine that plays the episodes; by default this process, `run.side_by_side` at once.

        `name` is the run's name in memory; by default its folder's first name. `first_ordinal` is the position of the
        run's first episode among all that its memory learned from. `learner` recommends in place of `deps.recommender`,
        and learns from each batch of training episodes.
        """
        self._services = deps
        self._method = method
        self._folder = folder
        self._name = name or first_name(folder.path)
        self._first_ordinal = first_ordinal
        self._learner = learner
        self._horizon = horizon
        self._engine: Engine = engine or LocalEngine(deps.settings.run.side_by_side)
        self._freezer = Freezer(deps.memory) if deps.memory is not None else None

    async def run(self, plans: Sequence[EpisodePlan], on_episode: OnEpisode | None = None) -> None:
        """Runs every planned episode that is not recorded yet; records failures and goes on.

        Earlier failures are tried again if nothing is learned from them. In training a failure stays: the episodes
        after it were run without its lesson. Raises ArtifactError if a recorded step does not fit the catalogue.
        """

        def played(ended: Sequence[Played]) -> None:
            lines = [self._line(*each) for each in ended]
            self._folder.append(*lines)
            if on_episode is not None:
                for line in lines:
                    on_episode(line)

        self._folder.check_items(len(self._services.catalogue))
        batches = sorted({plan.batch for plan in plans})
        for batch in batches:
            members = [plan for plan in plans if plan.batch == batch]
            over, failed = self._folder.over, self._folder.failed
            open_ = [plan for plan in members if plan.id not in over or (plan.id in failed and not plan.learn)]
            if open_:
                log.info("running episodes")
                self._folder.reopen()
                async with watched(self._folder.path):
                    await self._engine.play(self._stage(open_), open_, self._freezer, played)
            await asyncio.to_thread(self._learn, members)
            await asyncio.to_thread(return_freed_memory)

    def _stage(self, plans: Sequence[EpisodePlan]) -> Stage:
        """Returns what is known before `plans`, all of one batch, are played."""
        deps = self._services
        if self._learner is not None and plans:
            deps = replace(deps, recommender=self._learner.recommender(explore=plans[0].learn))
        return Stage(deps, self._method, self._name, self._first_ordinal, self._horizon)

    def _learn(self, members: Sequence[EpisodePlan]) -> None:
        """Writes what a complete batch taught, in the order of its plan whatever order the episodes ended in."""
        plans = [plan for plan in members if plan.learn]
        memory = self._services.memory if self._method.remembers else None
        if not plans or (self._learner is None and memory is None):
            return
        lines = list(self._folder.lines(plan.id for plan in plans))
        if self._learner is not None:
            self._learner.learn([line.output for line in lines if line.output is not None])
        stage = self._stage(())
        if memory is not None:
            finished = [(plan, line.output) for plan, line in zip(plans, lines, strict=True) if line.output is not None]
            lessons = [(stage.context(plan), done) for plan, done in finished]
            learn(self._services, memory, self._method, lessons)

    def _line(self, plan: EpisodePlan, started: float, played: Trajectory | EpisodeError) -> EpisodeLine:
        if not isinstance(played, EpisodeError):
            try:
                check_finite(played)
            except NotFiniteError as error:
                played = error
        if isinstance(played, EpisodeError):
            log.warning("Episode %s failed: %s", plan.id, played)
        return EpisodeLine.of(plan, self._method.name, started, played)
