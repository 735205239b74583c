"""Training: episodes of the train world, from which memory learns."""

from __future__ import annotations

from pathlib import Path

from billp.experiments.analysis.recorded_knowledge import as_begun
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.engine import engine_of
from billp.experiments.runs.episode_plans import training_plan
from billp.experiments.runs.recommenders import RunningRival, keep_lessons
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.run_names import row_name
from billp.experiments.runs.runner import OnEpisode, Runner
from billp.experiments.stats.metrics import Summary, summarise
from billp.experiments.stats.tables import summary_table
from billp.experiments.tracking.logged import logged
from billp.graphs.methods import teachable
from billp.graphs.resources import Resources
from billp.names import checked_name
from billp.simulators import users_of

_FIRST = "first_ordinal"  # a memory may have learned before, and resuming must give the same ordinals again


async def train(
    resources: Resources,
    *,
    dataset: str,
    method: str,
    episodes: int,
    seed: int,
    memory: str,
    run: Path,
    resume: bool,
    on_episode: OnEpisode | None = None,
) -> Summary:
    """Runs `episodes` training episodes into `run` and the memory `memory`; also writes the summary to metrics.json.

    What a rival learned is kept under the same name, from this run alone.

    Raises SettingsError for a method that has no memory to learn into, BadInputError for an invalid name.
    """
    chosen = teachable(method)
    if chosen.answers:
        checked_name("policy", memory)  # before the training, whose lessons are kept under it
    deps = resources.deps(dataset, memory=memory if chosen.remembers else None, llm=chosen.needs_llm, method=chosen)
    await resources.check_model(deps)
    engine = await engine_of(resources)
    rival = RunningRival(deps, method, seed) if chosen.answers else None
    worlds, settings = deps.worlds, resources.settings
    users = [deps.dataset.user_keys[user] for user in users_of(worlds.train, len(worlds.train.users), seed)]
    plan = {"command": "train", "method": method, "episodes": episodes, "seed": seed, "memory": memory}
    config = run_config(resources, deps, plan | ({"rival": rival.chosen} if rival is not None else {}))
    first = deps.memory.next_ordinal() if deps.memory is not None else 0
    beside = surroundings(settings, resources.abilities, deps.belief_model.knowledge) | {_FIRST: first}
    with RunFolder(run, config, beside, resume=resume) as folder:
        if folder.existed and chosen.needs_llm:
            deps = as_begun(deps, resources.knowledge.answers(deps.pack), folder.surroundings)
        runner = Runner(
            deps, chosen, folder, horizon=worlds.train.horizon, first_ordinal=folder.surroundings.get(_FIRST, 0),
            learner=rival, engine=engine,
        )  # fmt: skip
        async with logged(settings, run, config) as log:
            played = log.following("training", on_episode, len(folder.over))
            await runner.run(training_plan(users, episodes, settings.run.batch, seed), played)
            if rival is not None:
                keep_lessons(folder.lines(), deps, method, memory)
            summary = summarise(folder.lines(), method, dataset, name=row_name(method, training=True))
            folder.write_metrics(summary.model_dump_json(indent=2))
            log.results({summary.name: summary}, [summary_table({summary.name: summary})])
    return summary
