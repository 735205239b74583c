"""Claims about single episodes become principles, and principles decide which lessons are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from billp.agents.claims import LOW_RATING, Claim
from billp.agents.closeness import Closeness
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.usage import Usage
from billp.graphs.dependencies import Dependencies
from billp.graphs.finished_steps import FinishedSteps
from billp.graphs.methods import METHODS
from billp.graphs.principles import all_principles, confirmed, held_to_rates
from billp.graphs.recalling import read_memory
from billp.memory import Origin, Outcome
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import RuleModel, sensible_reply
from tests.fakes.store import fake_memory
from tests.graphs.episodes import run, user_of
from tests.memory import examples

BILLP = METHODS["billp"]
SAME_KIND = Claim("categories", back=1, level=6, holds=True)


def origin(episode: int, step: int = -1) -> Origin:
    return Origin(run="run", episode=f"{episode:04d}", user="7", step=step, seed=3)


def twins(deps: Dependencies) -> tuple[int, int, int]:
    """Two items of the same categories, and one that shares none with them."""
    items = list(deps.catalogue)
    for first in items:
        for second in items:
            if first.index < second.index and first.categories and first.categories == second.categories:
                other = next(item for item in items if not set(item.categories) & set(first.categories))
                return first.index, second.index, other.index
    raise AssertionError("the tiny catalogue has twins")


def taught(claim: Claim, *, leaves: bool) -> Dependencies:
    """Dependencies whose memory holds thirty episodes of three steps, each with that claim.

    The second item is a twin of the first; with `leaves` users left over that, else over the third.
    """
    deps = fake_dependencies(memory=fake_memory())
    first, second, other = twins(deps)
    assert deps.memory is not None
    for number in range(30):
        shown = [first, second] if leaves else [first, second, other]
        for step, item in enumerate(shown):
            last = step + 1 == len(shown)
            lesson = replace(
                examples.actor(number, step), item=item, item_title=deps.catalogue[item].title, reward=4.0,
                before=tuple(shown[:step]), left=last, origin=origin(number, step + 1),
            )  # fmt: skip
            deps.memory.actor.write([lesson])
        reflection = replace(examples.reflection(number, f"Vary {number}."), origin=origin(number))
        deps.memory.reflections.write([replace(reflection, claim=claim.to_json())])
    return deps


def test_claims_of_one_cause_are_one_principle_counted_without_the_first_episode():
    (principle,) = all_principles(taught(SAME_KIND, leaves=True), BILLP)
    assert (principle.id, principle.claims, principle.state) == ("categories", 30, "confirmed")
    assert (principle.left, principle.shown, principle.other_left, principle.other_shown) == (29, 29, 0, 29)


def test_claims_that_do_not_hold_come_to_nothing():
    assert all_principles(taught(replace(SAME_KIND, holds=False), leaves=True), BILLP) == []


def test_a_low_rating_excuses_what_was_shown_before():
    deps = taught(SAME_KIND, leaves=True)
    assert deps.memory is not None
    disliked = [replace(examples.actor(99, 1), reward=1.0, left=True, origin=origin(99, 1))]
    before = all_principles(deps, BILLP)
    deps.memory.actor.write(disliked)
    assert all_principles(deps, BILLP) == before


@pytest.mark.parametrize(("leaves", "state", "read"), [(True, "confirmed", 2), (False, "retired", 0)])
async def test_lessons_of_a_retired_principle_are_not_read(leaves: bool, state: str, read: int):
    deps = taught(SAME_KIND, leaves=leaves)
    recalled = await read_memory(deps, BILLP, [0, 1])
    (principle,) = recalled.principles
    assert principle.state == state
    assert len(recalled.reflections) == read
    assert recalled.evidence, "its numbers count all the same"
    assert bool(confirmed([f"{state}: {principle.words()}"])) == leaves


async def test_a_lesson_whose_claim_does_not_hold_is_not_read():
    deps = taught(replace(SAME_KIND, holds=False), leaves=True)
    assert (await read_memory(deps, BILLP, [0, 1])).reflections == []


async def test_episodes_count_principles_over_steps_that_are_read_once(monkeypatch):
    deps, read = taught(SAME_KIND, leaves=True), []
    original = FinishedSteps.of

    def of(closeness: Closeness, outcomes: Sequence[Outcome]) -> FinishedSteps:
        read.append(outcomes)
        return original(closeness, outcomes)

    monkeypatch.setattr(FinishedSteps, "of", of)
    first = (await read_memory(deps, BILLP, [0, 1])).principles
    assert first == (await read_memory(deps, BILLP, [0, 1])).principles != []
    assert len(read) == 1


async def test_other_methods_count_nothing():
    deps = taught(SAME_KIND, leaves=True)
    assert (await read_memory(deps, METHODS["reflexion"], [0, 1])).principles == []


def test_a_claim_needs_a_share_of_the_departure_by_the_learned_rates():
    deps = taught(SAME_KIND, leaves=True)
    beliefs = deps.belief_model.beliefs(BILLP, deps.memory)
    first, second, other = twins(deps)
    likely = held_to_rates(SAME_KIND, beliefs, [first, second], 4.0)
    assert likely.holds
    assert likely.share > 0.3
    disliked = held_to_rates(Claim(LOW_RATING, "x", holds=True), beliefs, [first, other], 1.0)
    assert disliked.holds
    beside = held_to_rates(replace(SAME_KIND, cause="text", level=0), beliefs, [first, second], 1.0)
    assert (beside.holds, beside.share) == (False, 0.0)


async def test_an_episode_asks_once_keeps_the_claim_and_shows_the_planner_what_is_confirmed():
    def reply(request: Request) -> Reply:
        if request.role == "reflector" and request.schema:
            enum = request.schema["properties"]["cause"]["enum"]
            found = {"cause": enum[0], "step": 1, "kind": "", "why": "Much the same again."}
            kinds = request.schema["properties"].get("kind")
            found |= {"kind": kinds["enum"][0]} if kinds else {}
            return Reply(json.dumps(found), usage=Usage(calls=1))
        return sensible_reply(request)

    model = RuleModel(reply)
    told = taught(SAME_KIND, leaves=True)
    deps = fake_dependencies(model, told.memory, learn_at_once=True)
    done = await run(deps, "billp")
    asked = [request for request in model.requests if request.role == "reflector"]
    assert len(asked) == 1
    assert done["user"] == user_of("train")
    assert deps.memory is not None
    (lesson,) = [r for r in deps.memory.reflections.latest(40) if r.origin.run == "r"]
    assert lesson.claim == done.get("claim")
    assert done.get("principles", [])[0].startswith("confirmed: users leave over an item alike in categories")
    planner = next(request for request in model.requests if request.role == "planner")
    assert "What makes users leave here, counted:" in planner.user
    if done["ended"] != "horizon":
        claim = Claim.from_json(lesson.claim)
        assert claim is not None
        assert lesson.text == f"{claim.words()} Much the same again."
