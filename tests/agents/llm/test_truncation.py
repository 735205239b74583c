"""A prompt that is too long loses its oldest steps first, and nothing else while there are steps to lose."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.actor_input import ActorInput
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.truncation import ask_fitting, shortened
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.actor import Actor
from billp.agents.roles.planner import Known, Planner, one_sentence
from billp.agents.tools import CategoryAnalysis
from billp.catalogue import Item
from billp.errors import ContextOverflowError, ModelUnavailableError
from billp.settings import ActorSettings, PlannerSettings
from tests.fakes.model import FakeChat

PROMPT = load_pack()["planner"]


class Narrow(FakeChat):
    """A model whose context is so many characters of the user message long."""

    characters: int
    rule: Callable[[Request], Reply] = lambda _: Reply("a western")

    async def answer(self, request: Request) -> Reply:
        if len(request.user) > self.characters:
            raise ContextOverflowError("too long")
        return self.rule(request)


def observed(steps: int) -> AgentObservation:
    films = tuple(Item(i, f"i{i}", f"Film number {i}.", ("Drama",), 1990) for i in range(100))
    return AgentObservation(history=films[-4:], recommended=films[:steps], rewards=(3,) * steps)


async def thought_with(characters: int, steps: int = 40) -> Narrow:
    model = Narrow(characters=characters)
    planner = Planner(model, PROMPT, PlannerSettings(shown_steps=100))
    thought = await planner.think(observed(steps), Known(["Mix genres."]), ["Drama"], seed=0)
    assert thought.text == "a western"
    return model


async def test_what_fits_is_not_cut():
    model = await thought_with(10_000)
    assert len(model.requests) == 1
    assert "Film number 0." in model.requests[0].user


async def test_the_oldest_half_of_the_steps_goes_first():
    model = await thought_with(1000)
    last = model.requests[-1].user
    assert "Film number 19." not in last
    assert "Film number 20." in last
    assert "Film number 39." in last
    for kept in ("Film number 96.", "Film number 99.", "Mix genres.", "Shown lately: Drama."):
        assert kept in last
    assert {request.system for request in model.requests} == {PROMPT.fixed}


async def test_then_the_oldest_of_the_history():
    last = (await thought_with(240)).requests[-1].user
    assert "Film number 39." in last, "the newest step stays"
    assert "Film number 96." not in last
    assert "Film number 99." in last, "and the newest of the history"
    assert "Mix genres." in last


async def test_the_actors_candidates_are_never_cut():
    def letters(request: Request) -> Reply:
        return Reply("A", {"A": -0.1, "B": -2.0})

    model = Narrow(characters=600, rule=letters)
    known = observed(40)
    actor_input = ActorInput(known, "vary", CategoryAnalysis(("Drama",)))
    actor = Actor(model, load_pack(), ActorSettings(), 100)
    choice = await actor.choose(actor_input, known.history[:2], seed=0, greedy=True)
    assert len(choice.preferences) == 2
    last = model.requests[-1].user
    assert "Film number 19." not in last
    assert "- Film number 39.: 3" in last
    for kept in ("Plan: vary", "A. Film number 97.", "B. Film number 96."):
        assert kept in last


async def test_what_cannot_be_cut_to_fit_fails_by_name():
    with pytest.raises(ContextOverflowError, match="too long"):
        await thought_with(10)
    assert issubclass(ContextOverflowError, ModelUnavailableError), "the episode fails, the run goes on"


async def test_a_prompt_that_shows_no_history_is_not_asked_twice_with_the_same_words():
    model = Narrow(characters=10)
    terse = load_pack()["actor-free"]
    request = Request("actor", terse.fixed, "", 0.0, 8, 0)
    values: dict[str, Any] = {"thought": "", "lately": [], "fresh": [], "encouraged": [], "discouraged": []}
    with pytest.raises(ContextOverflowError):
        await ask_fitting(
            model, request, terse, values | {"history": [], "steps": []}, parse=one_sentence, retries=0
        )  # fmt: skip
    assert len(model.requests) == 1


@given(st.lists(st.integers(), max_size=40), st.lists(st.integers(), max_size=12))
def test_every_cut_leaves_the_newest_and_touches_nothing_else(steps: list[int], history: list[int]):
    shown = list(shortened({"steps": steps, "history": history, "thought": "x"}))
    assert shown[0] == {"steps": steps, "history": history, "thought": "x"}
    assert len(shown) <= 12
    for before, after in pairwise(shown):
        assert after["thought"] == "x"
        assert len(after["steps"]) + len(after["history"]) < len(before["steps"]) + len(before["history"])
        assert after["history"] == history or len(after["steps"]) <= 1
    for values in shown:
        assert values["steps"] == steps[len(steps) - len(values["steps"]) :]
        assert values["history"] == history[len(history) - len(values["history"]) :]
    assert len(shown[-1]["steps"]) == min(1, len(steps))
