"""Evaluation: one episode for each held-out user and seed, memory read but never written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments.baselines.runs import kept_policy
from experiments.conduct import conduct_of
from experiments.config import run_config, surroundings
from experiments.metrics import Summary, summarise
from experiments.plans import evaluation_plan
from experiments.run_folder import RunFolder
from experiments.runner import OnEpisode, Runner
from graphs.methods import method_named
from graphs.workshop import Workshop
from simulators import users_of


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

    `memory` names the memory of a method that has one, or the policy of one trained by reinforcement learning.

    Users and sampling seeds do not depend on the method, so that methods compare pair by pair.
    """
    chosen = method_named(method)
    services = workshop.services(dataset, memory=memory if chosen.learns else None, llm=chosen.needs_llm)
    await workshop.check_model(services)
    policy = kept_policy(services, method, memory)
    services = replace(services, recommender=policy)
    worlds = services.worlds
    keys = [services.dataset.user_keys[user] for user in users_of(worlds.test, users, worlds.test.settings.seed)]
    plan = {
        "command": "evaluate",
        "method": method,
        "users": keys,
        "seeds": seeds,
        "memory": memory if chosen.learns else "",
        # A memory that grew between a kill and the resumption would mix two policies in one table.
        "memory_records": services.memory.stats().counts if services.memory is not None else {},
        **({"policy": policy.record.sha256} if policy is not None else {}),
    }
    config = run_config(workshop, services, plan)
    with RunFolder(run, config, surroundings(workshop.settings, workshop.abilities), resume=resume) as folder:
        runner = Runner(services, chosen, folder, horizon=worlds.test.horizon)
        await runner.run(evaluation_plan(keys, seeds), on_episode)
        summary = summarise(folder.lines, method, dataset, conduct_of(folder.lines, services))
        folder.write_metrics(summary.model_dump_json(indent=2))
    return summary
