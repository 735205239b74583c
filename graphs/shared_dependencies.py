"""Dependencies of the graphs that `langgraph dev` serves, made once for all graphs, when first asked for."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr

from billp.agents.llm.providers import provider_of
from billp.agents.prompt_pack import load_pack
from billp.errors import SettingsError
from billp.graphs.dependencies import Dependencies
from billp.graphs.forms import ServedContext, shown_pack
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.graphs.state import EpisodeContext
from billp.memory import Embedder
from billp.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What dependencies are made for: `llm` says whether one is needed, the rest is as in the context."""

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
        """What `context` asks for; may read the prompts that forms show."""
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
        """`settings` with what was asked of the roles' sampling."""
        every: dict[str, Any] = {"temperature": self.temperature} if self.temperature >= 0 else {}
        every |= {"top_p": self.top_p} if self.top_p else {}
        wordy = every | ({"max_tokens": self.max_tokens} if self.max_tokens else {})
        roles = {"planner": wordy, "actor": every, "critic": every, "reflector": wordy}
        return settings.model_copy(
            update={role: getattr(settings, role).model_copy(update=changes) for role, changes in roles.items()}
        )


class SharedDependencies:
    """A provider that opens what each context asks for on first use, off the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._workshop = Resources(settings)
        self._speaking_others: dict[str, Resources] = {}
        self._datasets: dict[str, Dependencies] = {}
        self._made: dict[Asked, Dependencies] = {}
        self._with_memory: dict[tuple[Asked, str], Dependencies] = {}
        self._lock = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """The settings that everything here is made with."""
        return self._workshop.settings

    @property
    def embedder(self) -> Embedder:
        """The one embedder, whose model is loaded at its first text."""
        return self._workshop.embedder

    async def get(self, context: EpisodeContext, user: str) -> Dependencies:
        """The dependencies for the context's dataset, memory and prompts; each made once, whoever the user."""
        method = method_named(context.method)
        memory = context.memory if method.remembers else ""
        key = Asked.of(context, llm=method.needs_llm)
        async with self._lock:
            if key not in self._made:
                self._made[key] = await self._make(key)
            if memory and (key, memory) not in self._with_memory:
                # Memories are many where each person has one; data and worlds are shared by all of them.
                self._with_memory[key, memory] = await asyncio.to_thread(
                    self._workshop.remembering, self._made[key], memory
                )
        deps = self._with_memory[key, memory] if memory else self._made[key]
        return self._speaking(key.model).as_method(deps, method)

    async def _make(self, asked: Asked) -> Dependencies:
        speaking = self._speaking(asked.model) if asked.llm else self._workshop
        deps = await asyncio.to_thread(self._opened, asked, speaking)
        await speaking.check_model(deps)
        speaking.knowledge.fill_behind(deps)
        return deps

    def _opened(self, asked: Asked, speaking: Resources) -> Dependencies:
        if asked.dataset not in self._datasets:  # the same however often prompts are edited
            self._datasets[asked.dataset] = self._workshop.deps(
                asked.dataset, memory=None, llm=False, learn_at_once=True
            )
        deps = self._datasets[asked.dataset]
        pack = load_pack(Path(asked.prompts)) if asked.prompts else deps.pack
        if not asked.llm:
            return replace(deps, pack=pack)
        self.embedder.embed(["ready"])  # loads its model now, and not in the middle of an episode
        pack, settings = pack.edited(dict(asked.edited)), asked.sampling(self.settings)
        deps = replace(deps, settings=settings, pack=pack, roles=speaking.roles(pack, settings))
        return speaking.knowledge.told(deps, growing=True)

    def _speaking(self, model: str) -> Resources:
        """The resources whose model is `model`; only its model is used, memory and data are those of the first."""
        llm = self.settings.llm
        if model in ("", llm.model):
            return self._workshop
        if llm.base_url is None and provider_of(model) is None:
            raise SettingsError(
                f"The embedded server knows one model and not {model!r}; leave model empty, name a provider's as "
                f"provider:model, or set llm.base_url."
            )
        if model not in self._speaking_others:
            change: dict[str, Any] = {"model": model}
            if provider_of(model):  # it is asked at its own address, with the key that it finds in the environment
                change |= {"base_url": None, "api_key": SecretStr("none")}
            settings = self.settings.model_copy(update={"llm": llm.model_copy(update=change)})
            self._speaking_others[model] = Resources(settings, embedder=self.embedder)
        return self._speaking_others[model]


_one_at_a_time = threading.Lock()


def shared_dependencies() -> SharedDependencies:
    """The one provider of this process, with the settings as they are when first asked for.

    All graphs that `langgraph dev` serves share it, and with it one model server and one opened memory; it is kept
    here because `langgraph dev` runs the file of the graphs anew for each of them.
    """
    with _one_at_a_time:  # threads that ask at once must not each make one
        shown_pack()  # read here, off the event loop, on which forms are asked for
        return made_dependencies()


@cache
def made_dependencies() -> SharedDependencies:
    """What `shared_dependencies` hands out."""
    return SharedDependencies(load_settings())
