"""What the nodes work with: data, users, roles and memory of one dataset, made once and shared by episodes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from langchain_core.language_models import BaseChatModel
from langgraph.runtime import Runtime
from numpy.typing import NDArray

from billp.agents.grounding import Vectors
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import PromptPack
from billp.agents.recommender import Recommender
from billp.agents.roles.actor import Actor
from billp.agents.roles.critic import Critic
from billp.agents.roles.planner import Planner
from billp.agents.roles.reflector import Reflector
from billp.agents.roles.wishes import Wish, WishReader, not_wished
from billp.catalogue import Catalogue
from billp.errors import BadInputError, EpisodeError
from billp.graphs.beliefs import BeliefModel
from billp.graphs.state import ActorState, EpisodeContext, EpisodeState, Observation, wish_of
from billp.graphs.users import Users, masked_of
from billp.memory import AgentMemory, Embedder
from billp.settings import Settings
from billp.simulators import Dataset, Worlds

State = TypeVar("State", bound=EpisodeState | ActorState)
Result = TypeVar("Result")
_NEWEST_WEIGHS = 0.8  # each older item of a state counts this much of the next newer one


@dataclass(frozen=True)
class AgentRoles:
    """The four roles and the reader of wishes, on one model and one prompt pack."""

    planner: Planner
    actor: Actor
    critic: Critic
    reflector: Reflector
    wishes: WishReader

    @classmethod
    def on(cls, model: BaseChatModel, pack: PromptPack, settings: Settings) -> Self:
        """Returns the roles that ask `model` in the words of `pack`."""
        return cls(
            planner=Planner(model, pack["planner"], settings.planner),
            actor=Actor(model, pack, settings.actor, settings.planner.shown_steps),
            critic=Critic(model, pack["critic"], settings.critic, settings.planner.shown_steps),
            reflector=Reflector(model, pack["reflector"], settings.reflector, pack["claim"]),
            wishes=WishReader(model, pack["wish"], settings.planner),
        )


@dataclass(frozen=True)
class Dependencies:
    """Everything an episode needs. It holds no state of an episode, so many episodes share it side by side."""

    settings: Settings
    dataset: Dataset
    worlds: Worlds
    users: Users
    popularity: NDArray[np.int64]
    """(items,) interactions in the train users' logs."""
    vectors: Vectors
    """(items, d) text vectors of unit length."""
    embedder: Embedder
    pack: PromptPack
    belief_model: BeliefModel
    """What can be believed of items and of leaving, given a memory."""
    roles: AgentRoles | None
    """None if no method in use needs an LLM."""
    memory: AgentMemory | None
    """None if no method in use has a memory."""
    recommender: Recommender | None = None
    """A recommender that was trained or counted beforehand; None if no method in use needs one."""
    learn_at_once: bool = False
    """Write to memory when an episode ends, instead of leaving that to a runner's batches."""

    @property
    def catalogue(self) -> Catalogue:
        """The items that can be recommended."""
        return self.dataset.catalogue

    @property
    def wishes(self) -> WishReader:
        """The reader of what a person asks for; without an LLM it reads wishes that name categories plainly."""
        return self.roles.wishes if self.roles else WishReader(None, self.pack["wish"], self.settings.planner)

    @cached_property
    def ranking(self) -> NDArray[np.int64]:
        """(items,) catalogue indices, most popular first, equals by index; sorted once for all episodes."""
        return np.argsort(-self.popularity, kind="stable")

    @property
    def required_roles(self) -> AgentRoles:
        """The roles; raises EpisodeError if these dependencies were made without an LLM."""
        if self.roles is None:
            raise EpisodeError("This episode needs an LLM, but none was started; name an LLM method when starting.")
        return self.roles

    def observed(self, seen: Observation) -> AgentObservation:
        """Returns `seen` in the agents' terms: items with titles and categories, rewards in whole stars."""
        return AgentObservation(
            history=tuple(self.catalogue.some(seen["history"])),
            recommended=tuple(self.catalogue.some(seen["recommended"])),
            rewards=tuple(round(reward) for reward in seen["rewards"]),
        )

    def masked_items(self, seen: Observation) -> set[int]:
        """Returns items that may not be recommended now: those the user met, and those a wish excludes."""
        met, wish = self.met_items(seen), wish_of(seen)
        return met | not_wished(self.catalogue, wish, met) if wish != Wish() else met

    def met_items(self, seen: Observation) -> set[int]:
        """Returns the items of the user's own history and of this episode (`actor.mask_history`, `actor.mask_shown`).

        Once all other items were shown in the episode, they count as new and may be shown again.
        """
        settings, items = self.settings, len(self.catalogue)
        own = masked_of(settings, {*self.users.rated(seen["user"]), *seen["history"]}, items)
        shown = [*seen["wish"]["passed"], *(seen["recommended"] if settings.actor.mask_shown else [])]
        return own | set(shown[len(shown) - len(shown) % (items - len(own)) :])

    def state_words(self, observed: AgentObservation) -> str:
        """Returns the titles that make up a state, oldest first: how a search of memory is shown to people."""
        return "; ".join(item.title for item in observed.recent(self.settings.memory.state_items))

    def state_vector(self, observed: AgentObservation) -> Vectors:
        """Returns the (d,) unit mean of the text vectors of the user's last items, newer ones weighing more.

        Averaging vectors that exist costs microseconds, embedding the state's text tens of milliseconds; both lie in
        the same space as the vectors of searched words.
        """
        return state_vector(self.vectors, [item.index for item in observed.recent(self.settings.memory.state_items)])


DependencyProvider = Callable[[EpisodeContext, str], Awaitable[Dependencies]]
"""Gives the dependencies that an episode's context and user need; made on first use, shared afterwards."""

Update = dict[str, Any]
"""What a node returns: the keys of the state that change."""

Node = Callable[..., Awaitable[Update]]
"""A node, as a function of (state, runtime, dependencies) or, with its dependencies, as LangGraph calls it."""


def fixed_dependencies(deps: Dependencies) -> DependencyProvider:
    """Returns a provider that gives these dependencies for every context and user."""

    async def provide(context: EpisodeContext, user: str) -> Dependencies:
        return deps

    return provide


def with_dependencies(
    node: Callable[[State, Runtime[EpisodeContext], Dependencies], Awaitable[Result]], provide: DependencyProvider
) -> Callable[..., Awaitable[Result]]:
    """Returns `node`, a node or router, as LangGraph calls it; it gets the dependencies of its episode.

    It keeps the annotations of `node`, which LangGraph reads. It raises BadInputError if the input names no user.
    """

    @functools.wraps(node)
    async def run(state: State, runtime: Runtime[EpisodeContext]) -> Result:
        if not state.get("user"):
            raise BadInputError(
                'No user is named; give the input as {"user": "ID"}, with an id of the dataset\'s logs.'
            )
        return await node(state, runtime, await provide(runtime.context, state["user"]))

    return run


def state_vector(vectors: Vectors, recent: Sequence[int]) -> Vectors:
    """Returns the (d,) unit vector of the items `recent`, oldest first; zero if there are none."""
    if not recent:
        return np.zeros(vectors.shape[1], dtype=np.float32)
    weights = _NEWEST_WEIGHS ** np.arange(len(recent) - 1, -1, -1, dtype=np.float32)
    mean = weights @ vectors[list(recent)]
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


async def embed_text(embedder: Embedder, text: str) -> Vectors:
    """Returns the (d,) unit vector of one text, computed off the event loop."""
    return np.asarray((await asyncio.to_thread(embedder.embed, [text]))[0], dtype=np.float32)
