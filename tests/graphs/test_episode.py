"""The state machine on fakes: what flows through it, who is asked, what is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from billp.agents.llm.abilities import Abilities
from billp.errors import DataError, EpisodeError, SettingsError
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.drawing import episode_mermaid
from billp.graphs.episode import build_episode_graph
from billp.graphs.methods import METHODS
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, Trajectory
from billp.graphs.users import SimulatedUsers, Split
from billp.memory.experiences import ActorMemory
from billp.memory.records import FieldValue
from billp.simulators import World, respond
from tests.fakes.dependencies import fake_dependencies, patient
from tests.fakes.model import RuleModel
from tests.fakes.store import InMemoryStore, fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.graphs.episodes import run, user_of
from tests.simulators.changed_worlds import lenient, world_with


def living_in(world: World, deps: Dependencies) -> Dependencies:
    """The dependencies with the users of one `world` for both splits."""
    worlds = replace(deps.worlds, train=world, test=world)
    return replace(deps, worlds=worlds, users=SimulatedUsers(deps.dataset, worlds))


def roles(model: RuleModel) -> set[str]:
    return {request.role for request in model.requests}


@pytest.mark.parametrize("name", METHODS)
async def test_every_method_runs_an_episode_that_adds_up(name: str):
    done = await run(fake_dependencies(memory=fake_memory()), name)
    assert done["length"] == len(done["steps"]) >= 1
    assert done["reward_trajectory"] == sum(step["reward"] for step in done["steps"])
    assert done["reward_each"] == pytest.approx(done["reward_trajectory"] / done["length"])
    assert [step["number"] for step in done["steps"]] == list(range(1, done["length"] + 1))
    assert all(step["reason"] == "" for step in done["steps"][:-1])
    assert done["ended"] == done["steps"][-1]["reason"] != ""
    items = [step["item"] for step in done["steps"]]
    assert len(set(items)) == len(items)
    assert all(step["item"] in step["shortlist"] for step in done["steps"] if step["shortlist"])


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("billp", {"planner", "critic", "reflector"}),
        ("billp-no-macro", {"planner", "critic"}),
        ("billp-no-micro", {"planner", "critic", "reflector"}),
        ("billp-llm-only", {"planner", "actor", "critic", "reflector"}),
        ("billp-paper", {"planner", "actor", "critic", "reflector"}),
        ("billp-memory-only", set()),
        ("billp-memory-only-no-logs", set()),
        ("reflexion", {"planner", "actor", "reflector"}),
        ("react", {"planner", "actor"}),
        ("act-only", {"actor"}),
        ("random", set()),
        ("popular", set()),
    ],
)
async def test_a_method_asks_the_minds_it_says(name: str, asked: set[str]):
    model = RuleModel()
    await run(fake_dependencies(model, fake_memory()), name)
    assert roles(model) == asked


class StandIn(RuleModel):
    """A model whose words carry no knowledge."""

    @property
    def abilities(self) -> Abilities:
        return Abilities(words=False)


@pytest.mark.parametrize("name", ["billp", "reflexion"])
async def test_what_a_stand_in_says_becomes_no_lesson(name: str):
    model = StandIn()
    done = await run(fake_dependencies(model, fake_memory()), name)
    assert "reflector" not in roles(model)
    assert done["reflection"].startswith("The user ")


async def test_popular_goes_down_the_ranking():
    deps = fake_dependencies()
    done = await run(deps, "popular")
    expected = sorted(range(60), key=lambda item: (-deps.popularity[item], item))
    assert [step["item"] for step in done["steps"]] == expected[: done["length"]]


@pytest.mark.parametrize("name", ["billp", "billp-llm-only", "act-only", "random"])
@pytest.mark.parametrize("mode", ["shortlist", "free"])
async def test_every_call_is_counted_once(name: str, mode: str):
    model = RuleModel()
    done = await run(fake_dependencies(model, fake_memory(), actor__mode=mode), name)
    assert done["usage"]["calls"] == len(model.requests)
    assert done["usage"]["prompt_tokens"] == 10 * len(model.requests)


async def test_evaluation_neither_judges_nor_reflects_nor_writes():
    model, memory = RuleModel(), fake_memory()
    done = await run(fake_dependencies(model, memory, learn_at_once=True), learn=False, split="test")
    assert roles(model) == {"planner"}
    assert set(memory.stats().counts.values()) == {0}
    assert done["reflection"] == ""
    assert all(step["value"] is None for step in done["steps"])


@pytest.mark.parametrize(("split", "lives"), [("test", "test"), ("test", "train"), ("train", "test")])
async def test_the_test_world_teaches_nothing_and_costs_no_call(split: Split, lives: str):
    model, memory = RuleModel(), fake_memory()
    graph = build_episode_graph(fixed_dependencies(fake_dependencies(model, memory, learn_at_once=True)), 12)
    context = EpisodeContext(split=split, learn=True)
    with pytest.raises(SettingsError, match=r"nothing may be learned.*; set learn to false"):
        await graph.ainvoke({"user": user_of(lives), "episode": "e"}, context=context)
    assert model.requests == []
    assert set(memory.stats().counts.values()) == {0}


async def test_the_critic_can_be_asked_in_evaluation_too():
    model = RuleModel()
    await run(fake_dependencies(model, fake_memory(), critic__always=True), learn=False)
    assert "critic" in roles(model)


async def test_advantages_follow_from_the_values_along_the_episode():
    deps = fake_dependencies(memory=fake_memory())
    done = await run(deps)
    gamma = deps.settings.critic.gamma
    for step, following in zip(done["steps"], [*done["steps"][1:], None], strict=True):
        assert step["value"] is not None
        assert step["next_value"] is not None
        assert step["target"] == pytest.approx(step["reward"] + gamma * step["next_value"])
        assert step["target"] is not None
        assert step["advantage"] == pytest.approx(step["target"] - step["value"])
        if following is not None:
            assert following["value"] == step["next_value"]


@pytest.mark.parametrize(("patience", "ended", "worthless"), [(0, "low_reward", True), (1e6, "horizon", False)])
async def test_the_state_after_a_quit_is_worth_nothing_and_after_a_cut_what_the_critic_says(patience, ended, worthless):
    world = lenient(window=0, horizon=3) if patience else world_with(min_reward=6.0)
    done = await run(living_in(world, fake_dependencies(memory=fake_memory())))
    last = done["steps"][-1]
    assert (done["ended"], done["length"]) == (ended, 3 if patience else 1)
    assert (last["next_value"] == 0) is worthless
    assert last["value"] not in (None, 0)


@pytest.mark.parametrize("name", ["billp", "act-only", "random"])
async def test_the_same_seed_gives_the_same_episode_and_another_seed_another(name: str):
    def without_time(done: Trajectory) -> str:
        return json.dumps({**done, "usage": None}, sort_keys=True)

    first, again, other = [await run(fake_dependencies(memory=fake_memory()), name, seed=seed) for seed in (0, 0, 1)]
    assert without_time(first) == without_time(again)
    assert [step["item"] for step in other["steps"]] != [step["item"] for step in first["steps"]]


@pytest.mark.parametrize(
    ("evaluate", "learn", "greedy"), [("greedy", False, True), ("sample", False, False), ("greedy", True, False)]
)
async def test_measured_episodes_take_the_preferred_item_and_those_that_teach_draw(evaluate, learn, greedy):
    deps = living_in(
        lenient(window=0), fake_dependencies(actor__evaluate=evaluate, actor__orders=1, actor__temperature=2.0)
    )
    done = await run(deps, "act-only", learn=learn)
    steps = [step for step in done["steps"] if step["preferences"]]
    assert len(steps) == 12
    chosen = [step["preferences"][step["shortlist"].index(step["item"])] for step in steps]
    assert (chosen == [max(step["preferences"]) for step in steps]) is greedy


async def test_chance_differs_from_step_to_step():
    deps = living_in(lenient(window=0), fake_dependencies(actor__mask_shown=False))
    done = await run(deps, "random", learn=False)
    assert len({step["item"] for step in done["steps"]}) > 6 < done["length"]


async def test_free_mode_grounds_words_to_an_item():
    model = RuleModel()
    deps = fake_dependencies(model, actor__mode="free")
    done = await run(deps, "react")
    assert all(step["shortlist"] == [] for step in done["steps"])
    assert all(step["proposal"] for step in done["steps"])


@pytest.mark.parametrize("masked", [True, False])
async def test_the_mask_can_be_switched_off(masked: bool):
    deps = fake_dependencies(actor__mask_shown=masked, actor__mode="free")
    done = await run(living_in(lenient(window=0), deps), "act-only")
    items = [step["item"] for step in done["steps"]]
    assert len(items) == 12
    assert (len(set(items)) == len(items)) is masked


async def test_the_answers_are_the_simulators():
    done = await run(fake_dependencies(), "random", split="test", learn=False)
    world, user = tiny_worlds().test, tiny_dataset().user_index(done["user"])
    shown: list[int] = []
    for step in done["steps"]:
        answer = respond(world, user, shown, step["item"])
        assert (answer.reward, answer.reason) == (step["reward"], step["reason"])
        shown.append(step["item"])


@pytest.mark.parametrize("horizon", [1, 5])
async def test_the_horizon_truncates(horizon: int):
    done = await run(living_in(lenient(window=0, horizon=horizon), fake_dependencies()), "random", learn=False)
    assert (done["length"], done["ended"]) == (horizon, "horizon")


async def test_an_unknown_user_is_named():
    graph = build_episode_graph(fixed_dependencies(fake_dependencies()), 12)
    with pytest.raises(DataError, match="no user 'u999'"):
        await graph.ainvoke({"user": "u999", "episode": "e"}, context=EpisodeContext(method="random"))


async def test_an_llm_method_without_an_llm_fails_by_name():
    with pytest.raises(EpisodeError, match="needs an LLM"):
        await run(replace(fake_dependencies(), roles=None))


def test_the_drawing_shows_the_four_minds_and_the_actors_parts():
    drawn = episode_mermaid()
    for node in ("recall", "plan", "respond", "criticise", "reflect", "conclude"):
        assert f"\t{node}(" in drawn
    for node in ("analyse", "retrieve", "shortlist", "weigh", "choose", "propose", "ground", "pick"):
        assert f"act\\3a{node}(" in drawn or f"act:{node}" in drawn


@pytest.mark.parametrize("name", ["billp", "act-only", "shortlist-random", "random", "popular", "oracle"])
async def test_who_stays_longer_than_there_are_items_meets_them_all_again(name: str):
    deps = patient(fake_dependencies(memory=fake_memory(), actor__mask_history=False), 130)
    graph = build_episode_graph(fixed_dependencies(deps), 130)
    context = EpisodeContext(method=name, split="test", run="r")
    done = output_of(await graph.ainvoke({"user": user_of("test"), "episode": "e0"}, context=context))
    items = [step["item"] for step in done["steps"]]
    assert len(items) == 130
    assert set(items[:60]) == set(items[60:120]) == set(range(60))


async def test_unnamed_episodes_that_teach_nothing_are_the_same_each_time():
    deps = fake_dependencies()
    graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.test.horizon)
    context = EpisodeContext(method="random", split="test")
    first, again = [await graph.ainvoke({"user": user_of("test"), "episode": ""}, context=context) for _ in range(2)]
    assert first["steps"] == again["steps"]


async def test_what_all_experiences_say_is_read_off_the_event_loop():
    class Watched(InMemoryStore):
        def fields(self) -> Iterator[tuple[str, Mapping[str, FieldValue]]]:
            with pytest.raises(RuntimeError, match="no running event loop"):
                asyncio.get_running_loop()
            read.append(True)
            return super().fields()

    read: list[bool] = []
    memory = fake_memory()
    memory.actor = ActorMemory(Watched(memory.embedder.dimension))
    await run(fake_dependencies(memory=memory))
    assert read == [True]
