"""Opens what episodes need (model, embedder, worlds, memory) once, and hands it out as deps."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cached_property
from typing import Self

import numpy as np
from langchain_core.language_models import BaseChatModel

from billp.agents.llm.abilities import Abilities, abilities_of
from billp.agents.llm.metering import Calls, Load, MeteredChat
from billp.agents.llm.providers import ProviderChat, provider_chat, provider_of
from billp.agents.llm.server_chat import ServerChat
from billp.agents.llm.servers import SeveralServers
from billp.agents.llm.start_up import find_abilities
from billp.agents.llm.tape import Tape
from billp.agents.llm.taped_chat import TapedChat
from billp.agents.prompt_pack import PromptPack, load_pack
from billp.errors import SettingsError
from billp.graphs.beliefs import BeliefModel
from billp.graphs.dependencies import AgentRoles, Dependencies
from billp.graphs.item_knowledge import ItemKnowledge
from billp.graphs.methods import Method, settings_of
from billp.graphs.users import SimulatedUsers
from billp.memory import AgentMemory, Embedder, SentenceEmbedder, catalogue_vectors, open_memory
from billp.serving.embedded import EmbeddedServer, start
from billp.settings import Settings
from billp.simulators import base_name, list_datasets, load_dataset, load_worlds, simulator_folder
from billp.whole_files import open_plain

log = logging.getLogger(__name__)
Progress = Callable[[float], None]


class Resources:
    """Model server, embedder and memories of one process; opened when first asked for, closed together."""

    def __init__(
        self, settings: Settings, *, model: BaseChatModel | None = None, embedder: Embedder | None = None
    ) -> None:
        self.settings = settings
        self.given_model = model
        self.given_embedder = embedder
        self._memories: dict[tuple[str, str], AgentMemory] = {}
        self._open = AsyncExitStack()
        self._abilities: Abilities | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes memories and connections; the embedded server ends with this object."""
        await self._open.aclose()
        self._memories.clear()

    @cached_property
    def embedder(self) -> Embedder:
        """The sentence embedder, or the one given."""
        return self.given_embedder or SentenceEmbedder()

    @cached_property
    def server(self) -> EmbeddedServer | None:
        """The embedded server; None where `llm.base_url` names another one, or `llm.model` a provider."""
        llm = self.settings.llm
        return None if llm.base_url or provider_of(llm.model) else start(self.settings)

    @cached_property
    def tape(self) -> Tape | None:
        """The tape that LLM calls go onto or come from; None where `run.tape` is off.

        Raises TapeError, and SettingsError if no file is named.
        """
        run = self.settings.run
        if run.tape == "off":
            return None
        if run.tape_file is None:
            raise SettingsError(f"Setting run.tape={run.tape} needs a file; give --tape-file or set run.tape_file.")
        tape = Tape(run.tape_file.expanduser(), replay=run.tape == "replay")
        self._open.callback(tape.close)
        return tape

    @cached_property
    def model(self) -> MeteredChat:
        """The chat model: the one given, the server that `llm.base_url` names, or the embedded one; or their tape."""
        if self.tape is None:
            return MeteredChat(inner=self.given_model or self._own_model)
        llm = self.settings.llm
        live = None if self.settings.run.tape == "replay" else self.given_model or self._own_model
        taped = TapedChat(
            tape=self.tape, inner=live, model=llm.model, sha256=self.model_digest, extra=dict(llm.extra_body)
        )
        return MeteredChat(inner=taped)

    @cached_property
    def _own_model(self) -> ServerChat | ProviderChat | SeveralServers:
        llm = self.settings.llm
        if provider_of(llm.model):
            return provider_chat(llm)
        servers = [ServerChat(base_url=url, settings=llm) for url in self.base_urls]
        for server in servers:
            self._open.push_async_exit(server)
        return servers[0] if len(servers) == 1 else SeveralServers(servers=servers)

    def another_model(self) -> ServerChat:
        """Returns the embedded model, or that of a server, for another event loop."""
        return ServerChat(base_url=self.base_urls[0], settings=self.settings.llm)

    @property
    def base_urls(self) -> tuple[str, ...]:
        """Where the model answers: the servers that the settings name, or the embedded one."""
        return self.settings.llm.base_urls or (self.server.base_url if self.server else "",)

    def sharing(self, settings: Settings) -> Resources:
        """Resources with other settings on the same model and embedder, which stay this one's to close."""
        other = Resources(settings, model=self.given_model, embedder=self.embedder)
        other._abilities = self._abilities
        for name in ("server", "tape", "model", "_own_model"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]  # what a cached property has made already
        return other

    @property
    def model_name(self) -> str:
        """What answers, in a word: the provider's model, the server's address, or the embedded model's file."""
        if self.given_model is not None:
            return "given"
        if provider_of(self.settings.llm.model) or self.settings.run.tape == "replay":
            return self.settings.llm.model
        return self.settings.llm.base_url or (self.server.model_file.name if self.server else "")

    @cached_property
    def knowledge(self) -> ItemKnowledge:
        """What the model says of items."""
        return ItemKnowledge(self)

    def at_close(self, call: Callable[[], None]) -> None:
        """Calls it when these resources close, before what it was made with is gone."""
        self._open.callback(call)

    @property
    def stands_in(self) -> bool:
        """Whether the model is the one that is used where none was named."""
        llm = self.settings.llm
        return self.given_model is None and not (llm.base_url or llm.gguf or provider_of(llm.model))

    async def check_model(self, deps: Dependencies) -> None:
        """Checks before a run whether the LLM answers and what it can do, and logs once what it cannot.

        Nothing is asked if `deps` need no LLM. Raises what `find_abilities` raises.
        """
        if deps.roles is None or self._abilities is not None:
            return
        log.info("finding out what the LLM can do")
        able = await self.find_abilities()
        for sentence in able.lacking():
            log.warning("%s: %s", self.model_name, sentence)

    async def find_abilities(self) -> Abilities:
        """Returns what the LLM can do; asks it the first time, unless a tape or a given model answers.

        It does not wait for a server that is away, which was probably not started. Raises UnusableModelError,
        ServerAwayError and ModelUnavailableError.
        """
        if self._abilities is None:
            if self.given_model is None and self.settings.run.tape != "replay":
                found = await find_abilities(self._own_model, self.model_name)
                able = self._own_model.abilities = replace(found, words=not self.stands_in)
                if self.tape is not None:
                    self.tape.add_abilities(self.settings.llm.model, able)
            self._abilities = abilities_of(self.model)
        return self._abilities

    def know(self, able: Abilities) -> None:
        """Takes it as found out what the LLM can do."""
        self._abilities = able
        if self.given_model is None:
            self._own_model.abilities = able

    @property
    def abilities(self) -> Abilities | None:
        """The LLM's abilities; None if they were never checked, since none was asked for."""
        return self._abilities

    @property
    def load(self) -> Load:
        """How busy the LLM was kept; all zero where none was asked for."""
        return self.model.load if "model" in self.__dict__ else Load(0.0, 0.0, 0.0)

    def new_calls(self) -> Calls:
        """Returns the calls to the LLM since the last time."""
        return self.model.take() if "model" in self.__dict__ else Calls()

    @cached_property
    def model_digest(self) -> str:
        """sha256 of the embedded model's file, or of the recorded one; empty for a model of another server."""
        if self.tape is not None and self.settings.run.tape == "replay":
            return self.tape.digest_of(self.settings.llm.model)
        if self.given_model is not None or self.server is None:
            return ""
        with open_plain(self.server.model_file) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def memory(self, dataset: str, name: str, *, reading: bool = False) -> AgentMemory:
        """Returns the memory `name` of a dataset, for writing; the same object however often it is asked for.

        With `reading` it is the memory as it is now, whichever process writes to it; if this process does, it is that
        object.
        """
        if (dataset, name) in self._memories:
            return self._memories[dataset, name]
        agent_memory = open_memory(self.settings, dataset, name, self.embedder, reading=reading)
        self._open.callback(agent_memory.close)
        if not reading:
            self._memories[dataset, name] = agent_memory
        return agent_memory

    def deps(
        self,
        dataset: str,
        *,
        memory: str | None,
        llm: bool,
        method: Method | None = None,
        reading: bool = False,
        pack: PromptPack | None = None,
        learn_at_once: bool = False,
        progress: Progress | None = None,
    ) -> Dependencies:
        """Dependencies on a registered dataset with a built simulator.

        `memory` names the memory (None: none is read or written), which with `reading` is only read; `llm` asks for the
        roles; settings that are part of `method` hold. Raises DataError, ArtifactError, MemoryStoreError, PromptError
        or ServingError, each with its remedy.
        """
        if memory is not None and not reading and base_name(dataset) in list_datasets(self.settings.data):
            self.memory(dataset, memory)  # first, so that a locked memory is reported at once and not after a minute
        log.info("reading %s", dataset)
        data = load_dataset(self.settings.data, dataset)
        worlds = load_worlds(simulator_folder(self.settings.data, dataset), data)
        if self.settings.run.horizon is not None:
            worlds = worlds.cut_off(self.settings.run.horizon)
        worlds = worlds.quitting_by(self.settings.run.quit_rule, self.settings.run.repeats, self.settings.run.window)
        pack = pack or load_pack(self.settings.prompts)
        if llm:
            self.embedder.embed(["ready"])  # loads its model now, for seconds, and not in the middle of an episode
        vectors = catalogue_vectors(data.catalogue, self.embedder, self.settings.data / "vectors", progress)
        deps = Dependencies(
            settings=self.settings,
            dataset=data,
            worlds=worlds,
            users=SimulatedUsers(data, worlds),
            popularity=data.popularity(worlds.train.users),
            vectors=np.asarray(vectors, dtype=np.float32),
            embedder=self.embedder,
            pack=pack,
            belief_model=BeliefModel(self.settings, data, worlds, np.asarray(vectors, dtype=np.float32)),
            roles=self.roles(pack) if llm else None,
            memory=None,
            learn_at_once=learn_at_once,
        )
        deps = self.knowledge.told(deps, growing=learn_at_once) if llm else deps
        if method is not None:
            deps = self.as_method(deps, method)
        return deps if memory is None else self.remembering(deps, memory, reading=reading)

    def as_method(self, deps: Dependencies, method: Method) -> Dependencies:
        """Returns `deps` with the settings that are part of `method`; the same object if there are none."""
        settings = settings_of(method, deps.settings)
        if settings is deps.settings:
            return deps
        roles = None if deps.roles is None else self.roles(deps.pack, settings)
        return replace(deps, settings=settings, roles=roles)

    def remembering(self, deps: Dependencies, memory: str, *, reading: bool = False) -> Dependencies:
        """Returns `deps` with that memory; raises MemoryStoreError if it was learned with other items."""
        agent_memory = self.memory(deps.dataset.name, memory, reading=reading)
        agent_memory.check_catalogue(deps.catalogue, deps.vectors)
        return replace(deps, memory=agent_memory)

    def roles(self, pack: PromptPack, sampling: Settings | None = None) -> AgentRoles:
        """Returns the four roles on the words of `pack`, with the sampling of other settings where some are given."""
        return AgentRoles.on(self.model, pack, sampling or self.settings)
