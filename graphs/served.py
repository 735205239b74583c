"""What `langgraph dev` serves: one state machine under several forms, on dependencies that all of them share.

The first episode that needs data, a memory or a model opens them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import SecretStr

from billp.agents.llm.providers import provider_of
from billp.agents.prompt_pack import load_pack
from billp.errors import SettingsError
from billp.graphs.dependencies import Dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.forms import (
    ActOnlyContext,
    LiveContext,
    LiveInput,
    ReactContext,
    ReflexionContext,
    ServedContext,
    shown_pack,
)
from billp.graphs.live import own_memory, with_persons
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.memory import Embedder
from billp.settings import Settings, load_settings

Name = Literal["billp", "reflexion", "react", "act_only", "live"]
_LONGEST = 10_000
"""Steps that the recursion limit allows; an episode's simulator, and with it the horizon, is known only later."""

FORMS: Mapping[Name, type[EpisodeContext]] = {
    "billp": ServedContext,
    "reflexion": ReflexionContext,
    "react": ReactContext,
    "act_only": ActOnlyContext,
    "live": LiveContext,
}
"""The form fields of each graph, beside its input."""


@cache
def served_graph(name: Name) -> EpisodeGraph:
    """Returns the graph of that name, compiled once."""
    live = name == "live"
    inputs = LiveInput if live else EpisodeInput
    return build_episode_graph(_served, _LONGEST, name=name, inputs=inputs, context=FORMS[name], persons=live)


async def _served(context: EpisodeContext, user: str) -> Dependencies:
    shared = await asyncio.to_thread(shared_dependencies)  # reads settings the first time
    return await shared.get(context, user)


@dataclass(frozen=True, slots=True)
class Asked:
    """What dependencies are made for: whether an LLM is needed, and fields of the context."""

    dataset: str
    prompts: str
    llm: bool
    model: str = ""
    temperature: float = -1.0
    top_p: float = 0.0
    max_tokens: int = 0
    edited: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, context: EpisodeContext, *, llm: bool) -> Self:
        """Returns what `context` asks for; reads the prompts that forms show if it has fields for them."""
        if not isinstance(context, ServedContext) or not llm:
            return cls(context.dataset, context.prompts, llm)
        return cls(
            context.dataset,
            context.prompts,
            llm,
            context.model,
            context.temperature,
            context.top_p,
            context.max_tokens,
            tuple(context.edited.items()),
        )

    def sampling(self, settings: Settings) -> Settings:
        """Returns `settings` with the roles' sampling that was asked for."""
        every: dict[str, Any] = {"temperature": self.temperature} if self.temperature >= 0 else {}
        every |= {"top_p": self.top_p} if self.top_p else {}
        wordy = every | ({"max_tokens": self.max_tokens} if self.max_tokens else {})
        roles = {"planner": wordy, "actor": every, "critic": every, "reflector": wordy}
        return settings.model_copy(
            update={role: getattr(settings, role).model_copy(update=changes) for role, changes in roles.items()}
        )


class SharedDependencies:
    """The dependencies of all contexts, opened on first use and off the event loop."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._speaking_others: dict[str, Resources] = {}
        self._datasets: dict[str, Dependencies] = {}
        self._made: dict[Asked, Dependencies] = {}
        self._ready: dict[tuple[Asked, str, str, bool], Dependencies] = {}
        self._lock = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """The settings of these dependencies."""
        return self._resources.settings

    @property
    def embedder(self) -> Embedder:
        """The shared embedder; its model is loaded with its first text."""
        return self._resources.embedder

    async def get(self, context: EpisodeContext, user: str) -> Dependencies:
        """Returns the dependencies for the context's dataset, method, memory and prompts; each made once.

        In a live context the users are persons, and `user` has a memory of their own unless one is named.
        """
        method, live = method_named(context.method), isinstance(context, LiveContext)
        memory = (context.memory or (own_memory(user) if live else "")) if method.remembers else ""
        asked = Asked.of(context, llm=method.needs_llm)
        key = asked, method.name if method.settings else "", memory, live
        async with self._lock:
            if asked not in self._made:
                self._made[asked] = await self._make(asked)
            if key not in self._ready:
                # Each person may have a memory; data and worlds are shared by all.
                deps = self._speaking(asked.model).as_method(self._made[asked], method)
                deps = await asyncio.to_thread(self._resources.remembering, deps, memory) if memory else deps
                self._ready[key] = with_persons(deps) if live else deps
            return self._ready[key]

    async def _make(self, asked: Asked) -> Dependencies:
        speaking = self._speaking(asked.model) if asked.llm else self._resources
        deps = await asyncio.to_thread(self._opened, asked, speaking)
        await speaking.check_model(deps)
        speaking.knowledge.fill_behind(deps)
        return deps

    def _opened(self, asked: Asked, speaking: Resources) -> Dependencies:
        if asked.dataset not in self._datasets:  # shared by all edits of prompts
            self._datasets[asked.dataset] = self._resources.deps(
                asked.dataset, memory=None, llm=False, learn_at_once=True
            )
        deps = self._datasets[asked.dataset]
        pack = load_pack(Path(asked.prompts)) if asked.prompts else deps.pack
        if not asked.llm:
            return replace(deps, pack=pack)
        self.embedder.embed(["ready"])  # loads its model now rather than in the middle of an episode
        pack, settings = pack.edited(dict(asked.edited)), asked.sampling(self.settings)
        deps = replace(deps, settings=settings, pack=pack, roles=speaking.roles(pack, settings))
        return speaking.knowledge.told(deps, growing=True)

    def _speaking(self, model: str) -> Resources:
        """Returns the resources with that model; only their model is used, memory and data are shared."""
        llm = self.settings.llm
        if model in ("", llm.model):
            return self._resources
        if llm.base_url is None and provider_of(model) is None:
            raise SettingsError(
                f"The embedded server knows one model and not {model!r}; leave model empty, name a provider's as "
                f"provider:model, or set llm.base_url."
            )
        if model not in self._speaking_others:
            change: dict[str, Any] = {"model": model}
            if provider_of(model):  # it has its own address, and its key is in the environment
                change |= {"base_url": None, "api_key": SecretStr("none")}
            settings = self.settings.model_copy(update={"llm": llm.model_copy(update=change)})
            self._speaking_others[model] = Resources(settings, embedder=self.embedder)
        return self._speaking_others[model]


_one_at_a_time = threading.Lock()


def shared_dependencies() -> SharedDependencies:
    """Returns the dependencies of this process, with the settings as they are when first asked for.

    All graphs that `langgraph dev` serves share them, and with them one model server and one opened memory. They are
    kept in this module because `langgraph dev` runs the file of the graphs once for each graph.
    """
    with _one_at_a_time:  # threads that ask at the same time must not each make them
        shown_pack()  # forms need it on the event loop, so it is read here first
        return made_dependencies()


@cache
def made_dependencies() -> SharedDependencies:
    """Returns the value of `shared_dependencies`."""
    return SharedDependencies(Resources(load_settings()))
