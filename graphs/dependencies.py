"""What the nodes work with: the roles, the memory and the user of one dataset, made once and shared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from billp.agents.grounding import Vectors
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import PromptPack
from billp.agents.recommender import Recommender
from billp.agents.roles.actor import Actor
from billp.agents.roles.critic import Critic
from billp.agents.roles.planner import Planner
from billp.agents.roles.reflector import Reflector
from billp.agents.roles.wishes import WishReader
from billp.catalogue import Catalogue
from billp.graphs.beliefs import BeliefModel
from billp.graphs.state import EpisodeContext, Observation
from billp.graphs.users import Users
from billp.memory import AgentMemory, Embedder
from billp.settings import Settings
from billp.simulators import Dataset, Worlds

_NEWEST_WEIGHS = 0.8  # each older item of a state counts this much of the next newer one


@dataclass(frozen=True)
class AgentRoles:
    """The four roles, on one model and one prompt pack, and who reads wishes with it."""

    planner: Planner
    actor: Actor
    critic: Critic
    reflector: Reflector
    wishes: WishReader


@dataclass(frozen=True)
class Dependencies:
    """Everything one episode needs; holds no state of any episode, so episodes share it side by side."""

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
    """What memories let believe of items and of leaving."""
    roles: AgentRoles | None
    """None where no method in use needs an LLM."""
    memory: AgentMemory | None
    """None where no method in use has a memory."""
    recommender: Recommender | None = None
    """Whatever recommends by what was trained or counted beforehand; None where no method in use needs it."""
    learn_at_once: bool = False
    """Write to memory when an episode ends, instead of leaving that to the runner's batches."""

    @property
    def catalogue(self) -> Catalogue:
        """The items that can be recommended."""
        return self.dataset.catalogue

    @property
    def wishes(self) -> WishReader:
        """Who reads what a person asks for; without a language model what names categories plainly."""
        return self.roles.wishes if self.roles else WishReader(None, self.pack["wish"], self.settings.planner)

    @cached_property
    def ranking(self) -> NDArray[np.int64]:
        """(items,) catalogue indices, most popular first, equals by index; sorted once for all episodes."""
        return np.argsort(-self.popularity, kind="stable")

    def observed(self, seen: Observation) -> AgentObservation:
        """What is known, in the agents' terms."""
        return AgentObservation(
            history=tuple(self.catalogue.some(seen["history"])),
            recommended=tuple(self.catalogue.some(seen["recommended"])),
            rewards=tuple(round(reward) for reward in seen["rewards"]),
        )

    def state_words(self, observed: AgentObservation) -> str:
        """The titles that make up a state, oldest first: what is looked for in memory, for people."""
        return "; ".join(item.title for item in observed.recent(self.settings.memory.state_items))

    def state_vector(self, observed: AgentObservation) -> Vectors:
        """(d,) unit vector of the user's last items: the mean of their text vectors, newer ones weighing more.

        Averaging vectors that exist already costs microseconds where embedding the state's text anew would
        cost tens of milliseconds a step, and it lives in the same space as any searched words.
        """
        return state_vector(self.vectors, [item.index for item in observed.recent(self.settings.memory.state_items)])


class DependencyProvider(Protocol):
    """Hands each node the dependencies that its episode's context and user ask for."""

    async def get(self, context: EpisodeContext, user: str) -> Dependencies:
        """The dependencies; made on first use, shared afterwards."""
        ...


@dataclass(frozen=True)
class FixedDependencies:
    """A provider of dependencies made beforehand."""

    deps: Dependencies

    async def get(self, context: EpisodeContext, user: str) -> Dependencies:
        """The same dependencies whatever the context and whoever the user."""
        return self.deps


def state_vector(vectors: Vectors, recent: Sequence[int]) -> Vectors:
    """(d,) unit vector of the items `recent`, oldest first; zero where there are none."""
    if not recent:
        return np.zeros(vectors.shape[1], dtype=np.float32)
    weights = _NEWEST_WEIGHS ** np.arange(len(recent) - 1, -1, -1, dtype=np.float32)
    mean = weights @ vectors[list(recent)]
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


async def embed_text(embedder: Embedder, text: str) -> Vectors:
    """(d,) unit vector of one text, computed off the event loop."""
    return np.asarray((await asyncio.to_thread(embedder.embed, [text]))[0], dtype=np.float32)
