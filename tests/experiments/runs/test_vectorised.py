"""Episodes as arrays are those of the graph, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from billp.agents.recommender import Observations
from billp.errors import DataError, EpisodeError
from billp.experiments.runs import vectorised
from billp.experiments.runs.episode_plans import EpisodePlan, evaluation_plan, training_plan
from billp.experiments.runs.recommenders import RunningRival
from billp.experiments.runs.vectorised import play_many
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.methods import METHODS, Method
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, EpisodeInput, Trajectory
from billp.graphs.users import SimulatedUsers
from billp.settings import QuitRuleName
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.simulators.changed_worlds import RULES, lenient, world_with

TOGETHER = [method for method in METHODS.values() if method.together]


def keys(split: str) -> list[str]:
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return [tiny_dataset().user_keys[int(user)] for user in world.users]


def many(deps: Dependencies, method: Method, plans: Sequence[EpisodePlan]) -> dict[str, Trajectory]:
    found = {}
    for ended in play_many(deps, method, plans):
        for plan, _, output in ended:
            assert plan.id not in found
            assert not isinstance(output, EpisodeError), output
            found[plan.id] = output
    return found


async def one_by_one(deps: Dependencies, method: Method, plans: Sequence[EpisodePlan]) -> dict[str, Trajectory]:
    graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.test.horizon)
    found = {}
    for plan in plans:
        context = EpisodeContext(method=method.name, split=plan.split, seed=plan.seed, run="r", learn=plan.learn)
        found[plan.id] = output_of(await graph.ainvoke(EpisodeInput(user=plan.user, episode=plan.id), context=context))
    return found


UNMASKED = [METHODS[name] for name in ("random", "popular", "billp-memory-only", "mmr")]


@pytest.mark.parametrize(
    ("method", "flags"),
    [*((method, {}) for method in TOGETHER), *((method, {"actor__mask_shown": False}) for method in UNMASKED)],
    ids=lambda value: value.name if isinstance(value, Method) else "unmasked" if value else "masked",
)
async def test_the_same_users_and_seeds_give_the_same_episodes_as_the_graph(method: Method, flags: dict[str, Any]):
    deps = fake_dependencies(**flags)
    if method.chooser == "rival":
        rival = RunningRival(deps, method.name, 0)
        deps = replace(deps, recommender=rival.recommender(explore=True))
    plans = [*evaluation_plan(keys("test")[:5], [0, 3]), *training_plan(keys("train"), 2, 2, 1)]
    assert many(deps, method, plans) == await one_by_one(deps, method, plans)


@pytest.mark.parametrize("name", [method.name for method in TOGETHER if method.remembers])
async def test_what_memory_learned_bends_both_alike(name: str):
    method, memory = METHODS[name], fake_memory()
    taught = fake_dependencies(memory=memory, learn_at_once=True)
    plans = [*evaluation_plan(keys("test"), [0]), *training_plan(keys("train"), 5, 5, 1)]
    before = many(taught, method, plans)
    await one_by_one(taught, method, training_plan(keys("train"), 5, 5, 0))
    frozen = replace(taught, learn_at_once=False)
    after = many(frozen, method, plans)
    assert memory.stats().counts["actor"] > 5
    assert after == await one_by_one(frozen, method, plans)
    shown = [[[step["item"] for step in output["steps"]] for output in played.values()] for played in (before, after)]
    assert shown[0] != shown[1], "and memory is of consequence"


async def test_blocks_of_users_change_nothing(monkeypatch: pytest.MonkeyPatch):
    deps, plans = fake_dependencies(), evaluation_plan(keys("test"), [0])
    whole = many(deps, METHODS["random"], plans)
    monkeypatch.setattr(vectorised, "CELLS", 3 * 60)
    assert many(deps, METHODS["random"], plans) == whole


def test_episodes_are_handed_out_as_they_end():
    played = list(play_many(fake_dependencies(), METHODS["random"], evaluation_plan(keys("test"), [0])))
    lengths = [{output["length"] for _, _, output in ended if not isinstance(output, EpisodeError)} for ended in played]
    assert all(len(some) == 1 for some in lengths)
    assert [min(some) for some in lengths] == sorted(min(some) for some in lengths)
    assert len(lengths) > 1


def test_where_a_recommender_fails_those_under_way_failed():
    class Tired:
        def choose(self, seen: Observations) -> NDArray[np.int64]:
            if seen.steps[0] == 2:
                raise EpisodeError("enough")
            return np.asarray((~seen.masked).argmax(axis=1))

    deps = replace(fake_dependencies(), recommender=Tired())
    plans = evaluation_plan(keys("test"), [0])
    ended = {plan.id: output for some in play_many(deps, METHODS["dqn"], plans) for plan, _, output in some}
    assert ended.keys() == {plan.id for plan in plans}
    failed = [output for output in ended.values() if isinstance(output, EpisodeError)]
    assert failed
    assert {str(error) for error in failed} == {"enough"}
    assert {output["length"] for output in ended.values() if not isinstance(output, EpisodeError)} <= {1, 2}


def test_a_user_whom_the_logs_do_not_know_ends_the_run():
    with pytest.raises(DataError, match="no user 'nobody'"):
        list(play_many(fake_dependencies(), METHODS["random"], evaluation_plan(["nobody"], [0])))


async def test_a_small_catalogue_is_gone_through_again_as_in_the_graph():
    deps = fake_dependencies()
    patient = lenient(window=0, horizon=70, split="test")
    deps = replace(deps, worlds=replace(deps.worlds, test=patient))
    deps = replace(deps, users=SimulatedUsers(deps.dataset, deps.worlds))
    plans = evaluation_plan(keys("test")[:3], [0])
    played = many(deps, METHODS["random"], plans)
    assert {output["length"] for output in played.values()} == {70}
    assert played == await one_by_one(deps, METHODS["random"], plans)


@pytest.mark.parametrize("name", ["oracle", "random"])
@pytest.mark.parametrize("rule", RULES)
async def test_under_every_quit_rule_as_well(rule: QuitRuleName, name: str):
    deps = fake_dependencies()
    test = world_with(split="test", quit_rule=rule, min_reward=1.0)
    deps = replace(deps, worlds=replace(deps.worlds, test=test))
    deps = replace(deps, users=SimulatedUsers(deps.dataset, deps.worlds))
    plans = evaluation_plan(keys("test")[:4], [0])
    assert many(deps, METHODS[name], plans) == await one_by_one(deps, METHODS[name], plans)
