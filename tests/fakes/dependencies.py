"""Whole dependencies on fakes: tiny worlds, hashing embedder, exact store, rule-fed model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from billp.agents.prompt_pack import load_pack
from billp.agents.recommender import Observations
from billp.graphs.beliefs import BeliefModel
from billp.graphs.dependencies import AgentRoles, Dependencies
from billp.graphs.methods import method_named, settings_of
from billp.graphs.state import ActorObservation, Decision
from billp.graphs.users import SimulatedUsers, Split
from billp.memory import AgentMemory
from billp.settings import load_settings
from billp.simulators import StepResult
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel
from tests.fakes.worlds import tiny_dataset, tiny_worlds


class FirstFree:
    """A recommender that recommends the first item that may be."""

    def choose(self, seen: Observations) -> NDArray[np.int64]:
        return np.asarray((~seen.masked).argmax(axis=1))


@dataclass(frozen=True)
class Patient(SimulatedUsers):
    """Simulated users who stay for `steps` steps, whatever comes, and give each item four stars."""

    steps: int = 50

    def answer(self, split: Split, seen: ActorObservation, decision: Decision) -> StepResult:
        return StepResult(4.0, "horizon" if len(seen["recommended"]) + 1 == self.steps else "")


def patient(deps: Dependencies, steps: int) -> Dependencies:
    """The same dependencies with users who stay for that many steps."""
    return replace(deps, users=Patient(deps.dataset, deps.worlds, steps))


def fake_dependencies(
    model: BaseChatModel | None = None,
    memory: AgentMemory | None = None,
    *,
    method: str = "billp",
    learn_at_once: bool = False,
    **flags: Any,
) -> Dependencies:
    """Dependencies of a method on the tiny dataset; `flags` are settings, with double underscores for dots."""
    given = {name.replace("__", "."): value for name, value in flags.items()}
    settings = settings_of(method_named(method), load_settings(given))
    pack, dataset, worlds, embedder = load_pack(settings.prompts), tiny_dataset(), tiny_worlds(), HashEmbedder()
    vectors = np.asarray(embedder.embed([item.text for item in dataset.catalogue]), dtype=np.float32)
    return Dependencies(
        settings=settings,
        dataset=dataset,
        worlds=worlds,
        users=SimulatedUsers(dataset, worlds),
        popularity=dataset.popularity(worlds.train.users),
        vectors=vectors,
        embedder=embedder,
        belief_model=BeliefModel(settings, dataset, worlds, vectors),
        pack=pack,
        roles=AgentRoles.on(model or RuleModel(), pack, settings),
        memory=memory,
        recommender=FirstFree(),
        learn_at_once=learn_at_once,
    )
