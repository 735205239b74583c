"""A whole service: data, model, memories and sessions, opened and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from billp.errors import ArtifactError, SettingsError
from billp.experiments.checks import check_method, check_play
from billp.experiments.runs.recommenders import open_recommender
from billp.experiments.runs.run_names import LIVE
from billp.graphs.dependencies import Dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.forms import LiveContext, LiveInput
from billp.graphs.live import with_persons
from billp.graphs.methods import Method, method_named
from billp.graphs.resources import Resources
from billp.graphs.running import settle
from billp.heap import keep_returning_freed_memory, scrub_freed_memory
from billp.names import there_is_no
from billp.serving.api.arms import Arm, ArmName, Arms
from billp.serving.api.database import Database, open_database
from billp.serving.api.forgetting import Forgetting
from billp.serving.api.id_clock import go_on_from
from billp.serving.api.learner import Learner
from billp.serving.api.lending import Lender
from billp.serving.api.moving import Mover
from billp.serving.api.pace import Pace
from billp.serving.api.prometheus import Metrics
from billp.serving.api.reaper import Reaper
from billp.serving.api.service_records import ServiceRecords
from billp.serving.api.sessions import Sessions
from billp.serving.api.tokens import Tokens
from billp.settings import Settings


@dataclass(frozen=True)
class ServicePlan:
    """The plan of a service. `name` separates its sessions from those of others.

    `memory` is None if each person has their own. `untrained` serves a named memory that may still be empty.
    """

    name: str
    dataset: str
    method: str
    memory: str | None
    learns: bool
    untrained: bool = False
    seed: int = 0
    control: float = 0.0
    """Share of the users that `control_method` serves; it teaches nothing."""
    control_method: str = "popular"


@dataclass(frozen=True)
class Service:
    """What the routes use."""

    settings: Settings
    plan: ServicePlan
    database: Database
    records: ServiceRecords
    lender: Lender
    sessions: Sessions
    forgetting: Forgetting
    tokens: Tokens
    metrics: Metrics
    pace: Pace
    learner: Learner
    reaper: Reaper
    background: Sequence[asyncio.Task[None]]

    @property
    def alive(self) -> bool:
        """Whether the background tasks still run."""
        return not any(task.done() for task in self.background)


def folder_of(settings: Settings, name: str) -> Path:
    """Returns the folder of the service `name`, with its sessions if there is no PostgreSQL."""
    return settings.data / "services" / name


def check_service(settings: Settings, name: str) -> None:
    """Raises ArtifactError if no service of that name ever ran on the data folder; does not ask PostgreSQL."""
    folder = folder_of(settings, name)
    if settings.postgres_url is None and not folder.is_dir():
        known = sorted(path.name for path in folder.parent.glob("*/"))
        raise ArtifactError(there_is_no("service", name, known, remedy="start it with `billp api --name NAME`"))


def check_plan(settings: Settings, plan: ServicePlan) -> None:
    """Raises what `check_play` and `check_method` raise, before anything is loaded."""
    check_play(settings, plan.method, plan.dataset, None, learn=False)
    if plan.control:
        check_play(settings, plan.control_method, plan.dataset, None, learn=False)
        if plan.control_method == plan.method:
            raise SettingsError("A control is served by another method; name one with --control-method.")
    if plan.memory is None or not method_named(plan.method).remembers:
        if plan.untrained:
            raise SettingsError("Only a memory that is named can be --untrained; name one with --memory.")
        return
    if not plan.untrained:  # which allows an empty memory; the service itself fills it before the next start
        check_method(settings, plan.method, plan.dataset, plan.memory, untrained=False)


@asynccontextmanager
async def open_records(settings: Settings, name: str) -> AsyncIterator[ServiceRecords]:
    """Yields a service's records for reading; the service may be running."""
    async with open_database(settings, folder_of(settings, name), name) as database:
        records = ServiceRecords(database)
        await records.prepare()
        yield records


@asynccontextmanager
async def open_tokens(settings: Settings, name: str) -> AsyncIterator[Tokens]:
    """Yields a service's tokens; the service may be running, or may never have run."""
    async with open_database(settings, folder_of(settings, name), name) as database:
        await ServiceRecords(database).prepare()
        yield Tokens(database)


@asynccontextmanager
async def open_service(resources: Resources, plan: ServicePlan) -> AsyncIterator[Service]:
    """Yields the service until the block ends.

    Raises what `check_plan` and opening data, model and database raise.
    """
    settings = resources.settings
    check_plan(settings, plan)
    scrub_freed_memory()  # before there are persons who may ask to be forgotten
    async with open_database(settings, folder_of(settings, plan.name), plan.name) as database:
        await database.claim()
        records = ServiceRecords(database)
        await records.prepare()
        await go_on_from(database)
        bases = _bases(resources, plan)
        for deps in bases.values():
            await resources.check_model(deps)
        lender = Lender(bases)
        await lender.warm(plan.method, plan.memory or "" if method_named(plan.method).remembers else "")
        graph = build_episode_graph(
            lender.get, bases[plan.method].worlds.train.horizon, name="live", inputs=LiveInput, persons=True,
            context=LiveContext, checkpointer=database.saver,
        )  # fmt: skip
        arms, run, metrics = _arms(bases, plan), f"{LIVE}{plan.name}", Metrics()
        pace = Pace(settings.api.rate, settings.api.burst)
        learner = Learner(records, lender, metrics, run=run, seed=plan.seed)
        sessions = Sessions(
            records=records, mover=Mover(graph, database.saver, lender, metrics, run=run, seed=plan.seed),
            lender=lender, arms=arms, metrics=metrics, pace=pace, most_open=settings.api.sessions,
            finished=learner.call,
        )  # fmt: skip
        forgetting = Forgetting(
            database=database, records=records, lender=lender, sessions=sessions, learner=learner, arms=arms
        )
        reaper = Reaper(records, sessions, settings.api.idle_h * 3600)
        # A frozen service learns nothing, not even from sessions that ended before.
        works = [reaper.work(), keep_returning_freed_memory(), *([learner.work()] if plan.learns else [])]
        settle()
        background = [asyncio.create_task(work) for work in works]
        try:
            yield Service(
                settings, plan, database, records, lender, sessions, forgetting, Tokens(database), metrics, pace,
                learner, reaper, background,
            )  # fmt: skip
        finally:
            async with learner.resting:  # cancelled, its thread would go on writing to a memory that is closed
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
            await lender.close()


def _bases(resources: Resources, plan: ServicePlan) -> Mapping[str, Dependencies]:
    """Returns dependencies of the methods that serve, on the same data."""
    found: dict[str, Dependencies] = {}
    for name in [plan.method, *([plan.control_method] if plan.control else [])]:
        method = method_named(name)
        deps = resources.deps(plan.dataset, memory=None, llm=method.needs_llm, method=method)
        recommender = open_recommender(deps, name, plan.memory or name).recommender
        found[name] = with_persons(replace(deps, recommender=recommender))
    return found


def _arms(bases: Mapping[str, Dependencies], plan: ServicePlan) -> Arms:
    def arm(name: ArmName, method: Method, *, learns: bool) -> Arm:
        return Arm(name, method, plan.memory, learns and method.remembers, bases[method.name].users)

    served = arm("served", method_named(plan.method), learns=plan.learns)
    if not plan.control:
        return Arms(served)
    control = arm("control", method_named(plan.control_method), learns=False)
    return Arms(served, control, plan.control, plan.name)
