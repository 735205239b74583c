"""Plays episodes for a driver elsewhere, and reports what is logged meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from billp.agents.llm.metering import Calls
from billp.errors import BillpError
from billp.experiments.runs.engine import Stage, play_as_arrays, play_in_graph
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.runs.vectorised import Played
from billp.experiments.scale.packing import Parcel, Ref, stage_of
from billp.graphs.at_work import UnderWay, Working, counted
from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.resources import Resources
from billp.graphs.running import settle
from billp.memory import FrozenMemory

Fetch = Callable[[Ref], Awaitable[Any]]
_KEPT = 8  # batches whose stage is kept: most comparisons have at most as many methods that learn


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a job: its episodes, or the error that ends the run."""

    played: tuple[Played, ...]
    stopped: BillpError | None = None
    calls: Calls = field(default_factory=Calls)
    """When this worker asked the LLM since its last report."""


@dataclass(frozen=True, slots=True)
class Said:
    """A log record."""

    logger: str
    level: int
    words: str


@dataclass(frozen=True)
class _Set:
    """A stage, and where its parts came from."""

    stage: Stage
    graph: EpisodeGraph
    under_way: UnderWay
    refs: frozenset[Ref]


class Worker:
    """Plays episodes of one driver, on one event loop; keeps what it fetched as long as it may be needed again."""

    def __init__(self, fetch: Fetch, key: SecretStr) -> None:
        """Takes the function that fetches a part of a parcel, and the key that is sent to the LLM."""
        self._fetch, self._key = fetch, key
        self._sets: OrderedDict[Ref, _Set] = OrderedDict()
        self._fetched: dict[Ref, Any] = {}
        self._unpacking = asyncio.Lock()

    async def play(self, parcel: Parcel, plans: Sequence[EpisodePlan]) -> Report:
        """Plays `plans`, all of one batch. An error that ends the run is in the report, not raised."""
        played: list[Played] = []
        try:
            async with self._unpacking:
                there = await self._set(parcel)
            if there.stage.method.together:
                await play_as_arrays(there.stage, plans, played.extend)
            else:
                with counted(there.under_way):
                    played += [await play_in_graph(there.stage, there.graph, plan) for plan in plans]
        except BillpError as error:
            return Report((), error, self._calls(parcel))
        return Report(tuple(played), calls=self._calls(parcel))

    async def working(self, parcel: Parcel) -> list[Working]:
        """Returns the episodes of `parcel` that are under way here."""
        there = self._sets.get(parcel.kit)
        return [] if there is None else there.under_way.episodes

    def _calls(self, parcel: Parcel) -> Calls:
        """Returns the calls to the LLM that no report told of yet."""
        resources = self._fetched.get(parcel.equipment)
        return resources.new_calls() if isinstance(resources, Resources) else Calls()

    async def _set(self, parcel: Parcel) -> _Set:
        if parcel.kit not in self._sets:
            for ref in parcel.refs:
                if ref not in self._fetched:
                    thing = await self._fetch(ref)
                    self._fetched[ref] = thing.resources(self._key) if ref == parcel.equipment else thing
            self._sets[parcel.kit] = await asyncio.to_thread(self._unpacked, parcel)
            while len(self._sets) > _KEPT:
                self._sets.popitem(last=False)
            needed = frozenset[Ref]().union(*(known.refs for known in self._sets.values()))
            # Resources stay: their connections are in use until the worker ends.
            self._fetched = {
                ref: thing for ref, thing in self._fetched.items() if ref in needed or isinstance(thing, Resources)
            }
        self._sets.move_to_end(parcel.kit)
        return self._sets[parcel.kit]

    def _unpacked(self, parcel: Parcel) -> _Set:
        memory: FrozenMemory | None = None
        if parcel.memory is not None:
            rows = {kind: tuple(self._fetched[ref] for ref in refs) for kind, refs in parcel.rows.items()}
            memory = replace(parcel.memory, parts=rows)
        kit, ground, resources = (self._fetched[ref] for ref in (parcel.kit, parcel.ground, parcel.equipment))
        stage = stage_of(kit, ground, memory, resources)
        graph = build_episode_graph(fixed_dependencies(stage.deps), stage.horizon)
        settle()
        return _Set(stage, graph, UnderWay(), frozenset(parcel.refs))


class LogKeeper(logging.Handler):
    """Keeps log records until they are asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._kept: list[Said] = []
        self._some = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps `record`; may be called from any thread."""
        said = Said(record.name, record.levelno, record.getMessage())
        self._loop.call_soon_threadsafe(self._keep, said)

    def _keep(self, said: Said) -> None:
        self._kept.append(said)
        self._some.set()

    async def news(self) -> list[Said]:
        """Returns what was logged since the last call; waits until there is something."""
        await self._some.wait()
        self._some.clear()
        kept, self._kept = self._kept, []
        return kept
