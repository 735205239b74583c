"""Teaches memories: finished sessions wait in the database, and are learned from in order, each once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any, cast

from billp.errors import MemoryStoreError, StoreAwayError
from billp.experiments.runs.episode_lines import check_finite
from billp.graphs.dependencies import Dependencies
from billp.graphs.forms import LiveContext
from billp.graphs.learning import learn
from billp.graphs.methods import method_named
from billp.graphs.running import in_full
from billp.graphs.state import Trajectory
from billp.memory import AgentMemory
from billp.serving.api.lending import Lender
from billp.serving.api.prometheus import Metrics
from billp.serving.api.service_records import EpisodeRow, ServiceRecords

log = logging.getLogger(__name__)
_LOOK_S, _LONGEST_WAIT_S = 5.0, 30.0


class Learner:
    """Learns from one episode after the other; hold `resting` to keep it from memories."""

    def __init__(self, records: ServiceRecords, lender: Lender, metrics: Metrics, *, run: str, seed: int) -> None:
        self._records, self._lender, self._metrics, self._run, self._seed = records, lender, metrics, run, seed
        self._called = asyncio.Event()
        self.resting = asyncio.Lock()

    def call(self) -> None:
        """Announces that there is something new to learn from."""
        self._called.set()

    async def work(self) -> None:
        """Learns for ever; while a memory or the database is away, it waits and retries the same episode."""
        failures = 0
        while True:
            try:
                while await self.learn_one():
                    failures = 0
            except (MemoryStoreError, StoreAwayError) as error:
                failures += 1
                log.warning("learning waits", extra={"told": {"error": type(error).__name__, "failures": failures}})
            self._called.clear()
            patience = min(_LONGEST_WAIT_S, 0.5 * 2**failures) if failures else _LOOK_S
            try:
                await asyncio.wait_for(self._called.wait(), patience)
            except TimeoutError:
                continue

    async def learn_one(self) -> bool:
        """Learns from the next episode; returns False if there is none.

        An episode that cannot be learned from is marked with the name of the error, and does not block the others.
        """
        async with self.resting:
            episode = await self._records.next_to_learn()
            if episode is None:
                return False
            try:
                await self._learn(episode)
            except (MemoryStoreError, StoreAwayError):
                raise
            except Exception as error:  # noqa: BLE001 -- a retry would fail with the same error
                log.error("an episode cannot be learned from", extra={"told": _told(episode, error)})
                await self._records.mark_learned(episode.seq, type(error).__name__)
                self._metrics.learned(well=False)
            else:
                await self._records.mark_learned(episode.seq)
                self._metrics.learned(well=True)
                log.info("learned", extra={"told": {"session": episode.session, "episode": episode.seq}})
            return True

    async def _learn(self, episode: EpisodeRow) -> None:
        output = cast(Trajectory, episode.output)
        check_finite(output)
        async with self._lender.lent(episode.method, episode.memory) as deps:
            memory = deps.memory
            if memory is None:
                raise MemoryStoreError(f"Session {episode.session} has no memory to teach; begin a new one.")
            ordinal = episode.ordinal
            if ordinal is None:  # stored before it is used, so that a second try writes the same
                ordinal = await asyncio.to_thread(memory.next_ordinal)
                await self._records.set_ordinal(episode.seq, ordinal)
            context = LiveContext(method=episode.method, seed=self._seed, run=self._run, learn=True)
            context = replace(in_full(context, deps), ordinal=ordinal)
            await asyncio.to_thread(_write, deps, memory, context, output)


def _write(deps: Dependencies, memory: AgentMemory, context: LiveContext, output: Trajectory) -> None:
    learn(deps, memory, method_named(context.method), [(context, output)])


def _told(episode: EpisodeRow, error: Exception) -> dict[str, Any]:
    return {"session": episode.session, "episode": episode.seq, "error": type(error).__name__}
