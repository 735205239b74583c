"""Runs a comparison: all arms and seeds at once against one LLM, resumable at any point."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from billp.agents.roles.appraiser import question_of
from billp.baselines.rl.policy import PolicyRecord
from billp.errors import ArtifactError
from billp.experiments.analysis.recorded_knowledge import as_begun
from billp.experiments.compare.arm_run import ArmRun, ComparisonContext, OnTraining
from billp.experiments.compare.captions import caption
from billp.experiments.compare.comparison_tables import tables_of
from billp.experiments.compare.design import Arm, Design, checked
from billp.experiments.compare.pairs import compare_pairs, differs
from billp.experiments.compare.policy_curves import PolicyTraining, policy_training
from billp.experiments.compare.results import Comparison, Serving, curve_points
from billp.experiments.policies.policy_training import check_trainable
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.configured_folder import ConfiguredFolder, read_config
from billp.experiments.runs.engine import Engine, engine_of, together
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_names import first_name
from billp.experiments.runs.runner import OnEpisode
from billp.experiments.runs.stored import read_stored
from billp.experiments.stats.beyond_accuracy import conduct_of
from billp.experiments.stats.metrics import Summary, cached_share, summarise
from billp.experiments.tracking.logged import logged
from billp.graphs.dependencies import Dependencies
from billp.graphs.resources import Resources
from billp.simulators import users_of
from billp.whole_files import write_whole

COMPARISON = "comparison.json"
_ID = "comparison_id"  # part of the names of its memories, so that comparisons of one name have different ones
# A comparison may go on with more: each arm with each seed has its own folder and config.
_MAY_CHANGE = ("plan.arms", "plan.base", "plan.seeds", "plan.users", "plan.test_users", "prompts", "model_sha256")


async def compare(
    resources: Resources,
    design: Design,
    *,
    run: Path,
    resume: bool,
    on_episode: OnEpisode | None = None,
    on_training: OnTraining | None = None,
    engine: Engine | None = None,
) -> Comparison:
    """Trains, probes and evaluates every arm with every seed; also writes the results to `run/comparison.json`.

    All arms meet the same test users with the same seeds. For each seed, each learning arm has a memory that starts
    empty and that its evaluation only reads, and each policy is trained again. With `resume`, finished parts are only
    read, and `design` may have more arms, seeds and users than before. `engine` plays the episodes; by default the one
    that the settings name. Raises SettingsError for an invalid design, and ArtifactError if `run` was made with another
    training, other settings, or more.
    """
    design = checked(design, resources.settings.run.batch)
    for arm in design.arms:
        if arm.method.needs_policy:
            check_trainable(arm.method.name)
    base = resources.deps(
        design.dataset, memory=None, llm=any(arm.method.needs_llm for arm in design.arms), pack=design.arms[0].pack
    )
    await resources.check_model(base)
    world = base.worlds.test
    users = [base.dataset.user_keys[user] for user in users_of(world, design.users, world.settings.seed)]
    config = run_config(resources, base, {**design.plan(), "test_users": users})
    beside = surroundings(resources.settings, resources.abilities, base.belief_model.knowledge) | {_ID: uuid4().hex[:8]}
    with ConfiguredFolder(run, config, beside, resume=resume, may_change=_MAY_CHANGE) as folder:
        _check_wider(run, design)
        if folder.existed and base.roles is not None:
            base = as_begun(base, resources.knowledge.answers(base.pack), folder.surroundings)
        async with logged(resources.settings, run, config) as log:
            own = folder.surroundings.get(_ID)  # comparisons of earlier builds have none
            bench = ComparisonContext(
                resources=resources,
                design=design,
                folder=run,
                memories=f"{first_name(run)}-{own}" if own else first_name(run),
                engine=engine or await engine_of(resources),
                test_users=users,
                on_episode=on_episode or (lambda _: None),
                on_training=on_training or (lambda _, __: None),
                log=log,
                one_training=asyncio.Lock(),
            )
            tracks = [
                ArmRun(bench, arm, seed, _services_of(arm, base, resources))
                for arm in design.arms
                for seed in design.seeds
            ]
            met = await _run(tracks, design)
            comparison = _results(resources, base, design, tracks, met=met, settings=config["settings"])
            folder.widen()
            if not resources.load.seconds:  # nothing was asked, so only the stored one says how the LLM was used
                comparison = _as_stored(run / COMPARISON, comparison)
            write_whole(run / COMPARISON, comparison.model_dump_json(indent=2) + "\n")
            log.results(comparison.methods, tables_of(comparison))
    return comparison


def _as_stored(path: Path, comparison: Comparison) -> Comparison:
    """Returns the comparison with the serving numbers of the file at `path`, if that has the same results."""
    with suppress(ArtifactError):
        stored = read_stored(path, Comparison, "compare again")
        if stored.methods == comparison.methods and stored.training == comparison.training:
            return comparison.model_copy(update={"serving": stored.serving})
    return comparison


def _check_wider(run: Path, design: Design) -> None:
    left_out = design.left_out(read_config(run)["plan"])
    if left_out:
        raise ArtifactError(
            f"Run {run} has {', '.join(left_out)}; it goes on with what it has or with more, so name them too or "
            "choose another --run."
        )


def _services_of(arm: Arm, base: Dependencies, resources: Resources) -> Dependencies:
    roles = resources.roles(arm.pack) if arm.method.needs_llm else None
    deps = resources.as_method(replace(base, pack=arm.pack, roles=roles), arm.method)
    same = question_of(arm.pack["item"]) == question_of(base.pack["item"])
    return deps if same or not arm.method.knows else resources.knowledge.told(deps)


async def _run(tracks: list[ArmRun], design: Design) -> int:
    """Runs all arms; returns the number of test users that each of them met."""
    first, *others = design.looks

    async def begin(track: ArmRun) -> None:
        await track.learn()
        await track.evaluate(first)

    await together([begin(track) for track in tracks])
    met = first
    for users in others:
        if _decided(tracks, design):
            break
        await together([track.evaluate(users) for track in tracks])
        met = users
    return met


def _decided(tracks: list[ArmRun], design: Design) -> bool:
    """Returns whether R_traj of every arm differs from the base's.

    Several looks at the data would find differences by chance more often than 5% of the time, so each look uses its
    part of the 5% only (Bonferroni).
    """
    level = 1 - 0.05 / len(design.looks)
    base = _lines(tracks, design.base)
    trained = design.trained
    return all(
        differs(_lines(tracks, arm.name), base, "r_traj", level, trained=arm.name in trained or design.base in trained)
        for arm in design.arms
        if arm.name != design.base
    )


def _lines(tracks: list[ArmRun], arm: str) -> list[EpisodeLine]:
    return [line for track in tracks if track.arm.name == arm for line in track.evaluation]


def _results(
    resources: Resources,
    deps: Dependencies,
    design: Design,
    tracks: list[ArmRun],
    *,
    met: int,
    settings: dict[str, Any],
) -> Comparison:
    evaluated = {arm.name: _lines(tracks, arm.name) for arm in design.arms}
    trained = {
        arm.name: [line for track in tracks if track.arm is arm for line in track.training]
        for arm in design.arms
        if arm.method.learns
    }
    probed = {name: _probes(tracks, name, design) for name in trained}
    everything = [line for track in tracks for line in track.lines]

    def beside(lines: list[EpisodeLine]) -> list[EpisodeLine]:
        own = {id(line) for line in lines}
        return [line for line in everything if id(line) not in own]

    def summary(name: str, lines: list[EpisodeLine], with_conduct: bool) -> Summary:
        met = (line for track in tracks if track.arm.name == name for line in track.met())
        conduct = conduct_of(met, deps) if with_conduct else None
        return summarise(lines, name, design.dataset, conduct, beside(lines), trained=name in design.trained)

    cached = {
        arm.name: cached_share([line for track in tracks if track.arm is arm for line in track.lines])
        for arm in design.arms
        if arm.method.needs_llm
    }
    methods = {name: summary(name, lines, True) for name, lines in evaluated.items()}
    return Comparison(
        dataset=design.dataset,
        base=design.base,
        users=met,
        stopped_early=met < design.users,
        caption=caption(design, deps, met=met),
        methods=methods,
        training={name: summary(name, lines, False) for name, lines in trained.items()},
        pairs=compare_pairs(evaluated, design.base, design.trained),
        curve=[point for name, probes in probed.items() for point in curve_points(name, probes, design.dataset)],
        policies=_policies(tracks, methods),
        serving=Serving(**asdict(resources.load), cached_share=cached),
        settings=settings,
    )


def _policies(tracks: list[ArmRun], methods: dict[str, Summary]) -> list[PolicyTraining]:
    learning = dict.fromkeys(track.arm.name for track in tracks if track.arm.method.remembers)
    means = {name: methods[name].r_traj.mean for name in learning}
    reached = {name: mean for name, mean in means.items() if mean is not None}
    records: dict[str, list[PolicyRecord]] = {}
    for track in tracks:
        if track.policy is not None:
            records.setdefault(track.arm.name, []).append(track.policy)
    return [policy_training(arm, found, reached) for arm, found in records.items()]


def _probes(tracks: list[ArmRun], arm: str, design: Design) -> dict[int, list[EpisodeLine]]:
    """Returns probe episodes by training episodes; the last point is the evaluation with the probe's users."""
    if not design.probes:
        return {}
    points: dict[int, list[EpisodeLine]] = {}
    for track in tracks:
        if track.arm.name == arm:
            for trained, lines in track.probes.items():
                points.setdefault(trained, []).extend(lines)
    users = {line.user for lines in points.values() for line in lines}
    points[design.train_episodes] = [line for line in _lines(tracks, arm) if line.user in users]
    return points
