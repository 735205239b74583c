"""An engine that spreads episodes over workers, on this machine or others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from billp.baselines.rollout import CELLS
from billp.errors import EngineError, SettingsError
from billp.experiments.runs.engine import OnPlayed, Stage, together
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.scale.packing import Equipment, Ground, Parcel, Ref, kit_of, without_secrets
from billp.experiments.scale.worker import Report
from billp.graphs.at_work import Working, counting
from billp.graphs.dependencies import Dependencies
from billp.graphs.resources import Resources
from billp.memory import KINDS, Freezer, FrozenMemory, Kind
from billp.memory.frozen import Rows

log = logging.getLogger(__name__)
_TRIES = 3
_LOOK_S = 1.0
_FEWEST = 16  # users per array: fewer cost nearly as much


class WorkerLostError(Exception):
    """A worker ended in the middle of a job; the message says which."""


class Pool(Protocol):
    """Running workers, and a store for what they share."""

    @property
    def size(self) -> int:
        """The number of workers."""
        ...

    def put(self, thing: object) -> Ref:
        """Stores `thing` where every worker can fetch it, as long as the returned reference is kept."""
        ...

    async def play(self, number: int, parcel: Parcel, plans: Sequence[EpisodePlan]) -> Report:
        """Lets the worker `number` (from 0) play `plans`.

        Raises WorkerLostError if it ends meanwhile; the next call finds another in its place. Raises EngineError if
        there is none.
        """
        ...

    async def working(self, number: int, parcel: Parcel) -> list[Working]:
        """Returns the episodes of `parcel` that are under way at the worker `number`; none if it ended."""
        ...


class SpreadEngine:
    """Plays episodes on the workers of a pool. Memory is read here, and learning stays here."""

    def __init__(self, resources: Resources, pool: Pool) -> None:
        run = resources.settings.run
        if run.tape != "off":
            raise SettingsError("A tape is one file of one process; leave out --tape, or take --engine local.")
        self._workshop, self._pool = resources, pool
        self._at_once = asyncio.Semaphore(run.side_by_side)
        self._busy = [0] * pool.size
        self._grounds: list[tuple[Dependencies, Ref]] = []
        self._equipment: dict[bool, Ref] = {}
        self._packing = Lock()
        self._rows: WeakKeyDictionary[Rows, Ref] = WeakKeyDictionary()

    async def play(
        self, stage: Stage, plans: Sequence[EpisodePlan], freezer: Freezer | None, on_played: OnPlayed
    ) -> None:
        """Implements `Engine.play`; the episodes of a lost worker begin again on another."""
        parcel = await asyncio.to_thread(self._packed, stage, freezer)
        watching = asyncio.create_task(self._watch(parcel))
        try:
            await together(self._job(parcel, job, on_played) for job in self._jobs(stage, plans))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, parcel: Parcel) -> None:
        """Asks the workers every second where their episodes of `parcel` are, while the run counts them."""
        run = counting()
        if run is None:
            return
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                found = await asyncio.gather(*(self._pool.working(n, parcel) for n in range(self._pool.size)))
                run.elsewhere = [each for episodes in found for each in episodes]
        finally:
            run.elsewhere = []

    def _jobs(self, stage: Stage, plans: Sequence[EpisodePlan]) -> list[Sequence[EpisodePlan]]:
        """Returns the jobs: episodes one by one, or in shares if they are played as arrays, which costs less."""
        size = 1
        if stage.method.together:
            size = max(1, CELLS // len(stage.deps.catalogue))
            # A network's sums depend on the number of users in the last digit, so its shares must not change.
            if not stage.method.needs_policy:
                size = min(size, max(_FEWEST, -(-len(plans) // self._pool.size)))
        return [plans[start : start + size] for start in range(0, len(plans), size)]

    async def _job(self, parcel: Parcel, plans: Sequence[EpisodePlan], on_played: OnPlayed) -> None:
        for _ in range(_TRIES):
            async with self._at_once:
                number = min(range(self._pool.size), key=self._busy.__getitem__)
                self._busy[number] += len(plans)
                try:
                    report = await self._pool.play(number, parcel, plans)
                except WorkerLostError as lost:
                    log.warning("%s; %d of its episodes begin again on another.", lost, len(plans))
                    continue
                finally:
                    self._busy[number] -= len(plans)
            if report.calls:
                self._workshop.model.add(report.calls)
            if report.stopped is not None:
                raise report.stopped
            on_played(report.played)
            return
        raise EngineError(
            f"{_TRIES} workers were lost over episode {plans[0].id}; look whether their machines have memory enough, "
            "and go on with --resume."
        )

    def _packed(self, stage: Stage, freezer: Freezer | None) -> Parcel:
        with self._packing:  # what several methods share is stored once
            return self._parcel(stage, freezer)

    def _parcel(self, stage: Stage, freezer: Freezer | None) -> Parcel:
        deps = stage.deps
        rows: dict[Kind, tuple[Ref, ...]] = {}
        memory: FrozenMemory | None = None
        if freezer is not None:
            # Methods played as arrays use estimates from actor experiences, and look nothing up.
            frozen = freezer.freeze(("actor",) if stage.method.together else KINDS)
            memory = replace(frozen, parts={})
            rows = {kind: tuple(self._put(part) for part in parts) for kind, parts in frozen.parts.items()}
        return Parcel(
            kit=self._pool.put(kit_of(stage)),
            ground=self._ground(deps),
            equipment=self._equipped(deps),
            memory=memory,
            rows=rows,
        )

    def _put(self, part: Rows) -> Ref:
        """Returns where `part` is stored for the workers; it stays there while it is a part of a memory."""
        ref = self._rows.get(part)
        if ref is None:
            ref = self._rows[part] = self._pool.put(part)
        return ref

    def _ground(self, deps: Dependencies) -> Ref:
        for known, ref in self._grounds:
            if known.dataset is deps.dataset and known.worlds is deps.worlds:
                return ref
        ground = Ground(deps.dataset, deps.worlds, deps.popularity, deps.vectors)
        self._grounds = [*self._grounds[-1:], (deps, self._pool.put(ground))]  # a surface goes from world to world
        return self._grounds[-1][1]

    def _equipped(self, deps: Dependencies) -> Ref:
        asks = deps.roles is not None
        if asks not in self._equipment:
            self._equipment[asks] = self._pool.put(equipment_of(self._workshop, asks=asks))
        return self._equipment[asks]


def equipment_of(resources: Resources, *, asks: bool) -> Equipment:
    """Returns what workers need to do as `resources` does and, if it `asks` the LLM, to ask the same one.

    Raises SettingsError if the LLM is embedded in this process and the workers are elsewhere.
    """
    settings = without_secrets(resources.settings)
    if asks and resources.given_model is None and resources.server is not None:
        if settings.run.ray_address is not None:
            raise SettingsError(
                "The embedded LLM answers on this machine only; start `billp serve` and give its address as "
                "llm.base_url."
            )
        llm: dict[str, Any] = {"base_url": resources.server.base_url}
        settings = settings.model_copy(update={"llm": settings.llm.model_copy(update=llm)})
    return Equipment(
        settings=settings,
        abilities=resources.abilities if asks else None,
        model=resources.given_model,
        embedder=resources.given_embedder,
    )
