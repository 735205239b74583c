"""Episodes spread over workers are the episodes of one process, whatever happens to the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import PrivateAttr

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.errors import EngineError, ModelUnavailableError, ServerAwayError, SettingsError
from billp.experiments.runs import watching
from billp.experiments.runs.engine import Engine
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.episode_plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.runs.recommenders import RunningRival
from billp.experiments.runs.run_folder import RunFolder
from billp.experiments.runs.runner import Runner
from billp.experiments.runs.watching import working_in
from billp.experiments.scale import spreading
from billp.experiments.scale.spreading import SpreadEngine
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import METHODS
from billp.graphs.resources import Resources
from billp.memory import KINDS, AgentMemory, Record
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel
from tests.fakes.pool import FakePool
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds


class Slow(RuleModel):
    """A model that thinks for a while."""

    async def answer(self, request: Request) -> Reply:
        await asyncio.sleep(0.05)
        return await super().answer(request)


class Watched(RuleModel):
    """A model that answers first when the run in a folder has told that an episode plans."""

    _run: Path = PrivateAttr()

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._run = run

    async def answer(self, request: Request) -> Reply:
        for _ in range(3000 if len(self.requests) == 1 else 0):
            if any(each.node == "plan" for each in working_in(self._run)):
                break
            await asyncio.sleep(0.01)
        return await super().answer(request)


NEAR: dict[str, Any] = {"memory__actor_distance": 9.0, "memory__critic_distance": 9.0}


def keys(split: str) -> list[str]:
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return [tiny_dataset().user_keys[int(user)] for user in world.users]


TRAINING = training_plan(keys("train"), 8, 4, 0)
MEETING = evaluation_plan(keys("test"), [0, 1])


def engine(pool: FakePool, deps: Dependencies, model: RuleModel | None = None) -> SpreadEngine:
    resources = Resources(deps.settings, model=model or RuleModel(), embedder=HashEmbedder())
    return SpreadEngine(resources, pool)


async def played(
    path: Path,
    deps: Dependencies,
    method: str,
    plans: Sequence[EpisodePlan],
    by: Engine | None,
    *,
    resume: bool = False,
) -> tuple[EpisodeLine, ...]:
    rival = RunningRival(deps, method, 0) if METHODS[method].chooser == "rival" else None
    with RunFolder(path / "run", {"method": method}, {}, resume=resume) as folder:
        runner = Runner(deps, METHODS[method], folder, horizon=12, engine=by, learner=rival)
        try:
            await runner.run(plans)
        finally:
            lines = tuple(folder.lines())
    return lines


def told(lines: Sequence[EpisodeLine]) -> dict[str, Any]:
    """Everything but the times."""
    assert len({line.id for line in lines}) == len(lines)
    return {
        line.id: line.model_dump(exclude={"started", "ended", "output"}) | {"output": timeless(line)} for line in lines
    }


def timeless(line: EpisodeLine) -> object:
    if line.output is None:
        return None
    return {**line.output, "usage": {**line.output["usage"], "seconds": 0.0}}


def contents(memory: AgentMemory) -> Mapping[str, Record]:
    return {record.id: record for kind in KINDS for record in memory.records(kind, 10_000)}


@pytest.mark.parametrize("method", ["billp", "billp-llm-only"])
async def test_training_on_workers_leaves_the_same_episodes_and_the_same_memory(tmp_path: Path, method: str):
    one, other = fake_memory(), fake_memory()
    flags = {"method": method, **NEAR}
    alone = await played(tmp_path / "a", fake_dependencies(memory=one, **flags), method, TRAINING, None)
    deps, pool = fake_dependencies(memory=other, **flags), FakePool(2)
    spread = await played(tmp_path / "b", deps, method, TRAINING, engine(pool, deps))
    assert told(spread) == told(alone)
    assert contents(other) == contents(one)
    assert {number for number, _ in pool.jobs} == {0, 1}
    assert [bool(line.output and line.output["reflections"]) for line in spread] == [False] * 4 + [True] * 4


async def test_a_memory_that_grows_in_many_small_parts_is_the_same_on_workers(tmp_path: Path):
    plans = training_plan(keys("train"), 24, 1, 0)
    one, other = fake_memory(), fake_memory()
    alone = await played(tmp_path / "a", fake_dependencies(memory=one, method="billp", **NEAR), "billp", plans, None)
    deps, pool = fake_dependencies(memory=other, method="billp", **NEAR), FakePool(2)
    spread = await played(tmp_path / "b", deps, "billp", plans, engine(pool, deps))
    assert told(spread) == told(alone)
    assert contents(other) == contents(one)


@pytest.mark.parametrize(
    "method", ["random", "oracle", "billp-memory-only", "mmr-untuned", "diverse-learned", "linucb"]
)
async def test_methods_that_are_played_as_arrays_are_spread_as_well(tmp_path: Path, method: str):
    plans = [*TRAINING, *(replace(plan, batch=9) for plan in MEETING)]
    alone = await played(tmp_path / "a", fake_dependencies(memory=fake_memory()), method, plans, None)
    deps, pool = fake_dependencies(memory=fake_memory()), FakePool(3)
    spread = await played(tmp_path / "b", deps, method, plans, engine(pool, deps))
    assert told(spread) == told(alone)
    assert max(len(ids) for _, ids in pool.jobs) > 1
    assert len(pool.jobs) > 2


async def test_the_driver_knows_how_busy_the_workers_kept_the_llm(tmp_path: Path):
    deps = fake_dependencies(memory=fake_memory())
    resources = Resources(deps.settings, model=Slow(), embedder=HashEmbedder())
    await played(tmp_path, deps, "billp", TRAINING, SpreadEngine(resources, FakePool(2)))
    load = resources.load
    assert load.seconds > 0
    assert 0 < load.busy_share <= 1
    assert load.busy_share <= load.calls_at_once <= len(TRAINING)


async def test_a_run_says_which_node_each_episode_is_at_on_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spreading, "_LOOK_S", 0.01)
    monkeypatch.setattr(watching, "_EVERY_S", 0.01)
    deps, seen = fake_dependencies(memory=fake_memory()), set[tuple[int, str]]()
    resources = Resources(deps.settings, model=Watched(tmp_path / "run"), embedder=HashEmbedder())
    playing = asyncio.create_task(played(tmp_path, deps, "react", MEETING[:2], SpreadEngine(resources, FakePool(2))))
    while not playing.done():
        seen |= {(each.step, each.node) for each in working_in(tmp_path / "run")}
        await asyncio.sleep(0)
    await playing
    assert (1, "plan") in seen
    assert working_in(tmp_path / "run") == []


async def test_a_lost_worker_loses_no_episode(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    one, other = fake_memory(), fake_memory()
    alone = await played(tmp_path / "a", fake_dependencies(memory=one), "billp", TRAINING, None)
    deps, pool = fake_dependencies(memory=other), FakePool(2, deadly=[TRAINING[1].id, TRAINING[1].id, TRAINING[6].id])
    spread = await played(tmp_path / "b", deps, "billp", TRAINING, engine(pool, deps))
    assert told(spread) == told(alone)
    assert contents(other) == contents(one)
    assert caplog.text.count("was lost; 1 of its episodes begin again") == 3


async def test_an_episode_that_costs_every_worker_ends_the_run_which_goes_on_later(tmp_path: Path):
    one, other = fake_memory(), fake_memory()
    alone = await played(tmp_path / "a", fake_dependencies(memory=one), "billp", TRAINING, None)
    deps = fake_dependencies(memory=other)
    with pytest.raises(EngineError, match=r"3 workers were lost over episode train-0-5.*--resume"):
        await played(tmp_path / "b", deps, "billp", TRAINING, engine(FakePool(2, deadly=["train-0-5"] * 3), deps))
    deps = fake_dependencies(memory=other)
    spread = await played(tmp_path / "b", deps, "billp", TRAINING, engine(FakePool(2), deps), resume=True)
    assert told(spread) == told(alone)
    assert contents(other) == contents(one)


async def test_an_episode_that_fails_is_a_failed_line_and_what_ends_the_run_ends_it(tmp_path: Path):
    class Unlucky(RuleModel):
        async def answer(self, request: Request) -> Reply:
            raise ModelUnavailableError("no reply")

    class Away(RuleModel):
        async def answer(self, request: Request) -> Reply:
            raise ServerAwayError("the server went away")

    deps = fake_dependencies(method="react")
    lines = await played(tmp_path / "a", deps, "react", MEETING[:3], engine(FakePool(2), deps, Unlucky()))
    assert {(line.status, line.error) for line in lines} == {("failed", "no reply")}
    with pytest.raises(ServerAwayError, match="went away"):
        await played(tmp_path / "b", deps, "react", MEETING[:3], engine(FakePool(2), deps, Away()))


async def test_what_is_shared_travels_once_and_a_job_is_small(tmp_path: Path):
    deps, pool = fake_dependencies(memory=fake_memory()), FakePool(2)
    await played(tmp_path, deps, "billp", TRAINING, engine(pool, deps))
    # Ground, equipment, two kits, and after the first batch a part for each kind of record.
    assert len(pool.shelf) == 2 + 2 + len(KINDS)
    assert max(pool.sent) < 2000


async def test_no_job_and_nothing_shared_holds_a_secret(tmp_path: Path):
    deps = fake_dependencies(llm__api_key="sk-planted", postgres_url="postgresql://me:planted@host/db")
    pool = FakePool(1)
    resources = Resources(deps.settings, model=RuleModel(), embedder=HashEmbedder())
    await played(tmp_path, deps, "react", MEETING[:2], SpreadEngine(resources, pool))
    assert not [thing for thing in pool.shelf.values() if b"planted" in thing]


def test_a_tape_is_refused():
    settings = fake_dependencies(run__tape="record").settings
    with pytest.raises(SettingsError, match="leave out --tape"):
        SpreadEngine(Resources(settings), FakePool(1))
