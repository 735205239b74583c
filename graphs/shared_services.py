"""Services for the graphs that `langgraph dev` serves: made when a context first asks for them, once for all graphs."""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from pathlib import Path

from agents.prompt_pack import load_pack
from graphs.methods import method_named
from graphs.services import Services
from graphs.state import EpisodeContext
from graphs.workshop import Workshop
from memory import Embedder
from settings import Settings, load_settings


class LazyServices:
    """A provider that opens what each context asks for on first use, off the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._workshop = Workshop(settings)
        self._made: dict[tuple[str, str, bool], Services] = {}
        self._with_memory: dict[tuple[str, str, bool, str], Services] = {}
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
        key = (context.dataset, context.prompts, method.needs_llm)
        async with self._lock:
            if key not in self._made:
                services = await asyncio.to_thread(self._make, *key)
                await self._workshop.check_model(services)
                self._made[key] = services
            if memory and (*key, memory) not in self._with_memory:
                # Memories are many where each person has one; data and worlds are shared by all of them.
                self._with_memory[*key, memory] = await asyncio.to_thread(
                    self._workshop.remembering, self._made[key], memory
                )
        return self._with_memory[*key, memory] if memory else self._made[key]

    def _make(self, dataset: str, prompts: str, llm: bool) -> Services:
        return self._workshop.services(
            dataset, memory=None, llm=llm, pack=load_pack(Path(prompts)) if prompts else None, learn_at_once=True
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
