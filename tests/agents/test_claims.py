"""Why a user left, claimed in a form and held against the episode."""

from __future__ import annotations

import json

import pytest

from billp.agents.claims import LOW_RATING, NONE, REPETITION, Claim, ClaimForm
from billp.agents.closeness import Closeness
from billp.agents.llm.abilities import Abilities
from billp.agents.measures import ByCategories, ByYear
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.reflector import Reflector
from billp.catalogue import Catalogue, Item
from billp.errors import MemoryStoreError, ReplyFormatError
from billp.settings import ReflectorSettings
from tests.fakes.fitting import fitting
from tests.fakes.model import QueueModel

KINDS = [("War",), ("Drama",), ("Comedy",), ("Drama", "War"), ("War",), ("War",)]
ITEMS = tuple(Item(n, f"k{n}", f"Film {n}", kinds, 1950 + 10 * n) for n, kinds in enumerate(KINDS))
CATALOGUE = Catalogue("tiny", ITEMS)
CLOSENESS = Closeness(len(ITEMS), [ByCategories(CATALOGUE), ByYear(CATALOGUE)])
PACK = load_pack()


def form(rewards: tuple[int, ...] = (4, 4, 4, 4, 4, 3)) -> ClaimForm:
    return ClaimForm(ITEMS[: len(rewards)], rewards, CLOSENESS)


def answer(cause: str, step: int = 5, kind: str = "War") -> dict[str, object]:
    return {"cause": cause, "step": step, "kind": kind, "why": "Too much of the same."}


def reflector(*replies: str, schema: bool = True) -> tuple[Reflector, QueueModel]:
    model = QueueModel(list(replies))
    object.__setattr__(model, "abilities", Abilities(schema=schema))
    return Reflector(model, PACK["reflector"], ReflectorSettings(retries=1), PACK["claim"]), model


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer("too alike in kind", 5), Claim("categories", back=1, level=6, holds=True)),
        (answer("too alike in kind", 3), Claim("categories", back=3, level=0, holds=False)),
        (answer("too close in year", 5), Claim("year", back=1, level=1, holds=True)),
        (answer("too close in year", 1), Claim("year", back=5, level=0, holds=False)),
        (answer("disliked"), Claim(LOW_RATING, "War", holds=False)),
        (answer("kind shown too often"), Claim(REPETITION, "War", holds=True)),
        (answer("none known"), Claim(NONE)),
        (answer("too alike in kind", 6), Claim("categories")),  # the last item beside itself
        (answer("too alike in kind", 0), Claim("categories")),
    ],
)
def test_what_was_claimed_is_held_against_what_happened(said: dict[str, object], expected: Claim):
    assert form().read(said) == expected


def test_a_dislike_holds_where_the_rating_was_low():
    assert form((4, 4, 4, 4, 4, 2)).read(answer("disliked")).holds
    assert not form((4, 4, 4, 4, 4, 2)).read(answer("disliked", kind="Ballet")).holds, "the item is of no such kind"


@pytest.mark.parametrize(
    "said", [{}, answer("boredom"), answer("too alike in subject"), {**answer("too alike in kind"), "step": "5"}]
)
def test_what_has_not_the_form_is_refused(said: dict[str, object]):
    with pytest.raises(ReplyFormatError):
        form().read(said)


def test_after_one_step_nothing_earlier_can_be_to_blame():
    only = form((2,))
    assert "step" not in only.schema["properties"]
    assert only.schema["properties"]["cause"]["enum"] == ["disliked", "kind shown too often", "none known"]
    assert only.read({"cause": "disliked", "kind": "War", "why": "No war."}).holds


@pytest.mark.parametrize("number", range(12))
def test_whatever_the_schema_allows_is_read(number: int):
    found = fitting(form().schema, number)
    assert isinstance(found, dict)
    claim = form().read(found)
    assert Claim.from_json(claim.to_json()) == claim
    assert claim.words()


def test_other_text_is_no_claim():
    assert Claim.from_json("") is None
    with pytest.raises(MemoryStoreError, match="not written by billp"):
        Claim.from_json('{"why": 3}')


class TestReflector:
    observed = AgentObservation(ITEMS[:2], ITEMS, (4, 4, 4, 4, 4, 3))

    async def test_one_call_brings_claim_and_sentence(self):
        asked, model = reflector(json.dumps(answer("too alike in kind")))
        lesson = await asked.explain(self.observed, CLOSENESS, seed=0)
        assert lesson.claim == Claim("categories", back=1, level=6, holds=True)
        assert lesson.text == "Too much of the same."
        (request,) = model.requests
        assert request.schema == form().schema
        assert "6. Film 5 (2000) [War]: 3" in request.user

    async def test_what_cannot_be_read_claims_nothing_and_fails_no_episode(self):
        asked, _ = reflector("I think", "because")
        lesson = await asked.explain(self.observed, CLOSENESS, seed=0)
        assert (lesson.text, lesson.claim, lesson.usage.format_failures) == ("", None, 2)

    @pytest.mark.parametrize("why", [None, True, 7, ["Too much."], {"text": "Too much."}])
    async def test_a_sentence_that_is_no_text_becomes_no_lesson(self, why: object):
        asked, _ = reflector(*[json.dumps(answer("none known") | {"why": why})] * 2)
        lesson = await asked.explain(self.observed, CLOSENESS, seed=0)
        assert (lesson.text, lesson.claim, lesson.usage.format_failures) == ("", None, 2)

    async def test_a_model_without_schemas_may_answer_in_words(self):
        asked, _ = reflector("Vary the kinds.", schema=False)
        lesson = await asked.explain(self.observed, CLOSENESS, seed=0)
        assert (lesson.text, lesson.claim) == ("Vary the kinds.", Claim(NONE))
