"""A live episode: the usual graph, where a person answers and the answers are recorded as a run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from billp.errors import EpisodeError, SettingsError
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.episode_lines import EpisodeLine, check_finite
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.runs.recommenders import open_recommender
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.run_names import origin_of
from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.forms import LiveContext, LiveInput
from billp.graphs.learning import has_learned, learn_next
from billp.graphs.live import Question, own_memory, with_persons
from billp.graphs.methods import method_named
from billp.graphs.recording import output_of
from billp.graphs.resources import Resources
from billp.graphs.running import in_full, traced
from billp.graphs.state import Trajectory
from billp.graphs.titles import items_named
from billp.graphs.users import check_may_teach


class Play:
    """One episode with a person, from question to question. Use as a context manager; it holds the run's folder.

    A run of the same name, person and settings goes on with one more episode. An interrupted episode leaves nothing: an
    episode is recorded, and taught, when it is over.
    """

    def __init__(
        self,
        resources: Resources,
        *,
        dataset: str,
        method: str,
        user: str,
        likes: Sequence[str],
        seed: int,
        memory: str | None,
        learn: bool,
        run: Path,
    ) -> None:
        """Opens data, model, memory and the run's folder; by default the memory is this person's own.

        Raises SettingsError for a method that needs to know the user's answers in advance, and if `learn` would teach
        from a test user of the logs; BadInputError for a title in `likes` that names no item, or several; ArtifactError
        if the folder was made with other settings.
        """
        self._resources = resources
        self._method = method_named(method)
        if self._method.chooser == "oracle":
            raise SettingsError("The method oracle knows simulated users only; choose another --method.")
        remembers, name = self._method.remembers, memory or method
        memory = memory or own_memory(user)
        deps = resources.deps(
            dataset, memory=memory if remembers else None, llm=self._method.needs_llm, method=self._method
        )
        if learn and not remembers:
            raise SettingsError(f"Method {method!r} has no memory to teach; leave out --learn.")
        deps = replace(deps, recommender=open_recommender(deps, method, name).recommender)
        self._deps = with_persons(deps)
        if learn:
            check_may_teach(self._deps.users, "train", user)
        self._likes = list(likes)
        items_named(deps.catalogue, likes)
        plan = {
            "command": "play",
            "method": method,
            "user": user,
            "seed": seed,
            "likes": self._likes,
            "memory": memory if remembers else "",
            "learn": learn,
        }
        beside = surroundings(resources.settings, None, deps.belief_model.knowledge)
        self._folder = RunFolder(run, run_config(resources, deps, plan), beside, resume=True)
        number = len(self._folder.over)
        # A person is in neither world; train is the split of users that may be learned from.
        self._plan = EpisodePlan(f"live-{seed}-{user}-{number}", number, 0, user, seed, "train", learn)
        self._context = in_full(LiveContext(method=method, seed=seed, run=origin_of(run), learn=learn), deps)
        self._graph = build_episode_graph(
            fixed_dependencies(self._deps),
            deps.worlds.train.horizon,
            name="live",
            inputs=LiveInput,
            persons=True,
            context=LiveContext,
            checkpointer=InMemorySaver(),
        )
        self._started = time.time()
        self._state: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.close()

    @property
    def memory(self) -> str:
        """The name of the memory that is read, and taught if the episode teaches."""
        return self._context.memory

    @property
    def liked(self) -> list[str]:
        """Titles of the items that the person liked before, as in the catalogue; known after `begin`."""
        return [item.title for item in self._deps.catalogue.some(self._state.get("history", []))]

    @property
    def done(self) -> Trajectory:
        """The episode, when there is no further question."""
        return output_of(self._state)

    async def begin(self) -> Question | None:
        """Returns the first question; raises EpisodeError if the episode cannot go on, after recording that."""
        await self._resources.check_model(self._deps)
        self._catch_up()
        self._resources.knowledge.fill_behind(self._deps)
        return await self._go_on(LiveInput(user=self._plan.user, episode=self._plan.id, likes=self._likes))

    async def answer(self, given: object) -> Question | None:
        """Returns the next question, or the same with what was wrong; None when the episode is over and recorded."""
        return await self._go_on(Command(resume=given))

    async def _go_on(self, move: LiveInput | Command[Any]) -> Question | None:
        try:
            self._state = await self._graph.ainvoke(
                move, {"configurable": {"thread_id": self._plan.id}, **traced(self._context)}, context=self._context
            )
            if waiting := self._state.get("__interrupt__"):
                return cast(Question, waiting[0].value)
            done = self.done
            check_finite(done)
        except EpisodeError as error:
            self._record(error)
            raise
        self._record(done)
        self._catch_up()
        return None

    def _catch_up(self) -> None:
        """Teaches the latest episode of the run if a kill prevented that."""
        memory, latest = self._deps.memory, list(self._folder.over)[-1:]
        done = next((line.output for line in self._folder.lines(latest)), None)
        if not self._context.learn or memory is None or done is None or has_learned(memory, self._context, done):
            return
        learn_next(self._deps, memory, self._method, self._context, done)

    def _record(self, played: Trajectory | EpisodeError) -> None:
        self._folder.append(EpisodeLine.of(self._plan, self._method.name, self._started, played))
