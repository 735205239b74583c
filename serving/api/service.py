"""A whole service: data, model, memories and sessions, opened together and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from billp.errors import SettingsError
from billp.experiments.checks import check_method, check_play
from billp.experiments.opening import open_recommender
from billp.experiments.origins import LIVE
from billp.graphs.episode import build_episode_graph
from billp.graphs.forms import LiveContext, LiveInput
from billp.graphs.live import with_persons
from billp.graphs.methods import method_named
from billp.graphs.services import Services
from billp.graphs.workshop import Workshop
from billp.serving.api.arms import Arm, Arms
from billp.serving.api.database import Database, open_database
from billp.serving.api.forgetting import Forgetting
from billp.serving.api.learner import Learner
from billp.serving.api.ledger import Ledger
from billp.serving.api.lending import Lender
from billp.serving.api.reaper import Reaper
from billp.serving.api.scrubbing import scrub_freed_memory
from billp.serving.api.sessions import Sessions
from billp.settings import Settings


@dataclass(frozen=True)
class ServicePlan:
    """What a service is to do. `name` tells its sessions from those of others.

    `memory` is None where each person has one of their own. `untrained` serves a named memory that holds nothing yet.
    """

    name: str
    dataset: str
    method: str
    memory: str | None
    learns: bool
    untrained: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Service:
    """What the routes use."""

    settings: Settings
    plan: ServicePlan
    database: Database
    ledger: Ledger
    lender: Lender
    sessions: Sessions
    forgetting: Forgetting
    learner: Learner
    reaper: Reaper
    background: Sequence[asyncio.Task[None]]

    @property
    def alive(self) -> bool:
        """Whether what works in the background still does."""
        return not any(task.done() for task in self.background)


def folder_of(settings: Settings, name: str) -> Path:
    """Where the service `name` keeps its sessions when there is no PostgreSQL."""
    return settings.data / "services" / name


def check_plan(settings: Settings, plan: ServicePlan) -> None:
    """Raises, before anything is loaded, what `check_play` and `check_method` raise."""
    check_play(settings, plan.method, plan.dataset, None, learn=False)
    if plan.memory is None or not method_named(plan.method).remembers:
        if plan.untrained:
            raise SettingsError("Only a memory that is named can be --untrained; name one with --memory.")
        return
    check_method(settings, plan.method, plan.dataset, plan.memory, untrained=plan.untrained)


@asynccontextmanager
async def open_service(workshop: Workshop, plan: ServicePlan) -> AsyncIterator[Service]:
    """The service, until the block is left; raises what `check_plan` and opening data, model and database raise."""
    settings = workshop.settings
    check_plan(settings, plan)
    scrub_freed_memory()  # before anybody is known here, who may ask to be forgotten
    async with open_database(settings, folder_of(settings, plan.name), plan.name) as database:
        await database.claim()
        ledger = Ledger(database)
        await ledger.prepare()
        bases = _bases(workshop, plan)
        for services in bases.values():
            await workshop.check_model(services)
        lender = Lender(bases)
        graph = build_episode_graph(
            lender, bases[plan.method].worlds.train.horizon, name="live", inputs=LiveInput, persons=True,
            context=LiveContext, checkpointer=database.saver,
        )  # fmt: skip
        arms, run = _arms(bases, plan), f"{LIVE}{plan.name}"
        learner = Learner(ledger, lender, run, plan.seed)
        sessions = Sessions(
            database=database, ledger=ledger, graph=graph, lender=lender, arms=arms, run=run, seed=plan.seed,
            most_open=settings.api.sessions, finished=learner.call,
        )  # fmt: skip
        forgetting = Forgetting(
            database=database, ledger=ledger, lender=lender, sessions=sessions, learner=learner, arms=arms
        )
        reaper = Reaper(ledger, sessions, settings.api.idle_h * 3600)
        # What is frozen learns nothing, not even from sessions that ended before it was.
        works = [reaper.work(), *([learner.work()] if plan.learns else [])]
        background = [asyncio.create_task(work) for work in works]
        try:
            yield Service(settings, plan, database, ledger, lender, sessions, forgetting, learner, reaper, background)
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await lender.close()


def _bases(workshop: Workshop, plan: ServicePlan) -> Mapping[str, Services]:
    method = method_named(plan.method)
    services = workshop.services(plan.dataset, memory=None, llm=method.needs_llm, method=method)
    recommender = open_recommender(services, plan.method, plan.memory or plan.method).recommender
    return {plan.method: with_persons(replace(services, recommender=recommender))}


def _arms(bases: Mapping[str, Services], plan: ServicePlan) -> Arms:
    method = method_named(plan.method)
    learns = plan.learns and method.remembers
    return Arms(Arm("served", method, plan.memory, learns, bases[plan.method].users))
