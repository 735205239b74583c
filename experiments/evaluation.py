"""Evaluation: one episode for each held-out user and seed, memory read but never written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from billp.experiments.conduct import conduct_of
from billp.experiments.config import run_config, surroundings
from billp.experiments.engine import engine_of
from billp.experiments.knowing import as_begun
from billp.experiments.metrics import Summary, summarise
from billp.experiments.names import row_name
from billp.experiments.opening import open_recommender
from billp.experiments.plans import evaluation_plan
from billp.experiments.run_folder import RunFolder
from billp.experiments.runner import OnEpisode, Runner
from billp.graphs.methods import method_named
from billp.graphs.workshop import Workshop
from billp.simulators import users_of


async def evaluate(
    workshop: Workshop,
    *,
    dataset: str,
    method: str,
    users: int,
    seeds: list[int],
    memory: str,
    run: Path,
    resume: bool,
    on_episode: OnEpisode | None = None,
) -> Summary:
    """Runs `method` on the first `users` test users, once for each seed; the summary is also in metrics.json.

    `memory` names the memory of a method that has one, or what `train` kept for one without: a policy, or
    the lessons of a rival.

    Users and sampling seeds do not depend on the method, so that methods compare pair by pair.
    """
    chosen = method_named(method)
    services = workshop.services(
        dataset, memory=memory if chosen.remembers else None, llm=chosen.needs_llm, method=chosen, reading=True
    )
    await workshop.check_model(services)
    engine = await engine_of(workshop)
    opened = open_recommender(services, method, memory)
    services = replace(services, recommender=opened.recommender)
    worlds = services.worlds
    keys = [services.dataset.user_keys[user] for user in users_of(worlds.test, users, worlds.test.settings.seed)]
    trained = services.memory.next_ordinal() if services.memory is not None else None
    plan = {
        "command": "evaluate",
        "method": method,
        "users": keys,
        "seeds": seeds,
        "memory": memory if chosen.remembers else "",
        # A memory that grew between a kill and the resumption would mix two policies in one table.
        "memory_records": services.memory.stats().counts if services.memory is not None else {},
        **({"trained": trained} if trained is not None else {}),
        **opened.told,
    }
    config = run_config(workshop, services, plan)
    # Runs that were begun before this was noted go on: the memory's size tells whether it is the same.
    noted = ("plan.trained",)
    beside = surroundings(workshop.settings, workshop.abilities, services.believer.knowledge)
    with RunFolder(run, config, beside, resume=resume, may_change=noted) as folder:
        if folder.existed and chosen.needs_llm:
            services = as_begun(services, workshop.knowledge.answers(services.pack), folder.surroundings)
        runner = Runner(services, chosen, folder, horizon=worlds.test.horizon, engine=engine)
        await runner.run(evaluation_plan(keys, seeds), on_episode)
        conduct = conduct_of(folder.lines(), services)
        summary = summarise(folder.lines(), method, dataset, conduct, name=row_name(method, trained))
        folder.write_metrics(summary.model_dump_json(indent=2))
    return summary
