"""Ray as a pool of workers: on this machine alone, or on an existing cluster.

Ray's dashboard, its usage statistics and its printing of what workers write are off. Workers end with the driver,
however that ends. The API key is sent to them in a call, never in an environment, an argument of a process or an object
that Ray may write to a disk.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import Any

from pydantic import SecretStr

from billp.errors import EngineError, SettingsError
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.scale.packing import Parcel, Ref
from billp.experiments.scale.spreading import SpreadEngine, WorkerLostError
from billp.experiments.scale.worker import LogKeeper, Report, Said, Worker
from billp.graphs.at_work import Working
from billp.graphs.resources import Resources
from billp.setting_groups import RunSettings

log = logging.getLogger(__name__)
Ray = Any
"""Ray's module; its functions have no types that a pool could use."""
Actor = Any
"""Ray's handle of a worker."""
Thing = Any
"""Anything that is stored."""
_STORE = 1 << 30  # bytes that Ray's object store on this machine may grow to
_PATIENCE_S = 300.0  # for a worker to start: a busy machine needs a minute for its imports
_AT_ONCE = 1000  # calls that one worker takes at once; the driver decides how many it gets


class RayWorker:
    """A `Worker` that Ray starts on a machine of its choice."""

    async def begin(self, key: SecretStr, level: int) -> str:
        """Prepares the worker; returns where it runs and which version."""
        self._logs = LogKeeper(asyncio.get_running_loop())
        logging.basicConfig(level=level, handlers=[self._logs], force=True)
        self._worker = Worker(_fetch, key)
        return f"{metadata.version('billp')} on {socket.gethostname()}, process {os.getpid()}"

    async def play(self, parcel: Parcel, plans: Sequence[EpisodePlan]) -> Report:
        """Implements `Worker.play`."""
        return await self._worker.play(parcel, plans)

    async def working(self, parcel: Parcel) -> list[Working]:
        """Implements `Worker.working`."""
        return await self._worker.working(parcel)

    async def news(self) -> list[Said]:
        """Implements `LogKeeper.news`."""
        return await self._logs.news()


async def _fetch(ref: Ref) -> Thing:
    return await ref


class RayPool:
    """Workers in Ray; see `Pool`."""

    def __init__(self, run: RunSettings, key: SecretStr) -> None:
        """Starts Ray here or connects to the cluster at `run.ray_address`; takes seconds; raises EngineError."""
        self._ray = _started(run)
        self._key = key
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        self.size = run.workers or max(1, cores)
        self._kind = self._ray.remote(num_cpus=1, max_concurrency=_AT_ONCE)(RayWorker)
        self._actors: list[Any] = [None] * self.size
        self._places: dict[Any, str] = {}
        self._making = [asyncio.Lock() for _ in range(self.size)]
        self._listening: set[asyncio.Task[None]] = set()

    def put(self, thing: object) -> Ref:
        """Implements `Pool.put`."""
        return self._ray.put(thing)

    async def play(self, number: int, parcel: Parcel, plans: Sequence[EpisodePlan]) -> Report:
        """Implements `Pool.play`."""
        async with self._making[number]:
            actor = self._actors[number] or await self._made(number)
        try:
            report: Report = await actor.play.remote(parcel, plans)
        except self._ray.exceptions.RayActorError as error:
            if self._actors[number] is actor:
                self._actors[number] = None
            raise WorkerLostError(f"Worker {self._places.pop(actor, number)} was lost") from error
        return report

    async def working(self, number: int, parcel: Parcel) -> list[Working]:
        """Implements `Pool.working`."""
        if (actor := self._actors[number]) is None:
            return []
        try:
            working: list[Working] = await actor.working.remote(parcel)
        except self._ray.exceptions.RayActorError:  # the call that waits for its episodes notices
            return []
        return working

    async def _made(self, number: int) -> Actor:
        actor = self._kind.remote()
        try:
            begun = actor.begin.remote(self._key, logging.getLogger().getEffectiveLevel())
            place = await asyncio.wait_for(begun, _PATIENCE_S)
        except (self._ray.exceptions.RayActorError, TimeoutError) as error:
            with suppress(Exception):
                self._ray.kill(actor)
            raise EngineError(
                f"Ray has no room for worker {number + 1} of {self.size}, or it ended at once; check that the cluster "
                "has as many free cores and this version of billp on all machines, or lower run.workers."
            ) from error
        own = metadata.version("billp")
        if not place.startswith(f"{own} "):
            raise EngineError(f"A worker runs billp {place}; install {own} there.")
        self._actors[number], self._places[actor] = actor, place.partition(" on ")[2]
        listening = asyncio.create_task(self._listen(actor, self._places[actor]))
        self._listening.add(listening)
        listening.add_done_callback(self._listening.discard)
        return actor

    async def _listen(self, actor: Actor, place: str) -> None:
        """Logs here what a worker logs, until it ends."""
        with suppress(self._ray.exceptions.RayError):
            while True:
                for said in await actor.news.remote():
                    logging.getLogger(said.logger).log(said.level, "%s (%s)", said.words, place)

    def close(self) -> None:
        """Ends the workers, and the Ray that was started for them."""
        for listening in self._listening:
            listening.cancel()
        for actor in self._actors:
            if actor is not None:
                self._ray.kill(actor)
        self._ray.shutdown()


async def start(resources: Resources) -> SpreadEngine:
    """Returns an engine on Ray, as the settings say; it closes with the resources.

    Raises SettingsError if Ray is not installed, and EngineError if it does not start.
    """
    settings = resources.settings
    if importlib.util.find_spec("ray") is None:
        raise SettingsError("Ray is not installed; install the extra: `pip install 'billp[scale]'`.")
    if settings.run.tape != "off":
        raise SettingsError("A tape is one file of one process; leave out --tape, or take --engine local.")
    if (settings.run.ray_address or "").startswith("ray://"):
        raise SettingsError("Ray's client (ray://) cannot carry a run; start it on a machine of the cluster.")
    pool = await asyncio.to_thread(RayPool, settings.run, settings.llm.api_key)
    resources.at_close(pool.close)
    log.info("Workers on Ray: %d", pool.size)
    return SpreadEngine(resources, pool)


def _started(run: RunSettings) -> Ray:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if run.ray_address is None:  # no other program may use this Ray
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray  # noqa: PLC0415 -- takes seconds

    logging.getLogger("ray").setLevel(logging.ERROR)  # what goes wrong is raised

    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    try:
        if run.ray_address is None:
            cores = run.workers or os.cpu_count() or 1
            ray.init(
                num_cpus=cores,
                include_dashboard=False,
                object_store_memory=_STORE,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
        else:
            ray.init(address=run.ray_address, **quiet)
    except Exception as error:  # it raises exceptions of many types
        where = "on this machine" if run.ray_address is None else f"at {run.ray_address}"
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise EngineError(f"Ray cannot be started or reached {where} ({said}); see `ray status`.") from error
    return ray
