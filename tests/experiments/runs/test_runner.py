"""The runner on fakes: every episode once, batches that read memory as it stood, runs that go on after a stop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.errors import DataError, ModelUnavailableError, ServerAwayError
from billp.experiments.runs import watching
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.episode_plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.runs.run_folder import RunFolder, read_lines
from billp.experiments.runs.runner import Runner
from billp.experiments.runs.watching import working_in
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.recording import output_of
from billp.graphs.state import Trajectory
from billp.memory import KINDS, ActorExperience, AgentMemory, Record
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import RuleModel, sensible_reply
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds

Played = dict[str, tuple[Any, ...]]


def keys(split: str) -> list[str]:
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return [tiny_dataset().user_keys[int(user)] for user in world.users]


def plans(episodes: int = 8, batch: int = 3, seed: int = 0) -> list[EpisodePlan]:
    return training_plan(keys("train"), episodes, batch, seed)


def deps(
    memory: AgentMemory | None, model: RuleModel | None = None, *, side_by_side: int = 8, reads: bool = True
) -> Dependencies:
    """Dependencies that find everything in memory similar; with `reads` off they read nothing back."""
    reading = {} if reads else {f"memory__{kind}": 0 for kind in ("reflections", "evidence", "experiences", "values")}
    flags: dict[str, Any] = {"memory__actor_distance": 9.0, "memory__critic_distance": 9.0, **reading}
    return fake_dependencies(model, memory, run__side_by_side=side_by_side, **flags)


async def play(
    path: Path,
    made: Dependencies,
    planned: list[EpisodePlan],
    *,
    method: str = "billp",
    resume: bool = False,
    on_episode: Callable[[EpisodeLine], None] | None = None,
) -> tuple[EpisodeLine, ...]:
    """Runs `planned` into the run folder `path`."""
    with RunFolder(path, {"method": method}, {}, resume=resume) as folder:
        runner = Runner(made, method_named(method), folder, horizon=made.worlds.train.horizon)
        try:
            await runner.run(planned, on_episode)
        finally:
            lines = tuple(folder.lines())
    return lines


def played(lines: tuple[EpisodeLine, ...]) -> Played:
    """What happened in each episode, whatever order they ended in and however long they took."""
    assert len({line.id for line in lines}) == len(lines), "an episode was run twice"
    found: Played = {}
    for line in lines:
        done = line.output
        steps = tuple((s["item"], s["reward"], s["value"], s["thought"]) for s in done["steps"]) if done else ()
        found[line.id] = (line.user, line.status, line.seed, line.batch, steps, done and done["reflection"])
    return found


def contents(memory: AgentMemory) -> Mapping[str, Record]:
    return {record.id: record for kind in KINDS for record in memory.records(kind, 10_000)}


@dataclass(frozen=True)
class Whole:
    """A run that nothing stopped: its folder and its memory, both only read, and the ids of episodes as they ended."""

    path: Path
    memory: AgentMemory
    lines: tuple[EpisodeLine, ...]
    seen: list[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Played once for all tests."""
    path, memory, seen = tmp_path_factory.mktemp("whole") / "run", fake_memory(), list[str]()
    lines = asyncio.run(play(path, deps(memory), plans(), on_episode=lambda line: seen.append(line.id)))
    return Whole(path, memory, lines, seen)


def test_every_planned_episode_runs_once(whole: Whole):
    assert sorted(played(whole.lines)) == sorted(plan.id for plan in plans())
    assert whole.seen == [line.id for line in whole.lines]
    assert all(line.status == "finished" and line.started <= line.ended for line in whole.lines)
    assert {line.id: (line.user, line.batch) for line in whole.lines} == {p.id: (p.user, p.batch) for p in plans()}


def test_what_was_learned_belongs_to_the_episodes_that_taught_it(whole: Whole):
    steps = sum(line.output["length"] for line in whole.lines if line.output)
    assert whole.memory.stats().counts == {"reflections": 8, "actor": steps, "critic": steps, "uses": 8}
    taught = {(record.origin.run, record.origin.episode) for record in contents(whole.memory).values()}
    assert taught == {("run", plan.id) for plan in plans()}
    # The newest reflection is the one of the last episode planned, not of the one that ended last.
    assert [lesson.origin.episode for lesson in whole.memory.reflections.latest(2)] == ["train-0-7", "train-0-6"]


async def test_one_failing_episode_is_one_failed_line_and_the_others_finish(tmp_path: Path):
    unlucky = plans()[4]

    class Unlucky(RuleModel):
        async def answer(self, request: Request) -> Reply:
            if request.seed in seeds:
                raise ModelUnavailableError("the server went away")
            return await super().answer(request)

    # The seeds of the unlucky episode's calls, found by running it alone.
    spy = RuleModel()
    await play(tmp_path / "alone", deps(fake_memory(), spy), [unlucky])
    seeds = {request.seed for request in spy.requests}

    memory = fake_memory()
    lines = await play(tmp_path / "run", deps(memory, Unlucky()), plans())
    (line,) = (line for line in lines if line.status == "failed")
    assert line.id == unlucky.id
    assert line.error == "the server went away"
    assert line.output is None
    assert sorted(line.id for line in lines) == sorted(plan.id for plan in plans())
    assert unlucky.id not in {record.origin.episode for record in contents(memory).values()}
    assert memory.reflections.latest(99)
    assert len(memory.reflections.latest(99)) == 7


async def test_an_episode_with_a_number_that_is_none_is_a_failed_one_and_teaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    planned = plans(6)
    spoilt = planned[1].id

    def spoiled(state: Mapping[str, object]) -> Trajectory:
        done = output_of(state)
        if done["episode"] != spoilt:
            return done
        return {**done, "steps": [{**step, "value": math.nan} for step in done["steps"]]}

    monkeypatch.setattr("billp.experiments.runs.engine.output_of", spoiled)
    agent_memory = fake_memory()
    lines = {line.id: line for line in await play(tmp_path / "run", deps(agent_memory), planned)}
    assert {id_ for id_, line in lines.items() if line.output is None} == {spoilt}
    assert (
        lines[spoilt].error == "The episode's steps.1.value is no finite number; check the simulator and the settings."
    )
    assert spoilt not in {record.origin.episode for kind in KINDS for record in agent_memory.records(kind)}


async def test_an_error_that_is_no_episode_s_ends_the_run(tmp_path: Path):
    def broken(request: Request) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        await play(tmp_path / "run", deps(fake_memory(), RuleModel(broken)), plans(2))
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("side_by_side", [1, 4])
async def test_a_batch_reads_memory_as_it_stood_when_it_began(tmp_path: Path, side_by_side: int):
    memory = fake_memory()
    seen: list[tuple[int, int]] = []  # (episodes over, reflections there) whenever the Planner is asked

    def noting(request: Request) -> Reply:
        if request.role == "planner":
            seen.append((len(done), memory.stats().counts["reflections"]))
        return sensible_reply(request)

    done: list[str] = []
    made = deps(memory, RuleModel(noting), side_by_side=side_by_side)
    await play(tmp_path / "run", made, plans(), on_episode=lambda line: done.append(line.id))
    assert {there for _, there in seen} == {0, 3, 6}
    assert all(there == over // 3 * 3 for over, there in seen)


async def test_results_do_not_depend_on_how_many_run_at_once(whole: Whole, tmp_path: Path):
    one = fake_memory()
    alone = await play(tmp_path / "a" / "run", deps(one, side_by_side=1), plans())
    assert played(alone) == played(whole.lines)
    assert contents(one) == contents(whole.memory)
    # Memory is read at all: with none, the same episodes take another way.
    empty = deps(fake_memory(), reads=False)
    assert played(await play(tmp_path / "c" / "run", empty, plans())) != played(alone)


class Stop(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(
    ("stops", "side_by_side"),
    [([1], 4), ([3], 1), ([8], 4), ([2, 3], 1), ([1, 1, 1], 4)],
)
async def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    whole: Whole, tmp_path: Path, stops: list[int], side_by_side: int
):
    broken = fake_memory()
    made = deps(broken, side_by_side=side_by_side)
    for stop in stops:
        left = [stop]

        def stop_after(line: EpisodeLine, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Stop

        with pytest.raises(ExceptionGroup) as caught:
            await play(tmp_path / "b" / "run", made, plans(), resume=True, on_episode=stop_after)
        assert caught.group_contains(Stop)
    resumed = await play(tmp_path / "b" / "run", made, plans(), resume=True)
    assert played(resumed) == played(whole.lines)
    assert contents(broken) == contents(whole.memory)


@pytest.mark.parametrize("calls", [0, 40])
async def test_a_run_whose_server_went_away_stops_and_goes_on_as_if_it_had_not(
    whole: Whole, tmp_path: Path, calls: int
):
    broken = fake_memory()

    def until_away(request: Request) -> Reply:
        if len(model.requests) > calls:
            raise ServerAwayError("The server is away.")
        return sensible_reply(request)

    model = RuleModel(until_away)
    with pytest.raises(ServerAwayError):
        await play(tmp_path / "away" / "run", deps(broken, model), plans(), resume=True)
    before = read_lines(tmp_path / "away" / "run")
    assert all(line.status == "finished" for line in before), "what could not be played is not recorded as failed"
    resumed = await play(tmp_path / "away" / "run", deps(broken), plans(), resume=True)
    assert played(resumed) == played(whole.lines)
    assert contents(broken) == contents(whole.memory)


@pytest.mark.parametrize("at", [0, 10])
async def test_a_stop_while_a_batch_is_written_loses_nothing(
    whole: Whole, tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
):
    broken = fake_memory()
    writes = 0
    write = broken.actor.write

    def failing(records: Sequence[ActorExperience]) -> None:
        nonlocal writes
        for record in records:
            if writes == at:
                raise Stop
            writes += 1
            write([record])

    with monkeypatch.context() as patched:
        patched.setattr(broken.actor, "write", failing)
        with pytest.raises(Stop):
            await play(tmp_path / "b" / "run", deps(broken), plans())
    assert contents(broken) != contents(whole.memory)
    resumed = await play(tmp_path / "b" / "run", deps(broken), plans(), resume=True)
    assert played(resumed) == played(whole.lines)
    assert contents(broken) == contents(whole.memory)


async def test_resuming_a_complete_run_asks_nobody_and_changes_nothing(whole: Whole):
    model, before = RuleModel(), contents(whole.memory)
    again = await play(whole.path, deps(whole.memory, model), plans(), resume=True)
    assert again == whole.lines
    assert model.requests == []
    assert contents(whole.memory) == before


async def test_evaluation_reads_memory_and_writes_nothing(tmp_path: Path):
    memory = fake_memory()
    made = deps(memory)
    await play(tmp_path / "train", made, plans(2))
    before = contents(memory)
    test = evaluation_plan(keys("test")[:3], [0, 1])
    lines = await play(tmp_path / "test", made, test)
    assert contents(memory) == before
    assert len(lines) == 6
    assert all(line.split == "test" for line in lines)
    assert any(line.output["reflections"] for line in lines if line.output)
    assert all(not line.output["reflection"] for line in lines if line.output)


@pytest.mark.parametrize("method", ["random", "popular", "act-only", "react"])
async def test_methods_without_a_memory_run_without_one(tmp_path: Path, method: str):
    lines = await play(tmp_path / "run", deps(None), evaluation_plan(keys("test")[:3], [0]), method=method)
    assert [line.status for line in lines] == ["finished"] * 3
    assert all(line.method == method for line in lines)


async def test_seeds_give_other_episodes_of_the_same_users(tmp_path: Path):
    planned = evaluation_plan(keys("test")[:4], [0, 1])
    lines = await play(tmp_path / "run", deps(None), planned, method="random")
    first, second = ([line for line in lines if line.seed == seed] for seed in (0, 1))
    assert {line.user for line in first} == {line.user for line in second}
    ways = [[[s["item"] for s in line.output["steps"]] for line in lines if line.output] for lines in (first, second)]
    assert not np.array_equal(np.array(ways[0], dtype=object), np.array(ways[1], dtype=object))


def test_training_goes_round_the_users_and_counts_batches():
    planned = training_plan(["u0", "u1", "u2"], 5, 2, seed=7)
    assert [plan.user for plan in planned] == ["u0", "u1", "u2", "u0", "u1"]
    assert [plan.batch for plan in planned] == [0, 0, 1, 1, 2]
    assert [plan.ordinal for plan in planned] == [0, 1, 2, 3, 4]
    assert len({plan.id for plan in planned}) == 5
    assert all(plan.learn and plan.split == "train" and plan.seed == 7 for plan in planned)


def test_evaluation_has_one_episode_a_user_and_seed_and_no_method_in_its_ids():
    planned = evaluation_plan(["u0", "u1"], [0, 3])
    assert [plan.id for plan in planned] == ["test-0-u0", "test-0-u1", "test-3-u0", "test-3-u1"]
    assert all(not plan.learn and plan.split == "test" for plan in planned)


async def test_what_stops_every_episode_is_said_once_as_itself(tmp_path: Path):
    strangers = evaluation_plan(["u901", "u902"], [0])
    with pytest.raises(DataError, match="no user 'u90"):
        await play(tmp_path / "r", deps(None), strangers, method="random")


async def test_what_failed_is_tried_again_where_nothing_is_learned_from_it(tmp_path: Path):
    class Away(RuleModel):
        async def answer(self, request: Request) -> Reply:
            raise ModelUnavailableError("the server went away")

    for learns, tries in ((False, ["failed", "finished"]), (True, ["failed"])):
        path, episode = tmp_path / str(learns), keys("train" if learns else "test")[:1]
        planned = plans(1) if learns else evaluation_plan(episode, [0])
        (failed,) = await play(path, deps(fake_memory(), Away()), planned)
        assert failed.status == "failed"
        (again,) = await play(path, deps(fake_memory()), planned, resume=True)
        assert again.status == tries[-1]
        assert [line.status for line in read_lines(path)] == tries[-1:]
        assert (path / "episodes.jsonl").read_text().count("\n") == len(tries), "what failed stays on record"


async def test_a_second_run_into_a_memory_teaches_the_latest(tmp_path: Path):
    memory = fake_memory()
    for number, episodes in enumerate((8, 3)):
        with RunFolder(tmp_path / f"run-{number}", {}, {}, resume=False) as folder:
            made = deps(memory)
            first = memory.next_ordinal()
            runner = Runner(made, method_named("billp"), folder, horizon=12, first_ordinal=first)
            await runner.run(plans(episodes))
    assert [lesson.origin.run for lesson in memory.reflections.latest(4)] == ["run-1"] * 3 + ["run-0"]
    assert memory.next_ordinal() == 11


async def test_a_run_says_which_node_each_episode_is_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "_EVERY_S", 0.01)
    seen: set[tuple[int, str]] = set()

    class Slow(RuleModel):
        async def answer(self, request: Request) -> Reply:
            for _ in range(200):
                await asyncio.sleep(0.01)
                if any(each.node == "plan" for each in working_in(tmp_path / "run")):
                    break
            seen.update((each.step, each.node) for each in working_in(tmp_path / "run"))
            return await super().answer(request)

    await play(tmp_path / "run", deps(None, Slow()), plans(2, batch=2), method="react")
    assert (1, "plan") in seen
    assert working_in(tmp_path / "run") == []
