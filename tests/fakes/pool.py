"""Workers in this process: everything that would travel is pickled, and a worker can be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import cloudpickle
from pydantic import SecretStr

from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.scale.packing import Parcel, Ref
from billp.experiments.scale.spreading import WorkerLostError
from billp.experiments.scale.worker import Report, Worker
from billp.graphs.at_work import Working


class FakePool:
    """A `Pool`; a worker is lost once over each episode in `deadly`."""

    def __init__(self, size: int, *, deadly: Sequence[str] = ()) -> None:
        self.size = size
        self.deadly = list(deadly)
        self.shelf: dict[int, bytes] = {}
        self.jobs: list[tuple[int, list[str]]] = []
        """For each job the worker's number and the episodes."""
        self.sent: list[int] = []
        """Bytes of each job."""
        self._workers = [self._new() for _ in range(size)]

    def put(self, thing: object) -> Ref:
        self.shelf[len(self.shelf)] = cloudpickle.dumps(thing)
        return len(self.shelf) - 1

    async def play(self, number: int, parcel: Parcel, plans: Sequence[EpisodePlan]) -> Report:
        ids = [plan.id for plan in plans]
        self.jobs.append((number, ids))
        self.sent.append(len(cloudpickle.dumps((parcel, plans))))
        worker = self._workers[number]
        for id_ in ids:
            if id_ in self.deadly:
                self.deadly.remove(id_)
                self._workers[number] = self._new()
                await asyncio.sleep(0.01)
                raise WorkerLostError(f"Worker {number} was lost")
        report = await worker.play(*cloudpickle.loads(cloudpickle.dumps((parcel, plans))))
        back: Report = cloudpickle.loads(cloudpickle.dumps(report))
        return back

    async def working(self, number: int, parcel: Parcel) -> list[Working]:
        back: list[Working] = cloudpickle.loads(cloudpickle.dumps(await self._workers[number].working(parcel)))
        return back

    def _new(self) -> Worker:
        return Worker(self._fetch, SecretStr("key"))

    async def _fetch(self, ref: Ref) -> object:
        await asyncio.sleep(0)
        thing: object = cloudpickle.loads(self.shelf[ref])
        return thing
