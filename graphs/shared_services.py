"""Services for the graphs that `langgraph dev` serves: made when a context first asks for them, once for all graphs."""

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
from billp.graphs.forms import ServedContext
from billp.graphs.methods import method_named
from billp.graphs.services import Services
from billp.graphs.state import EpisodeContext
from billp.graphs.workshop import Workshop
from billp.memory import Embedder
from billp.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What services are made for: `llm` says whether any is needed, the others are as in a served graph's context."""

    dataset: str
    prompts: str
    llm: bool
    model: str
    temperature: float

    @classmethod
    def of(cls, context: EpisodeContext, *, llm: bool) -> Self:
        """What `context` asks for."""
        if not isinstance(context, ServedContext) or not llm:
            return cls(context.dataset, context.prompts, llm, "", -1.0)
        return cls(context.dataset, context.prompts, llm, context.model, context.temperature)


class LazyServices:
    """A provider that opens what each context asks for on first use, off the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._workshop = Workshop(settings)
        self._speaking_others: dict[str, Workshop] = {}
        self._made: dict[Asked, Services] = {}
        self._with_memory: dict[tuple[Asked, str], Services] = {}
        self._lock = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """The settings that everything here is made with."""
        return self._workshop.settings

    @property
    def embedder(self) -> Embedder:
        """The one embedder, whose model is loaded at its first text."""
        return self._workshop.embedder

    async def get(self, context: EpisodeContext, user: str) -> Services:
        """The services for the context's dataset, memory and prompts; each made once, whoever the user."""
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
        services = self._with_memory[key, memory] if memory else self._made[key]
        return self._speaking(key.model).as_method(services, method)

    async def _make(self, asked: Asked) -> Services:
        speaking = self._speaking(asked.model) if asked.llm else self._workshop
        services = await asyncio.to_thread(self._opened, asked, speaking)
        await speaking.check_model(services)
        speaking.knowledge.fill_behind(services)
        return services

    def _opened(self, asked: Asked, speaking: Workshop) -> Services:
        pack = load_pack(Path(asked.prompts)) if asked.prompts else None
        own = asked.llm and speaking is self._workshop
        services = self._workshop.services(asked.dataset, memory=None, llm=own, pack=pack, learn_at_once=True)
        if not asked.llm:
            return services
        services = services if own else speaking.knowledge.told(services, growing=True)
        return replace(services, minds=speaking.minds(services.pack, _sampled(self.settings, asked.temperature)))

    def _speaking(self, model: str) -> Workshop:
        """The workshop whose model is `model`; only its model is used, memory and data are those of the first."""
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
            self._speaking_others[model] = Workshop(settings, embedder=self.embedder)
        return self._speaking_others[model]


def _sampled(settings: Settings, temperature: float) -> Settings:
    """`settings` with that temperature for every role; as they are below 0."""
    if temperature < 0:
        return settings
    roles = ("planner", "actor", "critic", "reflector")
    return settings.model_copy(
        update={role: getattr(settings, role).model_copy(update={"temperature": temperature}) for role in roles}
    )


_one_at_a_time = threading.Lock()


def shared_services() -> LazyServices:
    """The one provider of this process, with the settings as they are when first asked for.

    All graphs that `langgraph dev` serves share it, and with it one model server and one opened memory; it is kept
    here because `langgraph dev` runs the file of the graphs anew for each of them.
    """
    with _one_at_a_time:  # threads that ask at once must not each make one
        return made_services()


@cache
def made_services() -> LazyServices:
    """What `shared_services` hands out."""
    return LazyServices(load_settings())
