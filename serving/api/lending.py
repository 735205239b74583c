"""Lends dependencies with a memory for the duration of a step: one memory for all, or one per person."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.state import EpisodeContext
from billp.memory import AgentMemory, open_memory

_KEPT = 32  # memories that stay open while they are not used


@dataclass
class _Lent:
    agent_memory: AgentMemory
    deps: dict[str, Dependencies] = field(default_factory=dict)
    holders: int = 0


class Lender:
    """Provides dependencies for the graph; a memory is opened when first lent, and closed when long unused."""

    def __init__(self, bases: Mapping[str, Dependencies]) -> None:
        """Takes dependencies without a memory, by method."""
        self._bases = bases
        self._lent: OrderedDict[str, _Lent] = OrderedDict()
        self._moving = asyncio.Lock()

    def base(self, method: str) -> Dependencies:
        """Returns the dependencies of a method, without a memory."""
        return self._bases[method]

    @asynccontextmanager
    async def lent(self, method: str, memory: str) -> AsyncIterator[Dependencies]:
        """Yields dependencies with that memory, which stays open meanwhile; without one if `memory` is empty.

        Raises MemoryStoreError if it cannot be opened.
        """
        if not memory:
            yield self._bases[method]
            return
        lent = self._lent.get(memory) or await self._open(method, memory)
        lent.holders += 1
        self._lent.move_to_end(memory)
        try:
            if method not in lent.deps:
                lent.deps[method] = replace(self._bases[method], memory=lent.agent_memory)
            yield lent.deps[method]
        finally:
            lent.holders -= 1
            await self._close_unused()

    async def warm(self, method: str, memory: str) -> None:
        """Computes what memory believes before anyone waits for it."""
        chosen = method_named(method)
        if chosen.chooser == "memory":
            async with self.lent(method, memory) as deps:
                await asyncio.to_thread(deps.belief_model.beliefs, chosen, deps.memory)

    async def get(self, context: EpisodeContext, user: str) -> Dependencies:
        """Returns the dependencies that were lent for the present episode."""
        return self._lent[context.memory].deps[context.method] if context.memory else self._bases[context.method]

    async def put_back(self, memory: str) -> None:
        """Closes a memory, unless it is in use."""
        async with self._moving:
            await self._close(memory)

    async def close(self) -> None:
        """Closes all memories that are not in use."""
        async with self._moving:
            for memory in list(self._lent):
                await self._close(memory)

    async def _open(self, method: str, memory: str) -> _Lent:
        async with self._moving:
            if memory not in self._lent:
                self._lent[memory] = _Lent(await asyncio.to_thread(self._opened, method, memory))
            return self._lent[memory]

    def _opened(self, method: str, memory: str) -> AgentMemory:
        base = self._bases[method]
        agent_memory = open_memory(base.settings, base.dataset.name, memory, base.embedder)
        try:
            agent_memory.check_catalogue(base.catalogue, base.vectors)
        except BaseException:
            agent_memory.close()
            raise
        return agent_memory

    async def _close_unused(self) -> None:
        if len(self._lent) <= _KEPT:
            return
        async with self._moving:
            unused = [memory for memory, lent in self._lent.items() if not lent.holders]
            for memory in unused[: max(0, len(self._lent) - _KEPT)]:
                await self._close(memory)

    async def _close(self, memory: str) -> None:
        lent = self._lent.get(memory)
        if lent is not None and not lent.holders:
            del self._lent[memory]  # another request for it waits until it is closed
            await asyncio.to_thread(lent.agent_memory.close)
