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
from billp.graphs.forms import ServedContext, shown_pack
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


class LazyServices:
    """A provider that opens what each context asks for on first use, off the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._workshop = Workshop(settings)
        self._speaking_others: dict[str, Workshop] = {}
        self._datasets: dict[str, Services] = {}
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
        if asked.dataset not in self._datasets:  # the same however often prompts are edited
            self._datasets[asked.dataset] = self._workshop.services(
                asked.dataset, memory=None, llm=False, learn_at_once=True
            )
        services = self._datasets[asked.dataset]
        pack = load_pack(Path(asked.prompts)) if asked.prompts else services.pack
        if not asked.llm:
            return replace(services, pack=pack)
        self.embedder.embed(["ready"])  # loads its model now, and not in the middle of an episode
        pack, settings = pack.edited(dict(asked.edited)), asked.sampling(self.settings)
        services = replace(services, settings=settings, pack=pack, minds=speaking.minds(pack, settings))
        return speaking.knowledge.told(services, growing=True)

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


_one_at_a_time = threading.Lock()


def shared_services() -> LazyServices:
    """The one provider of this process, with the settings as they are when first asked for.

    All graphs that `langgraph dev` serves share it, and with it one model server and one opened memory; it is kept
    here because `langgraph dev` runs the file of the graphs anew for each of them.
    """
    with _one_at_a_time:  # threads that ask at once must not each make one
        shown_pack()  # read here, off the event loop, on which forms are asked for
        return made_services()


@cache
def made_services() -> LazyServices:
    """What `shared_services` hands out."""
    return LazyServices(load_settings())
