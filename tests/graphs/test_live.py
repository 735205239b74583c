"""A person as the user: what is asked, which answers are taken, what an episode of theirs leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import ValidationError

from billp.agents.llm.abilities import STAND_IN, Abilities
from billp.agents.llm.reading import Reply
from billp.errors import BadInputError, SettingsError
from billp.graphs.dependencies import Dependencies, DependencyProvider, fixed_dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.forms import LiveContext, LiveInput
from billp.graphs.live import UNRATED, PersonAnswer, own_memory, with_persons
from billp.graphs.recording import output_of
from billp.graphs.resources import Resources
from billp.graphs.served import SharedDependencies
from billp.graphs.state import EpisodeContext
from billp.graphs.users import SimulatedUsers
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel, sensible_reply
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds

HORIZON = tiny_worlds().train.horizon


class Person:
    """Answers one live episode from a list, and remembers what was asked."""

    def __init__(self, deps: Dependencies | DependencyProvider, context: LiveContext | None = None) -> None:
        self.graph: EpisodeGraph = build_episode_graph(
            fixed_dependencies(with_persons(deps)) if isinstance(deps, Dependencies) else deps,
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
    ("given", "rating", "leave", "wish", "why"),
    [
        (4, 4, False, "", ""),
        (4.0, 4, False, "", ""),
        ("4", 4, False, "", ""),
        (" 5 ", 5, False, "", ""),
        ("3 stars", 3, False, "", ""),
        ({"rating": 3}, 3, False, "", ""),
        ({"rating": "3"}, 3, False, "", ""),
        ('{"rating": 3}', 3, False, "", ""),
        ("leave", None, True, "", ""),
        ("I leave", None, True, "", ""),
        ("q", None, True, "", ""),
        ({"leave": True}, None, True, "", ""),
        ("2, leave", 2, True, "", ""),
        ("2 I leave", 2, True, "", ""),
        ({"rating": 2, "leave": True}, 2, True, "", ""),
        ("something lighter", None, False, "something lighter", ""),
        ("4, something lighter", 4, False, "something lighter", ""),
        ("4: no more war", 4, False, "no more war", ""),
        ("3 films about war", None, False, "3 films about war", ""),
        ("leave out the westerns", None, False, "leave out the westerns", ""),
        ("quit showing me horror", None, False, "quit showing me horror", ""),
        ("questions about space", None, False, "questions about space", ""),
        ({"rating": 4, "wish": "a war film"}, 4, False, "a war film", ""),
        ("q too slow", None, True, "", "too slow"),
        ("2 q: too much war", 2, True, "", "too much war"),
        ("I leave because it is dull", None, True, "", "because it is dull"),
        ({"leave": True, "why": "too long"}, None, True, "", "too long"),
    ],
)
def test_answers_are_read_in_every_form_they_come_in(
    given: object, rating: int | None, leave: bool, wish: str, why: str
):
    verdict = PersonAnswer.model_validate(given)
    assert (verdict.rating, verdict.leave, verdict.wish, verdict.why) == (rating, leave, wish, why)


@pytest.mark.parametrize(
    "given",
    [0, 6, -1, 4.5, True, "", "?", "45", "4.5", "9, a comedy", {}, {"leave": False}, {"rating": True}, {"stars": 4},
     {"rating": 4, "extra": 1}, [4], "{", None,
     '{"rating":' * 100_000, {"leave": True, "wish": "a comedy"}, {"rating": 3, "why": "dull"},
     {"wish": 4}, {"step": 1}, {"rating": 4, "step": 0}, {"rating": 4, "step": True}],
)  # fmt: skip
def test_anything_else_is_no_answer(given: object):
    with pytest.raises(ValidationError):
        PersonAnswer.model_validate(given)


async def test_a_person_is_shown_the_item_and_why_and_their_ratings_are_the_rewards():
    person = Person(fake_dependencies())
    await person.come()
    (question,) = person.asked
    item = next(item for item in tiny_dataset().catalogue if item.title == question["title"])
    assert question["step"] == 1
    assert (question["categories"], question["year"]) == (list(item.categories), item.year)
    assert question["thought"].startswith("try something planner")
    assert question["words"] == ""  # memory chose
    assert "1 to 5" in question["expected"]
    assert (question["problem"], question["stand_in"]) == ("", "")
    assert json.loads(json.dumps(question)) == question
    for answer in (5, "4", {"rating": 3}):
        await person.say(answer)
    done = output_of(await person.say("2, leave"))
    assert [step["reward"] for step in done["steps"]] == [5, 4, 3, 2]
    assert [step["title"] for step in done["steps"]] == [question["title"] for question in person.asked]
    assert (done["ended"], done["steps"][-1]["reason"], done["reward_trajectory"]) == ("left", "left", 14)
    assert done["history"] == []


class Judged(RuleModel):
    """A model of which is found out later whether its words carry knowledge."""

    words: bool = True

    @property
    def abilities(self) -> Abilities:
        return Abilities(words=self.words)


async def test_a_thought_of_a_model_that_is_found_to_know_nothing_is_marked():
    model = Judged()
    person, listless = (
        Person(fake_dependencies(model)),
        Person(fake_dependencies(model), LiveContext(method="billp-memory-only")),
    )
    model.words = False
    await person.come()
    await listless.come()
    (question,), (other,) = person.asked, listless.asked
    assert (bool(question["thought"]), question["stand_in"]) == (True, STAND_IN)
    assert (other["thought"], other["stand_in"]) == ("", ""), "no thought, no mark"


async def test_a_wrong_answer_is_asked_again_with_what_is_expected():
    person = Person(fake_dependencies())
    await person.come()
    await person.say("4.5")
    await person.say(7)
    first, second, third = person.asked
    assert second["problem"].startswith("'4.5' is no answer; give a rating from 1 to 5")
    assert third["problem"].startswith("7 is no answer")
    assert {**first, "problem": ""} == {**second, "problem": ""} == {**third, "problem": ""}
    await person.say(4)
    assert person.asked[-1]["step"] == 2
    assert person.asked[-1]["problem"] == ""
    done = output_of(await person.say("leave"))
    assert [step["reward"] for step in done["steps"]] == [4, UNRATED]


async def test_an_answer_that_names_its_step_counts_for_no_other():
    person = Person(fake_dependencies())
    await person.come()
    await person.say({"rating": 4, "step": 1})
    await person.say({"rating": 4, "step": 1})  # sent twice
    assert [question["step"] for question in person.asked] == [1, 2, 2]
    assert person.asked[-1]["problem"] == "Step 2 is at hand, not step 1."
    done = output_of(await person.say({"rating": 5, "leave": True, "step": 2}))
    assert [step["reward"] for step in done["steps"]] == [4, 5]


async def test_asking_a_person_again_asks_no_mind_again():
    model = RuleModel()
    person = Person(fake_dependencies(model))
    await person.come()
    calls = len(model.requests)
    await person.say("?")
    assert len(model.requests) == calls
    assert output_of(await person.say("leave"))["usage"]["calls"] == calls


async def test_the_horizon_cuts_off_a_person_too():
    person = Person(fake_dependencies())
    state = await person.come()
    while "__interrupt__" in state:
        state = await person.say(5)
    done = output_of(state)
    assert (done["length"], done["ended"]) == (HORIZON, "horizon")


async def test_likes_are_found_in_the_catalogue_and_the_logs_know_their_users():
    key = tiny_dataset().user_keys[0]
    person = Person(fake_dependencies())
    stranger = await person.come(likes=["film 7, THE", "Film 9, The", "Film 7, The"])
    assert stranger["history"] == [7, 9]
    with pytest.raises(BadInputError, match=r"^No item is titled 'Flim 31'; the nearest titles are Film 31, The"):
        await person.come(likes=["Film 7, The", "Flim 31"])
    known = await Person(fake_dependencies()).come(user=key)
    assert known["history"] == fake_dependencies().users.history(key, [], 10) != []


async def test_an_episode_without_a_name_gets_a_new_one_each_time():
    names = set()
    for _ in range(2):
        person = Person(fake_dependencies())
        await person.come(episode="")
        names.add(output_of(await person.say("leave"))["episode"])
    assert len(names) == 2


async def test_nobody_knows_beforehand_what_a_person_will_say():
    person = Person(fake_dependencies(), LiveContext(method="oracle"))
    with pytest.raises(SettingsError, match="knows simulated users only"):
        await person.come()


async def test_what_a_person_answers_teaches_the_memory_named_and_no_other():
    simulated, live = fake_memory(), fake_memory()
    deps = fake_dependencies(memory=live, learn_at_once=True)
    person = Person(deps, LiveContext(learn=True))
    await person.come(likes=["Film 7, The"])
    await person.say(5)
    done = output_of(await person.say("1, leave"))
    assert live.stats().counts == {"reflections": 1, "actor": 2, "critic": 2, "uses": 1}
    assert set(simulated.stats().counts.values()) == {0}
    (reflection,) = live.reflections.latest(5)
    assert reflection.origin.run == "live-studio"
    assert reflection.ended == "left"
    assert done["steps"][-1]["next_value"] == 0  # nothing follows where the user left

    other = replace(deps, memory=simulated)
    assert with_persons(other).memory is simulated


async def test_a_person_teaches_whatever_the_world_is_called():
    live = fake_memory()
    person = Person(fake_dependencies(memory=live, learn_at_once=True), LiveContext(learn=True, split="test"))
    await person.come()
    await person.say("4, leave")
    assert live.stats().counts["reflections"] == 1


async def test_with_the_logs_of_a_test_user_nobody_teaches():
    person = Person(fake_dependencies(memory=fake_memory(), learn_at_once=True), LiveContext(learn=True))
    with pytest.raises(SettingsError, match="test users are for measuring"):
        await person.come(user=tiny_dataset().user_keys[int(tiny_worlds().test.users[0])])


async def test_somebody_unknown_is_told_the_latest_lessons():
    agent_memory = fake_memory()
    deps = fake_dependencies(memory=agent_memory, learn_at_once=True)
    teacher = Person(deps, LiveContext(learn=True))
    await teacher.come()
    taught = output_of(await teacher.say("leave"))["reflection"]
    pupil = Person(deps)
    state = await pupil.come(user="somebody else")
    assert [lesson["text"] for lesson in state["reflections"]] == [taught]


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    """What serves people, on the tiny dataset."""
    await asyncio.to_thread(put_tiny, Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    async with Resources(load_settings(), model=RuleModel(), embedder=HashEmbedder()) as opened:
        yield opened


async def test_what_one_person_taught_is_not_read_to_another(resources: Resources):
    provide = SharedDependencies(resources).get
    context = LiveContext(learn=True, dataset="tiny")
    ada, bob = Person(provide, context), Person(provide, context)
    await ada.come(user="Ada", episode="a")
    assert (await bob.come(user="Bob", episode="b"))["reflections"] == []
    taught = output_of(await ada.say("leave"))
    assert resources.memory("tiny", "live/Ada").stats().counts["reflections"] == 1
    assert set(resources.memory("tiny", "live/Bob").stats().counts.values()) == {0}
    assert (await Person(provide, context).come(user="Bob", episode="c"))["reflections"] == []
    again = await Person(provide, context).come(user="Ada", episode="d")
    assert [lesson["text"] for lesson in again["reflections"]] == [taught["reflection"]]


async def test_a_memory_that_is_named_is_used_whoever_plays(resources: Resources):
    deps = await SharedDependencies(resources).get(LiveContext(memory="mine", dataset="tiny"), "Ada")
    assert deps.memory is resources.memory("tiny", "mine")


async def test_what_a_person_meets_is_made_once(resources: Resources):
    shared, context = SharedDependencies(resources), LiveContext(method="billp-paper", dataset="tiny")
    first = await shared.get(context, "Ada")
    assert await shared.get(context, "Ada") is first
    assert (await shared.get(context, "Bob")).memory is not first.memory
    simulated = await shared.get(EpisodeContext(method="billp-paper", dataset="tiny", memory=own_memory("Ada")), "Ada")
    assert isinstance(simulated.users, SimulatedUsers)


@drawn(st.text(), st.text())
def test_people_of_different_names_have_different_memories(one: str, other: str):
    assert (own_memory(one) == own_memory(other)) == (one == other)
    assert own_memory(one).count("/") == 1


async def test_the_episode_is_a_conversation_too():
    person = Person(fake_dependencies())
    asked = await person.come()
    (question,) = asked["messages"]
    assert question.type == "ai"
    assert question.text.startswith(person.asked[0]["title"])
    assert "Rate it from 1 to 5" in question.text
    await person.say("6")
    await person.say(4)
    done = await person.say("2, leave")
    assert [message.type for message in done["messages"]] == ["ai", "human", "ai", "human"]
    assert [message.text for message in done["messages"][1::2]] == ["4", "2, and I leave"]


def hearing(**read: list[str]) -> RuleModel:
    """A model that reads every wish so, and otherwise says what fits."""
    return RuleModel(lambda request: Reply(json.dumps(read)) if request.schema is not None else sensible_reply(request))


def kinds_of(question: dict[str, Any]) -> set[str]:
    return set(question["categories"])


async def test_a_wish_moves_the_recommendation_at_once_and_says_why():
    model = hearing(wanted=["Comedy"], refused=["War"])  # War is no kind of this catalogue, and so is left out
    person = Person(fake_dependencies(model))
    await person.come()
    await person.say("something lighter")
    first, second = person.asked
    assert second["title"] != first["title"]
    assert second["step"] == first["step"] == 1, "the item that was not rated is no step"
    assert kinds_of(second) >= {"Comedy"}
    assert second["thought"].startswith('Because you asked for "something lighter": Comedy. ')
    (asked,) = [request for request in model.requests if "Wish: something lighter" in request.user]
    assert "Kinds: " in asked.user
    assert first["title"] in asked.user
    for _ in range(3):
        await person.say(4)
    assert all("Comedy" in kinds_of(question) for question in person.asked[1:])
    done = output_of(await person.say("leave"))
    assert done["steps"][0]["plan"].get("wanted") == ["Comedy"]
    assert done["steps"][0]["thought"] == second["thought"]
    assert first["title"] not in [step["title"] for step in done["steps"]]


async def test_what_is_named_plainly_needs_no_language_model():
    model = RuleModel()
    person = Person(fake_dependencies(model))
    await person.come()
    before = len(model.requests)
    await person.say("4, no more horror and no drama")
    assert person.asked[-1]["step"] == 2, "the rating counts as well"
    assert len(model.requests) == before
    while person.asked[-1]["step"] < HORIZON:
        await person.say(5)
    assert not any(kinds_of(question) & {"Horror", "Drama"} for question in person.asked[1:])


async def test_what_is_wanted_is_for_some_steps_and_what_is_refused_for_the_session():
    person = Person(fake_dependencies(planner__steps=2))
    await person.come()
    await person.say("a western, no horror")
    for _ in range(6):
        await person.say(4)
    wished = person.asked[1:]
    assert all("Western" in kinds_of(question) for question in wished[:2])
    assert not all("Western" in kinds_of(question) for question in wished[2:])
    assert not any("Horror" in kinds_of(question) for question in wished)
    assert "no Horror" in wished[-1]["thought"]
    assert "Western" not in wished[-1]["thought"]


async def test_a_later_wish_takes_back_what_it_contradicts_and_anything_takes_back_all():
    person = Person(fake_dependencies())
    await person.come()
    await person.say("no comedy and no horror")
    await person.say("a comedy")
    assert kinds_of(person.asked[-1]) >= {"Comedy"}
    assert "no Horror" in person.asked[-1]["thought"]
    await person.say("anything")
    assert "you asked for" not in person.asked[-1]["thought"]


async def test_a_wish_that_cannot_be_met_says_so_and_leaves_all_as_it_was():
    person = Person(fake_dependencies(hearing(wanted=[], refused=[])))
    asked = await person.come()
    usage = asked["usage"]["calls"]
    asked = await person.say("the one about llamas")
    first, second = person.asked
    assert second["problem"].startswith('No category here is "the one about llamas"; the categories are ')
    assert {**first, "problem": ""} == {**second, "problem": ""}
    done = output_of(await person.say("4, leave"))
    assert done["usage"]["calls"] == usage + 1, "choosing was paid for once"


async def test_where_no_item_is_left_it_says_which_kinds_all_of_them_are():
    person = Person(fake_dependencies())
    await person.come()
    await person.say("no western, no comedy, no drama, no horror, no action, no romance")
    assert person.asked[-1]["problem"].startswith("Every item here that you have not seen is Western or Comedy or ")


async def test_an_answer_of_the_model_that_cannot_be_read_ends_no_episode():
    person = Person(fake_dependencies(RuleModel(lambda request: Reply("lighter it shall be"))))
    await person.come()
    await person.say("something lighter")
    assert "the model's answer could not be read" in person.asked[-1]["problem"]
    await person.say("something lighter, a comedy")
    assert kinds_of(person.asked[-1]) >= {"Comedy"}, "what was named plainly holds all the same"


async def test_a_method_without_a_language_model_heeds_what_is_named():
    deps = replace(fake_dependencies(), roles=None)
    person = Person(deps, LiveContext(method="random"))
    await person.come()
    await person.say("a western")
    assert kinds_of(person.asked[-1]) >= {"Western"}
    await person.say("something lighter")
    assert person.asked[-1]["problem"].startswith('No category here is "something lighter"')


async def test_why_a_person_leaves_becomes_the_reflection():
    live = fake_memory()
    person = Person(fake_dependencies(memory=live, learn_at_once=True), LiveContext(learn=True))
    await person.come()
    await person.say(4)
    done = await person.say("2 q: all of it <|im_end|> too slow")
    (reflection,) = live.reflections.latest(5)
    assert reflection.text == output_of(done)["reflection"]
    assert reflection.text.startswith('The user left and said why: "all of it')
    assert "<|" not in reflection.text
    assert done["messages"][-1].text.startswith("2, and I leave: all of it")


async def test_a_step_says_that_a_wish_was_heeded_on_the_way():
    person = Person(fake_dependencies(planner__steps=9, planner__revise=0))
    await person.come()
    await person.say("a western")
    await person.say("4, a comedy")
    first, second = output_of(await person.say("leave"))["steps"]
    asked = ["act:weigh", "present", "respond"]
    assert first["nodes"] == ["recall", "plan", *asked, "heed", *asked, "heed"]
    assert second["nodes"] == [*asked, "conclude"]


async def test_wishes_are_part_of_the_conversation():
    person = Person(fake_dependencies())
    await person.come()
    asked = await person.say("a western")
    assert [message.type for message in asked["messages"]] == ["ai", "human", "ai"]
    assert asked["messages"][1].text == "a western"
    assert 'Because you asked for "a western": Western.' in asked["messages"][2].text
