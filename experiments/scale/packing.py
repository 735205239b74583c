"""What a worker needs to play the episodes of a batch: packed by the driver, unpacked by the worker.

It is sent in parts of different size and lifetime, each once: the ground, which all methods of a run share; what memory
holds, in the parts in which it was read; and a small kit for each batch. No part holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray
from pydantic import SecretStr

from billp.agents.grounding import Vectors
from billp.agents.llm.abilities import Abilities
from billp.agents.prompt_pack import PromptPack
from billp.agents.recommender import Recommender
from billp.experiments.runs.engine import Stage
from billp.graphs.beliefs import BeliefModel
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import Method
from billp.graphs.resources import Resources
from billp.graphs.users import SimulatedUsers
from billp.memory import Embedder, FrozenMemory, Kind, Knowledge
from billp.settings import Settings
from billp.simulators import Dataset, Worlds

Ref = Any
"""A reference to an object that every worker can fetch."""


@dataclass(frozen=True)
class Ground:
    """Users, items and worlds."""

    dataset: Dataset
    worlds: Worlds
    popularity: NDArray[np.int64]
    vectors: Vectors


@dataclass(frozen=True)
class Equipment:
    """How a worker embeds texts and asks the LLM."""

    settings: Settings
    abilities: Abilities | None
    """What the LLM can do; None if none is asked."""
    model: BaseChatModel | None
    """None for the servers that the settings name."""
    embedder: Embedder | None
    """None for the sentence embedder, which each worker loads itself."""

    def resources(self, key: SecretStr) -> Resources:
        """Returns resources with this equipment; `key` is sent to the LLM."""
        llm = self.settings.llm.model_copy(update={"api_key": key})
        resources = Resources(self.settings.model_copy(update={"llm": llm}), model=self.model, embedder=self.embedder)
        if self.abilities is not None:
            resources.know(self.abilities)
        return resources


@dataclass(frozen=True)
class Kit:
    """What is specific to a batch."""

    settings: Settings
    method: Method
    run: str
    first_ordinal: int
    horizon: int
    pack: PromptPack
    knowledge: Knowledge
    recommender: Recommender | None
    asks: bool
    """Whether the LLM is asked."""


@dataclass(frozen=True)
class Parcel:
    """Where each part is that the episodes of a batch need. It is sent with every job."""

    kit: Ref
    ground: Ref
    equipment: Ref
    memory: FrozenMemory | None
    """The memory's names, without its parts."""
    rows: Mapping[Kind, tuple[Ref, ...]]

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All references."""
        return (self.kit, self.ground, self.equipment, *(ref for refs in self.rows.values() for ref in refs))


def without_secrets(settings: Settings) -> Settings:
    """Returns `settings` without keys and passwords."""
    llm = settings.llm.model_copy(update={"api_key": SecretStr("none")})
    return settings.model_copy(update={"llm": llm, "postgres_url": None})


def kit_of(stage: Stage) -> Kit:
    """Returns the kit of a batch."""
    deps = stage.deps
    return Kit(
        settings=without_secrets(deps.settings),
        method=stage.method,
        run=stage.run,
        first_ordinal=stage.first_ordinal,
        horizon=stage.horizon,
        pack=deps.pack,
        knowledge=deps.belief_model.knowledge,
        recommender=deps.recommender,
        asks=deps.roles is not None,
    )


def stage_of(kit: Kit, ground: Ground, memory: FrozenMemory | None, resources: Resources) -> Stage:
    """Returns the batch's stage, on the equipment of `resources`."""
    belief_model = BeliefModel(kit.settings, ground.dataset, ground.worlds, ground.vectors, knowledge=kit.knowledge)
    deps = Dependencies(
        settings=kit.settings,
        dataset=ground.dataset,
        worlds=ground.worlds,
        users=SimulatedUsers(ground.dataset, ground.worlds),
        popularity=ground.popularity,
        vectors=ground.vectors,
        embedder=resources.embedder,
        pack=kit.pack,
        belief_model=belief_model,
        roles=resources.roles(kit.pack, kit.settings) if kit.asks else None,
        memory=None if memory is None else memory.agent_memory(resources.embedder),
        recommender=kit.recommender,
    )
    return Stage(deps, kit.method, kit.run, kit.first_ordinal, kit.horizon)
