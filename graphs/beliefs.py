"""What a memory lets believe, worked out once after each change of it and shared by all episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from weakref import ref

import numpy as np

from billp.agents.closeness import Closeness
from billp.agents.grounding import Vectors
from billp.agents.measures import ByCategories, ByRatings, ByVectors, ByYear, Measure
from billp.graphs.methods import Method
from billp.graphs.ranking import Beliefs, Floats, MemoryRecommender, believe, leave_cost_of
from billp.memory import AgentMemory, Knowledge, Outcome
from billp.memory.item_values import Observed, known_of
from billp.settings import Settings
from billp.simulators import Dataset, Worlds

_KEPT = 8  # beliefs that are kept


@dataclass(frozen=True, slots=True)
class _Made:
    """The beliefs of one method after so many changes of a memory; `of` is None where there was no memory."""

    of: ref[AgentMemory] | None
    changes: int
    method: Method
    beliefs: Beliefs

    @property
    def lasting(self) -> bool:
        """Whether the memory that they come from still exists, so that they may be asked for again."""
        return self.of is None or self.of() is not None

    def after(self, memory: AgentMemory | None) -> bool:
        """Returns whether they come from `memory`; those of one that is gone come from none that there is."""
        return memory is None if self.of is None else memory is not None and self.of() is memory


@dataclass(frozen=True)
class _Seen:
    """What is known of a dataset's items without any memory, worked out when it is first asked for."""

    dataset: Dataset
    worlds: Worlds
    vectors: Vectors

    @cached_property
    def logs(self) -> Observed:
        return train_logs(self.dataset, self.worlds)

    @cached_property
    def known(self) -> tuple[Floats, Floats, slice]:
        return known_of(self.dataset.catalogue)

    @cached_property
    def without_logs(self) -> Closeness:
        return Closeness(len(self.dataset.catalogue), self._measures)

    @cached_property
    def with_logs(self) -> Closeness:
        return Closeness(len(self.dataset.catalogue), [*self._measures, ByRatings(self.logs.counts)])

    @cached_property
    def _measures(self) -> list[Measure]:
        catalogue = self.dataset.catalogue
        return [ByCategories(catalogue), ByVectors("text", self.vectors), ByYear(catalogue)]


class BeliefModel:
    """Beliefs about one dataset's items and users, from its train users' logs and from memories."""

    def __init__(
        self,
        settings: Settings,
        dataset: Dataset,
        worlds: Worlds,
        vectors: Vectors,
        *,
        knowledge: Knowledge | None = None,
        newest: Callable[[], Knowledge] | None = None,
    ) -> None:
        """Takes unit text vectors (items, d) and `knowledge`, what an LLM says of the items.

        `newest` returns what it says by now; it is called whenever a memory has changed, so that one memory and one
        episode have one belief. Without it knowledge stays as it is, as in every measured run.
        """
        self._settings, self._dataset = settings, dataset
        self._seen = _Seen(dataset, worlds, vectors)
        self.knowledge = Knowledge.nothing(len(dataset.catalogue)) if knowledge is None else knowledge
        self._newest = newest
        self._made: list[_Made] = []
        self._lock = Lock()

    def closeness(self, method: Method) -> Closeness:
        """Returns closeness of items by what they are and, if `method` uses logs, by how few ratings they have."""
        return self._seen.with_logs if method.uses_logs else self._seen.without_logs

    @property
    def logs(self) -> Observed:
        """The ratings in the train users' logs; those of test users are never looked at."""
        return self._seen.logs

    def made(self, method: Method, memory: AgentMemory | None) -> Beliefs | None:
        """Returns `beliefs` if they were worked out already; waits for nothing."""
        changes = 0 if memory is None else memory.actor.changes
        for made in self._made:
            if made.after(memory) and (made.changes, made.method) == (changes, method):
                return made.beliefs
        return None

    def beliefs(self, method: Method, memory: AgentMemory | None) -> Beliefs:
        """Returns what `method` believes with `memory`; first reads it whole, so not on an event loop."""
        with self._lock:
            if (known := self.made(method, memory)) is not None:
                return known
            if self._newest is not None:
                self.knowledge = self._newest()
            changes, outcomes = (0, []) if memory is None else memory.actor.outcomes()
            beliefs, of = self.after(method, outcomes), None if memory is None else ref(memory)
            lasting = [made for made in self._made if made.lasting]
            current = [made for made in lasting if not made.after(memory) or made.changes == changes]
            self._made = [*current, _Made(of, changes, method, beliefs)][-_KEPT:]
            return beliefs

    def after(self, method: Method, outcomes: Iterable[Outcome]) -> Beliefs:
        """Returns what `method` believes after these outcomes, in any order."""
        limits, items = self._settings.memory, len(self._dataset.catalogue)
        return believe(
            self.closeness(method),
            self._known(self.knowledge.column if method.knows and limits.llm_knowledge else None),
            self.logs if method.uses_logs else Observed.nothing(items),
            outcomes,
            answer_doubt=limits.answer_doubt_with_logs if method.uses_logs else limits.answer_doubt,
            values=method.micro,
        )

    def recommender(self, method: Method, memory: AgentMemory | None, *, explores: bool) -> MemoryRecommender:
        """Returns the recommender that goes by these beliefs; in training it `explores`."""
        return self.recommender_by(self.beliefs(method, memory), method, explores=explores)

    def recommender_by(self, beliefs: Beliefs, method: Method, *, explores: bool) -> MemoryRecommender:
        """Returns the recommender of `method` that goes by `beliefs`."""
        actor = self._settings.actor
        return MemoryRecommender(
            beliefs,
            explores=explores,
            leave_cost=leave_cost_of(beliefs.leaving, self._settings.critic.gamma, actor.caution)
            if method.macro
            else 0.0,
            variety=actor.variety,
        )

    def knowing(self, knowledge: Knowledge, newest: Callable[[], Knowledge] | None = None) -> BeliefModel:
        """Returns the same with other knowledge; how close items are and what logs tell is worked out once for both."""
        other = copy(self)
        other.knowledge, other._newest, other._made, other._lock = knowledge, newest, [], Lock()
        return other

    def _known(self, said: Floats | None) -> tuple[Floats, Floats, slice]:
        return self._seen.known if said is None else known_of(self._dataset.catalogue, said)


def train_logs(data: Dataset, worlds: Worlds) -> Observed:
    """Returns the ratings in the train users' logs, and the dislikes that were sampled for logs without any."""
    rated = data.rated_by(worlds.train.users)
    return Observed.of(len(data.catalogue), rated.items.astype(np.int64), rated.ratings.astype(np.float64))
