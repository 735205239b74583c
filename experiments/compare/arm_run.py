"""One arm with one seed: learns with its own memory, is probed in between, then evaluated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from billp.baselines.rl.policy import PolicyRecord, TrainedPolicy
from billp.baselines.rl.thread import in_thread
from billp.experiments.compare.design import Arm, Design
from billp.experiments.policies.policy_training import train_method
from billp.experiments.runs.config import run_config, surroundings
from billp.experiments.runs.engine import Engine
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.episode_plans import evaluation_plan, training_plan
from billp.experiments.runs.recommenders import RunningRival
from billp.experiments.runs.run_folder import RunFolder, is_complete, read_lines
from billp.experiments.runs.runner import OnEpisode, Runner
from billp.experiments.stats.beyond_accuracy import conduct_of
from billp.experiments.stats.metrics import summarise
from billp.experiments.tracking.logged import RunLog
from billp.graphs.dependencies import Dependencies
from billp.graphs.resources import Resources
from billp.simulators import users_of

OnTraining = Callable[[str, float], None]
"""Called with the name of a training and the share of it that is done."""
_EVALUATION = "evaluation"


@dataclass(frozen=True)
class ComparisonContext:
    """What all arm runs of a comparison share: resources, users, and where results go."""

    resources: Resources
    design: Design
    folder: Path
    memories: str
    """Prefix of the names of its memories; no other comparison has it."""
    engine: Engine
    test_users: list[str]
    on_episode: OnEpisode
    log: RunLog
    on_training: OnTraining
    one_training: asyncio.Lock
    """Policies are trained one after another, since they share the generators of torch and NumPy."""


class ArmRun:
    """One arm with one seed. Every part goes on where it was interrupted; a finished part is only read."""

    def __init__(self, bench: ComparisonContext, arm: Arm, seed: int, deps: Dependencies) -> None:
        self._bench = bench
        self._seed = seed
        self._path = bench.folder / arm.name / f"seed-{seed}"
        self._memory_name = f"{bench.memories}/{arm.name}/{seed}"
        self.arm = arm
        learns = arm.method.remembers
        memory = bench.resources.memory(bench.design.dataset, self._memory_name) if learns else None
        self._services = replace(deps, memory=memory)
        self._rival: RunningRival | None = None
        self.training: tuple[EpisodeLine, ...] = ()
        self.evaluation: tuple[EpisodeLine, ...] = ()
        self.probes: dict[int, tuple[EpisodeLine, ...]] = {}

    @property
    def lines(self) -> list[EpisodeLine]:
        """All its episodes without their steps, whatever they were for."""
        return [*self.training, *self.evaluation, *(line for lines in self.probes.values() for line in lines)]

    def met(self) -> Iterator[EpisodeLine]:
        """Yields the episodes of its evaluation with all that was recorded of them, from disk."""
        ids = {line.id for line in self.evaluation}
        return (line for line in read_lines(self._path / _EVALUATION) if line.id in ids)

    @property
    def policy(self) -> PolicyRecord | None:
        """How its policy was trained; None for an arm without one."""
        policy = self._services.recommender
        return policy.record if isinstance(policy, TrainedPolicy) else None

    async def learn(self) -> None:
        """Runs the training episodes with probes in between, or trains the policy, or tunes the rival."""
        design = self._bench.design
        if self.arm.method.needs_policy:
            async with self._bench.one_training:
                self._services = replace(self._services, recommender=await self._trained_policy())
        if self.arm.method.chooser == "rival":
            self._rival = await asyncio.to_thread(RunningRival, self._services, self.arm.method.name, self._seed)
        if not self.arm.method.learns:
            return
        plan = {"command": "train", "episodes": design.train_episodes, "seed": self._seed}
        world, batch = self._services.worlds.train, self._services.settings.run.batch
        users = [self._services.dataset.user_keys[user] for user in users_of(world, len(world.users), self._seed)]
        plans = training_plan(users, design.train_episodes, batch, self._seed)
        with self._open("training", plan) as folder:
            if await self._has_learned(folder, [planned.id for planned in plans]):
                self.training = _in_brief(folder.lines())
                return
            if self._services.memory is not None:
                # The runner writes again what was learned, so that each probe finds memory as it was then.
                folder.reopen()
                await asyncio.to_thread(self._services.memory.clear)
            runner = self._runner(folder, world.horizon)
            for start, stop in pairwise([0, *design.probes, design.train_episodes]):
                await runner.run(plans[start:stop], self._played(folder))
                if stop < design.train_episodes:
                    await self._probe(stop)
            self.training = _in_brief(folder.lines())
            folder.write_metrics(summarise(self.training, self.arm.name, design.dataset).model_dump_json(indent=2))

    async def evaluate(self, users: int) -> None:
        """Runs episodes with the first `users` test users; finished ones are not run again."""
        keys = self._bench.test_users
        plan = {"command": "evaluate", "users": keys, "seeds": [self._seed], "trained": self._trained}
        self.evaluation = await self._meet(_EVALUATION, plan, keys[:users], self.evaluation)

    async def _has_learned(self, folder: RunFolder, ids: Sequence[str]) -> bool:
        """Returns whether training and probes are over and memory holds what they left; fills `probes` if so."""
        memory = self._services.memory
        if memory is None or not folder.complete or set(folder.over) != set(ids):
            return False
        held = await asyncio.to_thread(lambda: memory.stats().counts["uses"])
        if held != len(folder.over) - len(folder.failed):
            return False
        probes = {}
        for trained in self._bench.design.probes:
            path = self._path / f"probe-{trained}"
            if not is_complete(path):
                return False
            probes[trained] = _in_brief(read_lines(path))
        if any(line.output is None for probe in probes.values() for line in probe):
            return False  # it is tried again, with memory as it was then
        self.probes = probes
        return True

    async def _trained_policy(self) -> TrainedPolicy:
        label = f"{self.arm.name}, seed {self._seed}"
        return await in_thread(
            lambda on_progress: train_method(
                self._bench.resources,
                self._services,
                method=self.arm.method.name,
                epochs=self._bench.design.epochs,
                seed=self._seed,
                run=self._path / "training",
                resume=True,
                on_progress=on_progress,
                held_out=True,
            ),
            lambda share: self._bench.on_training(label, share),
        )

    async def _probe(self, trained: int) -> None:
        keys = self._bench.test_users[: self._bench.design.probe_users]
        plan = {"command": "evaluate", "users": keys, "seeds": [self._seed], "trained": trained, "probe": True}
        self.probes[trained] = await self._meet(f"probe-{trained}", plan, keys)

    async def _meet(
        self, name: str, plan: dict[str, object], keys: list[str], before: Sequence[EpisodeLine] = ()
    ) -> tuple[EpisodeLine, ...]:
        """Returns the episodes with the users `keys`, without steps; more may be recorded if users are met in portions.

        `before` are the episodes of the last portion: another process tries its failures again, this one does not.
        """
        met = {line.id for line in before}
        with self._open(name, plan) as folder:
            runner = self._runner(folder, self._services.worlds.test.horizon)
            plans = evaluation_plan(keys, [self._seed])
            await runner.run([plan for plan in plans if plan.id not in met], self._played(folder))
            lines = tuple(line for line in _in_brief(folder.lines()) if line.user in set(keys))
            conduct = conduct_of(folder.lines(line.id for line in lines), self._services)
            summary = summarise(lines, self.arm.name, self._bench.design.dataset, conduct)
            folder.write_metrics(summary.model_dump_json(indent=2))
            return lines

    def _open(self, name: str, plan: dict[str, object]) -> RunFolder:
        plan = {**plan, "method": self.arm.method.name, "arm": self.arm.name, "memory": self._memory_name}
        plan |= {"policy": self.policy.sha256} if self.policy is not None else {}
        plan |= {"rival": self._rival.chosen} if self._rival is not None else {}
        resources = self._bench.resources
        config = run_config(resources, self._services, plan)
        # The evaluation's users are the comparison's, which may be widened; a probe's are pinned by the design.
        may_change = ("plan.users",) if name == _EVALUATION else ()
        beside = surroundings(resources.settings, resources.abilities, self._services.belief_model.knowledge)
        return RunFolder(
            self._path / name, config, beside, resume=True, may_change=may_change
        )  # fmt: skip

    def _runner(self, folder: RunFolder, horizon: int) -> Runner:
        name = str(folder.path.relative_to(self._bench.folder.parent))
        return Runner(
            self._services, self.arm.method, folder, horizon=horizon, engine=self._bench.engine, name=name,
            learner=self._rival,
        )  # fmt: skip

    def _played(self, folder: RunFolder) -> OnEpisode:
        series = folder.path.relative_to(self._bench.folder).as_posix()
        return self._bench.log.following(series, self._bench.on_episode, len(folder.over))

    @property
    def _trained(self) -> int:
        return self._bench.design.train_episodes if self.arm.method.learns else 0


def _in_brief(lines: Iterable[EpisodeLine]) -> tuple[EpisodeLine, ...]:
    return tuple(line.in_brief() for line in lines)
