"""Evaluation: one episode per held-out user and seed; memory is read but never written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from billp.experiments.analysis.recorded_knowledge import as_begun
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.engine import engine_of
from billp.experiments.runs.episode_plans import evaluation_plan
from billp.experiments.runs.recommenders import open_recommender
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.run_names import row_name
from billp.experiments.runs.runner import OnEpisode, Runner
from billp.experiments.stats.beyond_accuracy import conduct_of
from billp.experiments.stats.metrics import Summary, summarise
from billp.experiments.stats.tables import summary_table
from billp.experiments.tracking.logged import logged
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.simulators import users_of


async def evaluate(
    resources: Resources,
    *,
    dataset: str,
    method: str,
    users: int,
    seeds: list[int],
    memory: str,
    run: Path,
    resume: bool,
    on_episode: OnEpisode | None = None,
    judged_by: Sequence[str] = (),
) -> Summary:
    """Runs `method` on the first `users` test users, once with each seed; also writes the summary to metrics.json.

    `memory` names the memory of a method that has one, or what `train` kept for one without: a policy, or the lessons
    of a rival.

    `judged_by` is stored: the ways in which the run's states are going to be judged, without which it has not ended.

    Users and sampling seeds do not depend on the method, so that methods can be compared pair by pair.
    """
    chosen = method_named(method)
    deps = resources.deps(
        dataset, memory=memory if chosen.remembers else None, llm=chosen.needs_llm, method=chosen, reading=True
    )
    await resources.check_model(deps)
    engine = await engine_of(resources)
    opened = open_recommender(deps, method, memory)
    deps = replace(deps, recommender=opened.recommender)
    worlds = deps.worlds
    keys = [deps.dataset.user_keys[user] for user in users_of(worlds.test, users, worlds.test.settings.seed)]
    trained = deps.memory.next_ordinal() if deps.memory is not None else None
    plan = {
        "command": "evaluate",
        "method": method,
        "users": keys,
        "seeds": seeds,
        "memory": memory if chosen.remembers else "",
        # A memory that grew between a kill and the resumption would mix two policies in one table.
        "memory_records": deps.memory.stats().counts if deps.memory is not None else {},
        **({"trained": trained} if trained is not None else {}),
        **opened.told,
        **({"judged_by": list(judged_by)} if judged_by else {}),
    }
    config = run_config(resources, deps, plan)
    # Runs that began before this was recorded go on: the memory's size tells whether it is the same.
    noted = ("plan.trained", "plan.judged_by")
    beside = surroundings(resources.settings, resources.abilities, deps.belief_model.knowledge)
    with RunFolder(run, config, beside, resume=resume, may_change=noted) as folder:
        if folder.existed and chosen.needs_llm:
            deps = as_begun(deps, resources.knowledge.answers(deps.pack), folder.surroundings)
        runner = Runner(deps, chosen, folder, horizon=worlds.test.horizon, engine=engine)
        async with logged(resources.settings, run, config) as log:
            await runner.run(evaluation_plan(keys, seeds), log.following("evaluation", on_episode, len(folder.over)))
            conduct = conduct_of(folder.lines(), deps)
            summary = summarise(folder.lines(), method, dataset, conduct, name=row_name(method, trained))
            folder.write_metrics(summary.model_dump_json(indent=2))
            log.results({summary.name: summary}, [summary_table({summary.name: summary})])
    return summary
