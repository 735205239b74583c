"""The state machine on fakes: what flows through it, who is asked, what is written."""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agents.models import Reply, Request
from errors import DataError, EpisodeError, SettingsError
from graphs.drawing import episode_mermaid
from graphs.episode import EpisodeNodes, build_episode_graph, output_of
from graphs.learning import learn_next
from graphs.methods import METHODS
from graphs.services import FixedServices, Services
from graphs.state import EpisodeContext, EpisodeOutput, add_usage, put_steps
from graphs.users import Recommendation, Response, SimulatedUsers, Split
from memory import KINDS, MemoryBank
from memory.experiences import ActorMemory
from memory.records import FieldValue
from settings import CriticSettings
from simulators import respond
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel, sensible_reply
from tests.fakes.services import fake_bank, fake_services
from tests.fakes.store import InMemoryStore
from tests.fakes.worlds import tiny_dataset, tiny_worlds


def user_of(split: str) -> str:
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    return tiny_dataset().user_keys[int(world.users[0])]


async def run(services: Services, method: str = "billp", *, split: str = "train", learn: bool = True) -> EpisodeOutput:
    context = EpisodeContext(method=method, split=split, learn=learn, run="r")  # type: ignore[arg-type]
    graph = build_episode_graph(FixedServices(services), services.worlds.train.horizon)
    return output_of(await graph.ainvoke({"user": user_of(split), "episode": "e0"}, context=context))


def roles(model: RuleModel) -> set[str]:
    return {request.role for request in model.requests}


@pytest.mark.parametrize("name", METHODS)
async def test_every_method_runs_an_episode_that_adds_up(name: str):
    done = await run(fake_services(memory=fake_bank()), name)
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
        ("billp", {"planner", "actor", "critic", "reflector"}),
        ("billp-no-macro", {"planner", "actor", "critic"}),
        ("billp-no-micro", {"planner", "actor", "reflector"}),
        ("reflexion", {"planner", "actor", "reflector"}),
        ("react", {"planner", "actor"}),
        ("act-only", {"actor"}),
        ("random", set()),
        ("popular", set()),
    ],
)
async def test_a_method_asks_the_minds_it_says(name: str, asked: set[str]):
    model = RuleModel()
    await run(fake_services(model, fake_bank(), actor__ask="always"), name)
    assert roles(model) == asked


async def test_popular_goes_down_the_ranking():
    services = fake_services()
    done = await run(services, "popular")
    expected = sorted(range(60), key=lambda item: (-services.popularity[item], item))
    assert [step["item"] for step in done["steps"]] == expected[: done["length"]]


@pytest.mark.parametrize("name", ["billp", "act-only", "random"])
@pytest.mark.parametrize("mode", ["shortlist", "free"])
async def test_every_call_is_counted_once(name: str, mode: str):
    model = RuleModel()
    done = await run(fake_services(model, fake_bank(), actor__mode=mode), name)
    assert done["usage"]["calls"] == len(model.requests)
    assert done["usage"]["prompt_tokens"] == 10 * len(model.requests)


async def test_evaluation_neither_judges_nor_reflects_nor_writes():
    model, memory = RuleModel(), fake_bank()
    done = await run(fake_services(model, memory, learn_at_once=True), learn=False, split="test")
    assert roles(model) == {"planner", "actor"}
    assert set(memory.stats().counts.values()) == {0}
    assert done["reflection"] == ""
    assert all(step["value"] is None for step in done["steps"])


@pytest.mark.parametrize(("split", "lives"), [("test", "test"), ("test", "train"), ("train", "test")])
async def test_the_test_world_teaches_nothing_and_costs_no_call(split: Split, lives: str):
    model, memory = RuleModel(), fake_bank()
    graph = build_episode_graph(FixedServices(fake_services(model, memory, learn_at_once=True)), 12)
    context = EpisodeContext(split=split, learn=True)
    with pytest.raises(SettingsError, match=r"nothing may be learned.*; set learn to false"):
        await graph.ainvoke({"user": user_of(lives), "episode": "e"}, context=context)
    assert model.requests == []
    assert set(memory.stats().counts.values()) == {0}


async def test_the_critic_can_be_asked_in_evaluation_too():
    model = RuleModel()
    await run(fake_services(model, fake_bank(), critic__always=True), learn=False)
    assert "critic" in roles(model)


async def test_advantages_follow_from_the_values_along_the_episode():
    services = fake_services(memory=fake_bank())
    done = await run(services)
    gamma = services.settings.critic.gamma
    for step, following in zip(done["steps"], [*done["steps"][1:], None], strict=True):
        assert step["value"] is not None
        assert step["next_value"] is not None
        assert step["target"] == pytest.approx(step["reward"] + gamma * step["next_value"])
        assert step["target"] is not None
        assert step["advantage"] == pytest.approx(step["target"] - step["value"])
        if following is not None:
            assert following["value"] == step["next_value"]
    quit_ = done["ended"] in ("too_close", "low_reward")
    assert (done["steps"][-1]["next_value"] == 0) == quit_


async def test_what_was_learned_is_written_once_and_read_back():
    memory = fake_bank()
    services = fake_services(memory=memory, learn_at_once=True, memory__actor_distance=9.0)
    first = await run(services)
    counts = memory.stats().counts
    assert counts == {"reflections": 1, "actor": first["length"], "critic": first["length"], "uses": 1}
    (reflection,) = memory.reflections.latest(5)
    assert reflection.text == first["reflection"]
    assert (reflection.origin.run, reflection.origin.episode, reflection.origin.user) == ("r", "e0", first["user"])

    model = RuleModel()
    again = fake_services(model, memory, learn_at_once=True, memory__actor_distance=9.0)
    second = await run(again)
    assert [recalled["text"] for recalled in second["reflections"]] == [first["reflection"]]
    assert all(step["experiences"] for step in second["steps"])
    planner = next(request for request in model.requests if request.role == "planner")
    assert first["reflection"] in planner.user
    assert memory.stats().counts["reflections"] == 1  # the same episode, so the same id


async def test_the_same_seed_gives_the_same_episode_and_another_seed_another():
    def without_time(done: EpisodeOutput) -> str:
        return json.dumps({**done, "usage": None}, sort_keys=True)

    first = await run(fake_services(memory=fake_bank()))
    assert without_time(first) == without_time(await run(fake_services(memory=fake_bank())))
    context = EpisodeContext(seed=1, split="train")
    graph = build_episode_graph(FixedServices(fake_services()), 12)
    other = output_of(await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, context=context))
    assert [step["item"] for step in other["steps"]] != [step["item"] for step in first["steps"]]


async def test_free_mode_grounds_words_to_an_item():
    model = RuleModel()
    services = fake_services(model, actor__mode="free")
    done = await run(services, "react")
    assert all(step["shortlist"] == [] for step in done["steps"])
    assert all(step["proposal"] for step in done["steps"])


async def test_the_mask_can_be_switched_off():
    services = fake_services(actor__mask_shown=False, actor__mode="free")
    done = await run(services, "act-only")
    items = [step["item"] for step in done["steps"]]
    if len(items) > 1:
        assert done["ended"] == "too_close" or len(set(items)) == len(items)


async def test_the_answers_are_the_simulators():
    done = await run(fake_services(), "random", split="test", learn=False)
    world, user = tiny_worlds().test, tiny_dataset().user_index(done["user"])
    shown: list[int] = []
    for step in done["steps"]:
        answer = respond(world, user, shown, step["item"])
        assert (answer.reward, answer.reason) == (step["reward"], step["reason"])
        shown.append(step["item"])


async def test_the_horizon_truncates():
    services = fake_services()
    done = await run(services, "random", learn=False)
    assert done["length"] <= tiny_worlds().train.horizon


async def test_fifty_steps_fit_into_a_small_last_checkpoint_and_under_the_recursion_limit():
    class Patient(SimulatedUsers):
        def answer(self, recommendation: Recommendation) -> Response:
            step = len(recommendation.recommended) + 1
            return Response(3.0, "horizon" if step == 50 else "")

    def wordy(request: Request) -> Reply:
        reply = sensible_reply(request)
        return reply if request.choices or request.scores else replace(reply, text="a thought of many words " * 6)

    bank = fake_bank()
    services = fake_services(RuleModel(wordy), bank, learn_at_once=True, memory__actor_distance=9.0)
    services = replace(services, users=Patient(services.dataset, services.worlds))
    graph = build_episode_graph(FixedServices(services), 50, checkpointer=InMemorySaver())
    sizes: list[int] = []
    for number in range(2):  # the second reads back what the first one taught
        config: Any = {"configurable": {"thread_id": str(number)}}
        context = EpisodeContext(learn=True, run=f"train-billp-20261123-01020{number}")
        done = await graph.ainvoke({"user": user_of("train"), "episode": "train-0-12"}, config, context=context)
        assert len(done["steps"]) == 50
        saved = (await graph.aget_state(config)).values
        sizes.append(len(JsonPlusSerializer(allowed_msgpack_modules=None).dumps_typed(saved)[1]))
    assert all(len(step["experiences"]) == 8 for step in done["steps"])
    assert max(sizes) <= 64 * 1024, sizes


async def test_an_unknown_user_is_named():
    graph = build_episode_graph(FixedServices(fake_services()), 12)
    with pytest.raises(DataError, match="no user 'u999'"):
        await graph.ainvoke({"user": "u999", "episode": "e"}, context=EpisodeContext(method="random"))


async def test_an_llm_method_without_an_llm_fails_by_name():
    with pytest.raises(EpisodeError, match="needs an LLM"):
        await run(replace(fake_services(), minds=None))


async def test_a_second_episode_on_the_same_thread_starts_over():
    graph = build_episode_graph(FixedServices(fake_services()), 12)
    graph.checkpointer = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "1"}}
    context = EpisodeContext(method="random")
    first = await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, config, context=context)
    second = await graph.ainvoke({"user": user_of("train"), "episode": "e0"}, config, context=context)
    assert first["steps"] == second["steps"]


async def test_every_state_is_plain_and_serialisable():
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    graph = build_episode_graph(FixedServices(fake_services(memory=fake_bank())), 12)
    context = EpisodeContext(learn=True)
    async for state in graph.astream(
        {"user": user_of("train"), "episode": "e0"}, context=context, stream_mode="values", subgraphs=True
    ):
        values: dict[str, Any] = state[1]  # type: ignore[index]  # with subgraphs a pair, whatever the stub says
        for key, value in values.items():
            assert json.loads(json.dumps(value)) == value, key
            assert serde.loads_typed(serde.dumps_typed(value)) == value, key


async def test_nodes_do_not_change_what_they_are_given(monkeypatch: pytest.MonkeyPatch):
    for name in ("recall", "plan", "respond", "criticise", "reflect", "conclude"):
        node = getattr(EpisodeNodes, name)

        async def watched(self, state, runtime, node=node):
            before = copy.deepcopy(state)
            update = await node(self, state, runtime)
            assert state == before
            return update

        monkeypatch.setattr(EpisodeNodes, name, watched)
    await run(fake_services(memory=fake_bank(), learn_at_once=True))


def test_the_drawing_shows_the_four_minds_and_the_actors_parts():
    drawn = episode_mermaid()
    for node in ("recall", "plan", "respond", "criticise", "reflect", "conclude"):
        assert f"\t{node}(" in drawn
    for node in ("analyse", "retrieve", "shortlist", "weigh", "choose", "propose", "ground", "pick"):
        assert f"act\\3a{node}(" in drawn or f"act:{node}" in drawn


def test_reducers_merge_by_number_and_start_over():
    one: Any = {"number": 1, "reward": 3.0}
    two: Any = {"number": 2, "reward": 4.0}
    better: Any = {"number": 1, "reward": 5.0}
    assert put_steps([one], [two]) == [one, two]
    assert put_steps([one, two], [better]) == [better, two]
    assert put_steps([one, two], []) == []
    spent: Any = {
        "calls": 1, "prompt_tokens": 2, "cached_tokens": 0, "completion_tokens": 3, "seconds": 0.5,
        "format_failures": 0,
    }  # fmt: skip
    assert add_usage(spent, spent)["prompt_tokens"] == 4
    nothing: Any = {**spent, "calls": 0, "prompt_tokens": 0}
    assert add_usage(spent, nothing)["prompt_tokens"] == 0


class Patient(SimulatedUsers):
    """Stays whatever comes, until the horizon of 130 steps."""

    def answer(self, recommendation: Recommendation) -> Response:
        return Response(4.0, "horizon" if len(recommendation.recommended) == 129 else "")


@pytest.mark.parametrize("name", ["billp", "act-only", "shortlist-random", "random", "popular", "oracle"])
async def test_who_stays_longer_than_there_are_items_meets_them_all_again(name: str):
    services = fake_services(memory=fake_bank())
    services = replace(services, users=Patient(services.dataset, services.worlds))
    graph = build_episode_graph(FixedServices(services), 130)
    context = EpisodeContext(method=name, split="test", run="r")
    done = output_of(await graph.ainvoke({"user": user_of("test"), "episode": "e0"}, context=context))
    items = [step["item"] for step in done["steps"]]
    assert len(items) == 130
    assert set(items[:60]) == set(items[60:120]) == set(range(60))


async def test_unnamed_episodes_that_teach_leave_each_others_lessons_alone():
    memory = fake_bank()
    services = fake_services(memory=memory, learn_at_once=True)
    graph = build_episode_graph(FixedServices(services), services.worlds.train.horizon)
    context, taught = EpisodeContext(method="billp", learn=True), []
    for user in tiny_worlds().train.users[[0, 1, 1]]:
        taught.append(
            await graph.ainvoke({"user": tiny_dataset().user_keys[int(user)], "episode": ""}, context=context)
        )
    steps = sum(len(done["steps"]) for done in taught)
    assert memory.stats().counts == {"reflections": 3, "actor": steps, "critic": steps, "uses": 3}
    assert len(memory.actor.ledger) == steps
    # The latest lesson is that of the episode learned last.
    assert [lesson.origin.episode for lesson in memory.reflections.latest(3)] == [d["episode"] for d in taught[::-1]]


async def test_with_eligibility_credit_goes_back_along_the_episode():
    learned = {}
    for share in (0.0, 0.5):
        memory = fake_bank()
        done = await run(fake_services(memory=memory, learn_at_once=True, critic__eligibility=share))
        acted, judged = (memory.records(kind, limit=100) for kind in ("actor", "critic"))
        learned[share] = [record.field("advantage", float) for record in acted]
        worth = [(step["value"] or 0.0) + given for step, given in zip(done["steps"], learned[share], strict=True)]
        assert [record.field("value", float) for record in judged] == pytest.approx(worth)
    own, credit = learned[0.0], learned[0.5]
    assert own == pytest.approx([step["advantage"] for step in done["steps"]])
    decay = 0.5 * CriticSettings().gamma
    assert credit == pytest.approx([here + decay * later for here, later in zip(own, [*credit[1:], 0.0], strict=True)])
    assert credit[0] != own[0]


async def test_an_episode_takes_notice_of_what_others_wrote_before_it_begins():
    stores = {kind: InMemoryStore(HashEmbedder().dimension) for kind in KINDS}
    mine, other = (
        MemoryBank(stores, HashEmbedder(), dataset="tiny", name="m", where="nowhere", close=lambda: None)
        for _ in range(2)
    )
    assert len(mine.actor.ledger) == 0
    await run(fake_services(memory=other, learn_at_once=True))
    await run(fake_services(memory=mine), learn=False)
    assert len(mine.actor.ledger) == len(other.actor.ledger) > 0


async def test_a_named_episode_that_is_shorter_when_learned_again_leaves_nothing_of_the_longer_one():
    memory = fake_bank()
    services, context = fake_services(memory=memory), EpisodeContext(method="billp", learn=True, run="r")
    done = await run(services)
    assert done["length"] > 2
    learn_next(services, memory, METHODS["billp"], context, done)
    assert len(memory.actor.ledger) == done["length"]
    shorter: EpisodeOutput = {**done, "steps": done["steps"][:2], "length": 2}
    learn_next(services, memory, METHODS["billp"], context, shorter)
    assert memory.stats().counts == {"reflections": 1, "actor": 2, "critic": 2, "uses": 1}
    assert len(memory.actor.ledger) == 2


async def test_a_made_up_name_does_not_stay_on_its_thread():
    services = fake_services(memory=fake_bank(), learn_at_once=True)
    graph = build_episode_graph(FixedServices(services), 12, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    unnamed = {"user": user_of("train")}
    inputs: list[Any] = [unnamed, unnamed, {**unnamed, "episode": "mine"}, unnamed]
    names = []
    for given in inputs:
        done = await graph.ainvoke(given, thread, context=EpisodeContext(learn=True))
        names.append(done["episode"])
    assert len(set(names[:2])) == 2
    assert names[2:] == ["mine", "mine"], "a name that was given is the thread's until another is"


async def test_unnamed_episodes_that_teach_nothing_are_the_same_each_time():
    services = fake_services()
    graph = build_episode_graph(FixedServices(services), services.worlds.test.horizon)
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
    memory = fake_bank()
    memory.actor = ActorMemory(Watched(memory.embedder.dimension))
    await run(fake_services(memory=memory))
    assert read == [True]


async def test_an_experience_is_used_where_the_llm_read_it():
    """With `actor.ask` at "open" memory's sums choose most items, and nobody reads what was retrieved for them."""
    for asked in ("always", "open"):
        memory = fake_bank()
        services = fake_services(memory=memory, learn_at_once=True, memory__actor_distance=9.0, actor__ask=asked)
        graph = build_episode_graph(FixedServices(services), services.worlds.train.horizon)
        context = EpisodeContext(method="billp", learn=True)
        steps = []
        for _ in range(4):
            steps += (await graph.ainvoke({"user": user_of("train"), "episode": ""}, context=context))["steps"]
        read = Counter(id_ for step in steps if step["preferences"] for id_ in step["experiences"])
        unread = [id_ for step in steps if not step["preferences"] for id_ in step["experiences"]]
        assert bool(unread) == (asked == "open")
        receipts = memory.uses.receipts()
        for id_ in {*read, *unread}:
            assert receipts.of(id_).uses == read[id_]
