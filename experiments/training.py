"""Training: episodes of the train world whose lessons go into memory."""

from __future__ import annotations

from pathlib import Path

from billp.experiments.config import run_config, surroundings
from billp.experiments.engine import engine_of
from billp.experiments.knowing import as_begun
from billp.experiments.metrics import Summary, summarise
from billp.experiments.names import row_name
from billp.experiments.plans import training_plan
from billp.experiments.rivals import RunningRival, keep_lessons
from billp.experiments.run_folder import RunFolder
from billp.experiments.runner import OnEpisode, Runner
from billp.graphs.methods import teachable
from billp.graphs.workshop import Workshop
from billp.names import checked_name
from billp.simulators import users_of

_FIRST = "first_ordinal"  # a memory may have learned before, and resuming must give the same ordinals again


async def train(
    workshop: Workshop,
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
    """Runs `episodes` training episodes into `run` and memory `memory`; the summary is also in metrics.json.

    What a rival learned is kept under the same name, from this run alone.

    Raises SettingsError for a method that has no memory to learn into, BadInputError for what cannot be a name.
    """
    chosen = teachable(method)
    if chosen.answers:
        checked_name("policy", memory)  # before the training, whose lessons are kept under it
    services = workshop.services(
        dataset, memory=memory if chosen.remembers else None, llm=chosen.needs_llm, method=chosen
    )
    await workshop.check_model(services)
    engine = await engine_of(workshop)
    rival = RunningRival(services, method, seed) if chosen.answers else None
    worlds, settings = services.worlds, workshop.settings
    users = [services.dataset.user_keys[user] for user in users_of(worlds.train, len(worlds.train.users), seed)]
    plan = {"command": "train", "method": method, "episodes": episodes, "seed": seed, "memory": memory}
    config = run_config(workshop, services, plan | ({"rival": rival.chosen} if rival is not None else {}))
    first = services.memory.next_ordinal() if services.memory is not None else 0
    beside = surroundings(settings, workshop.abilities, services.believer.knowledge) | {_FIRST: first}
    with RunFolder(run, config, beside, resume=resume) as folder:
        if folder.existed and chosen.needs_llm:
            services = as_begun(services, workshop.knowledge.answers(services.pack), folder.surroundings)
        runner = Runner(
            services, chosen, folder, horizon=worlds.train.horizon, first_ordinal=folder.surroundings.get(_FIRST, 0),
            learner=rival, engine=engine,
        )  # fmt: skip
        await runner.run(training_plan(users, episodes, settings.run.batch, seed), on_episode)
        summary = summarise(folder.lines(), method, dataset, name=row_name(method, training=True))
        folder.write_metrics(summary.model_dump_json(indent=2))
        if rival is not None:
            keep_lessons(folder.lines(), services, method, memory)
    return summary
