"""A person as the user: what is asked, which answers are taken, what an episode of theirs leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import ValidationError

from billp.errors import SettingsError
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.forms import LiveContext, LiveInput
from billp.graphs.live import UNRATED, LiveServices, Verdict, own_memory, with_persons
from billp.graphs.nodes import output_of
from billp.graphs.services import FixedServices, Services
from billp.graphs.state import EpisodeContext
from billp.memory import MemoryBank
from tests.fakes.model import RuleModel
from tests.fakes.services import fake_bank, fake_services
from tests.fakes.worlds import tiny_dataset, tiny_worlds

HORIZON = tiny_worlds().train.horizon


class Person:
    """Answers one live episode from a list, and remembers what was asked."""

    def __init__(self, services: Services, context: LiveContext | None = None) -> None:
        self.graph: EpisodeGraph = build_episode_graph(
            LiveServices(FixedServices(services)),
            HORIZON,
            name="live",
            inputs=LiveInput,
            persons=True,
            context=LiveContext,
            checkpointer=InMemorySaver(),
        )
        self.context = context or LiveContext()
        self.config: Any = {"configurable": {"thread_id": "1"}}
        self.asked: list[dict[str, Any]] = []

    async def come(self, **fields: object) -> dict[str, Any]:
        return await self._to_next({"user": "nobody in the logs", "episode": "e0", **fields})

    async def say(self, answer: object) -> dict[str, Any]:
        return await self._to_next(Command(resume=answer))

    async def _to_next(self, what: object) -> dict[str, Any]:
        state: dict[str, Any] = await self.graph.ainvoke(cast(Any, what), self.config, context=self.context)
        self.asked += [interrupt.value for interrupt in state.get("__interrupt__", ())]
        return state


@pytest.mark.parametrize(
    ("given", "rating", "leave"),
    [
        (4, 4, False),
        (4.0, 4, False),
        ("4", 4, False),
        (" 5 ", 5, False),
        ({"rating": 3}, 3, False),
        ({"rating": "3"}, 3, False),
        ('{"rating": 3}', 3, False),
        ("leave", None, True),
        ("I leave", None, True),
        ("q", None, True),
        ({"leave": True}, None, True),
        ("2, leave", 2, True),
        ("2 I leave", 2, True),
        ({"rating": 2, "leave": True}, 2, True),
    ],
)
def test_answers_are_read_in_every_form_they_come_in(given: object, rating: int | None, leave: bool):
    verdict = Verdict.model_validate(given)
    assert (verdict.rating, verdict.leave) == (rating, leave)


@pytest.mark.parametrize(
    "given",
    [0, 6, -1, 4.5, True, "", "good", "45", "4.5", "leaves", {}, {"leave": False}, {"rating": True}, {"stars": 4},
     {"rating": 4, "extra": 1}, [4], "{", None],
)  # fmt: skip
def test_anything_else_is_no_answer(given: object):
    with pytest.raises(ValidationError):
        Verdict.model_validate(given)


async def test_a_person_is_shown_the_item_and_why_and_their_ratings_are_the_rewards():
    person = Person(fake_services())
    await person.come()
    (question,) = person.asked
    item = next(item for item in tiny_dataset().catalogue if item.title == question["title"])
    assert question["step"] == 1
    assert (question["categories"], question["year"]) == (list(item.categories), item.year)
    assert question["thought"].startswith("try something planner")
    assert question["words"] == ""  # memory chose
    assert "1 to 5" in question["expected"]
    assert question["problem"] == ""
    assert json.loads(json.dumps(question)) == question
    for answer in (5, "4", {"rating": 3}):
        await person.say(answer)
    done = output_of(await person.say("2, leave"))
    assert [step["reward"] for step in done["steps"]] == [5, 4, 3, 2]
    assert [step["title"] for step in done["steps"]] == [question["title"] for question in person.asked]
    assert (done["ended"], done["steps"][-1]["reason"], done["reward_trajectory"]) == ("left", "left", 14)
    assert done["history"] == []


async def test_a_wrong_answer_is_asked_again_with_what_is_expected():
    person = Person(fake_services())
    await person.come()
    await person.say("great")
    await person.say(7)
    first, second, third = person.asked
    assert second["problem"].startswith("'great' is no answer; give a rating from 1 to 5")
    assert third["problem"].startswith("7 is no answer")
    assert {**first, "problem": ""} == {**second, "problem": ""} == {**third, "problem": ""}
    await person.say(4)
    assert person.asked[-1]["step"] == 2
    assert person.asked[-1]["problem"] == ""
    done = output_of(await person.say("leave"))
    assert [step["reward"] for step in done["steps"]] == [4, UNRATED]


async def test_asking_a_person_again_asks_no_mind_again():
    model = RuleModel()
    person = Person(fake_services(model))
    await person.come()
    calls = len(model.requests)
    await person.say("what?")
    assert len(model.requests) == calls
    assert output_of(await person.say("leave"))["usage"]["calls"] == calls


async def test_the_horizon_cuts_off_a_person_too():
    person = Person(fake_services())
    state = await person.come()
    while "__interrupt__" in state:
        state = await person.say(5)
    done = output_of(state)
    assert (done["length"], done["ended"]) == (HORIZON, "horizon")


async def test_likes_are_found_in_the_catalogue_and_the_logs_know_their_users():
    catalogue, key = tiny_dataset().catalogue, tiny_dataset().user_keys[0]
    person = Person(fake_services())
    stranger = await person.come(likes=["film 7, THE", "Film 9, The", "Film 7, The"])
    assert stranger["history"] == [7, 9]
    roughly = await person.come(likes=["Film 31"])  # in none of the titles, but nearest to one of them
    assert len(roughly["history"]) == 1
    assert roughly["history"][0] in range(len(catalogue))
    known = await person.come(user=key)
    assert known["history"] == fake_services().users.history(key, [], 10) != []


async def test_an_episode_without_a_name_gets_a_new_one_each_time():
    names = set()
    for _ in range(2):
        person = Person(fake_services())
        await person.come(episode="")
        names.add(output_of(await person.say("leave"))["episode"])
    assert len(names) == 2


async def test_nobody_knows_beforehand_what_a_person_will_say():
    person = Person(fake_services(), LiveContext(method="oracle"))
    with pytest.raises(SettingsError, match="knows simulated users only"):
        await person.come()


async def test_what_a_person_answers_teaches_the_memory_named_and_no_other():
    simulated, live = fake_bank(), fake_bank()
    services = fake_services(memory=live, learn_at_once=True)
    person = Person(services, LiveContext(learn=True))
    await person.come(likes=["Film 7, The"])
    await person.say(5)
    done = output_of(await person.say("1, leave"))
    assert live.stats().counts == {"reflections": 1, "actor": 2, "critic": 2, "uses": 1}
    assert set(simulated.stats().counts.values()) == {0}
    (reflection,) = live.reflections.latest(5)
    assert reflection.origin.run == "live-studio"
    assert reflection.ended == "left"
    assert done["steps"][-1]["next_value"] == 0  # nothing follows where the user left

    other = replace(services, memory=simulated)
    assert with_persons(other).memory is simulated


async def test_a_person_teaches_whatever_the_world_is_called():
    live = fake_bank()
    person = Person(fake_services(memory=live, learn_at_once=True), LiveContext(learn=True, split="test"))
    await person.come()
    await person.say("4, leave")
    assert live.stats().counts["reflections"] == 1


async def test_with_the_logs_of_a_test_user_nobody_teaches():
    person = Person(fake_services(memory=fake_bank(), learn_at_once=True), LiveContext(learn=True))
    with pytest.raises(SettingsError, match="test users are for measuring"):
        await person.come(user=tiny_dataset().user_keys[int(tiny_worlds().test.users[0])])


async def test_somebody_unknown_is_told_the_latest_lessons():
    bank = fake_bank()
    services = fake_services(memory=bank, learn_at_once=True)
    teacher = Person(services, LiveContext(learn=True))
    await teacher.come()
    taught = output_of(await teacher.say("leave"))["reflection"]
    pupil = Person(services)
    state = await pupil.come(user="somebody else")
    assert [lesson["text"] for lesson in state["reflections"]] == [taught]


class ByMemory:
    """A provider that gives each memory's name a memory, and remembers which were asked for."""

    def __init__(self) -> None:
        self.services = fake_services(learn_at_once=True)
        self.banks: dict[str, MemoryBank] = {}

    async def get(self, context: EpisodeContext, user: str) -> Services:
        bank = self.banks.setdefault(context.memory, fake_bank())
        return replace(self.services, memory=bank)


async def test_what_one_person_taught_is_not_read_to_another():
    provider = ByMemory()
    context = LiveContext(learn=True)

    def somebody() -> Person:
        person = Person(provider.services, context)
        person.graph = build_episode_graph(
            LiveServices(provider),
            HORIZON,
            inputs=LiveInput,
            context=LiveContext,
            persons=True,
            checkpointer=InMemorySaver(),
        )
        return person

    ada, bob = somebody(), somebody()
    await ada.come(user="Ada", episode="a")
    assert (await bob.come(user="Bob", episode="b"))["reflections"] == []
    taught = output_of(await ada.say("leave"))
    assert provider.banks["live/Ada"].stats().counts["reflections"] == 1
    assert set(provider.banks["live/Bob"].stats().counts.values()) == {0}
    assert provider.banks.keys() == {"live/Ada", "live/Bob"}
    assert (await somebody().come(user="Bob", episode="c"))["reflections"] == []
    again = await somebody().come(user="Ada", episode="d")
    assert [lesson["text"] for lesson in again["reflections"]] == [taught["reflection"]]


async def test_a_memory_that_is_named_is_used_whoever_plays():
    provider = ByMemory()
    await LiveServices(provider).get(LiveContext(memory="mine"), "Ada")
    assert provider.banks.keys() == {"mine"}


@drawn(st.text(), st.text())
def test_people_of_different_names_have_different_memories(one: str, other: str):
    assert (own_memory(one) == own_memory(other)) == (one == other)
    assert own_memory(one).count("/") == 1


async def test_the_episode_is_a_conversation_too():
    person = Person(fake_services())
    asked = await person.come()
    (question,) = asked["messages"]
    assert question.type == "ai"
    assert question.text.startswith(person.asked[0]["title"])
    assert "Rate it from 1 to 5" in question.text
    await person.say("great")
    await person.say(4)
    done = await person.say("2, leave")
    assert [message.type for message in done["messages"]] == ["ai", "human", "ai", "human"]
    assert [message.text for message in done["messages"][1::2]] == ["4", "2, and I leave"]
