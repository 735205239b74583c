"""Forgets a person: sessions, checkpoints, answers, episodes, tokens, and everything memories learned from them."""

from __future__ import annotations

import asyncio

from billp.errors import MissingMemoryError
from billp.experiments.runs.run_names import LIVE
from billp.graphs.live import own_memory
from billp.memory.erasing import erase_memory, erase_user
from billp.memory.inventory import check_memory
from billp.serving.api.arms import Arms
from billp.serving.api.database import Database
from billp.serving.api.learner import Learner
from billp.serving.api.lending import Lender
from billp.serving.api.service_records import ServiceRecords
from billp.serving.api.sessions import Sessions
from billp.serving.api.views import Forgotten
from billp.settings import Settings


class Forgetting:
    """Deletes everything that a service holds of one person."""

    def __init__(
        self,
        *,
        database: Database,
        records: ServiceRecords,
        lender: Lender,
        sessions: Sessions,
        learner: Learner,
        arms: Arms,
    ) -> None:
        self._database, self._records, self._lender = database, records, lender
        self._sessions, self._learner, self._arms = sessions, learner, arms

    async def forget(self, person: str) -> Forgotten:
        """Deletes everything of the person; a second call deletes what is left. No file holds any of it afterwards.

        A Chroma server and PostgreSQL free the space of what was deleted in their own time. Raises MemoryStoreError if
        a memory cannot be written.
        """
        async with self._learner.resting, self._sessions.none_of(person) as sessions:
            shared = {arm.memory: arm.method.name for arm in self._arms.all if arm.method.remembers and arm.memory}
            erased = [await self._erase_shared(method, memory, person) for memory, method in shared.items()]
            memories = await self._erase_own(person)
            await self._records.forget(person)
            await self._database.forget_traces()
        return Forgotten(sessions=sessions, memories=memories, records=sum(erased))

    async def _erase_own(self, person: str) -> int:
        """Erases the memory that only the person's sessions read and taught, here or with `billp play`."""
        base, memory = self._lender.base(self._arms.served.method.name), own_memory(person)
        await self._lender.put_back(memory)
        return int(await asyncio.to_thread(_erase_if_there, base.settings, base.dataset.name, memory))

    async def _erase_shared(self, method: str, memory: str, person: str) -> int:
        """Erases what the person taught to a shared memory; a simulated user may have the same name."""
        async with self._lender.lent(method, memory) as deps:
            if deps.memory is None:
                return 0
            return await asyncio.to_thread(erase_user, deps.settings, deps.memory, person, runs=LIVE)


def _erase_if_there(settings: Settings, dataset: str, memory: str) -> bool:
    try:
        check_memory(settings, dataset, memory)
        found = True
    except MissingMemoryError:
        found = False
    erase_memory(settings, dataset, memory)  # a missing one too: a broken-off removal is completed
    return found
