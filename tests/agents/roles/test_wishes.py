"""Wishes: what is kept of them, which items they exclude, and how they are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.wishes import Heard, Wish, WishReader, cannot_be_met, not_wished
from billp.catalogue import Catalogue, Item
from billp.settings import PlannerSettings
from tests.agents.thirty_wishes import CATEGORIES, THIRTY
from tests.fakes.model import FakeChat, QueueModel

NAMES = ("War", "Comedy", "Drama")
FILMS = Catalogue(
    "films",
    tuple(
        Item(n, str(n), f"Film {n}", categories)
        for n, categories in enumerate([("War",), ("Comedy",), ("Drama",), ("War", "Comedy"), ("Comedy", "Drama"), ()])
    ),
)
ALL = Catalogue("all", tuple(Item(n, str(n), f"Film {n}", (kind,)) for n, kind in enumerate(CATEGORIES)))
PACK = load_pack()


class WordsOnly(FakeChat):
    """A model that holds to no schema."""

    abilities: Abilities = Abilities(schema=False)

    async def answer(self, request: Request) -> Reply:
        return Reply("A comedy or a musical, but no war.")


async def heard(words: str, *replies: str | Reply, catalogue: Catalogue = ALL) -> tuple[Heard, QueueModel]:
    model = QueueModel(list(replies))
    reader = WishReader(model, PACK["wish"], PlannerSettings(steps=8, retries=1))
    return await reader.read(words, catalogue, catalogue[0], 3, seed=5), model


def answer(wanted: list[str], refused: list[str]) -> str:
    return json.dumps({"wanted": wanted, "refused": refused})


def test_what_is_wanted_comes_alone_while_there_is_any():
    comedy = Wish(wanted=("Comedy",))
    assert not_wished(FILMS, comedy, []) == {0, 2, 5}
    assert not_wished(FILMS, comedy, [1, 3, 4]) == set(), "no comedy is left"
    assert not_wished(FILMS, Wish(wanted=("War", "Comedy"), together=True), []) == {0, 1, 2, 4, 5}
    assert not_wished(FILMS, Wish(wanted=("War", "Comedy"), together=True), [3]) == {2, 5}, "either where not both"


def test_what_is_refused_does_not_come_while_there_is_anything_else():
    assert not_wished(FILMS, Wish(refused=("War",)), []) == {0, 3}
    assert not_wished(FILMS, Wish(refused=("War",), wanted=("Comedy",)), []) == {0, 2, 3, 5}
    assert not_wished(FILMS, Wish(refused=NAMES), [5]) == set()
    assert not_wished(FILMS, Wish(wanted=("Comedy",), unwanted=("Drama", "War")), [1]) == {0, 2, 5}, (
        "inferred: it yields"
    )


@given(
    *[st.sets(st.sampled_from(NAMES)).map(lambda categories: tuple(sorted(categories))) for _ in range(3)],
    st.booleans(),
    st.sets(st.integers(0, 5), max_size=5),
)
def test_a_wish_never_excludes_everything(
    wanted: tuple[str, ...], unwanted: tuple[str, ...], refused: tuple[str, ...], together: bool, masked: set[int]
):
    excluded = not_wished(FILMS, Wish(("w",), wanted, unwanted, refused, together), masked)
    assert excluded < set(range(6)) - masked


def test_why_it_cannot_be_met():
    assert cannot_be_met(FILMS, Wish(wanted=("Comedy",)), []) == ""
    assert cannot_be_met(FILMS, Wish(wanted=("Comedy",)), [1, 3, 4]) == "No item here that you have not seen is Comedy."
    assert (
        cannot_be_met(FILMS, Wish(wanted=("War",), refused=("Comedy",)), [0])
        == "No item here that you have not seen is War without being Comedy."
    )
    assert (
        cannot_be_met(FILMS, Wish(refused=("War",)), [1, 2, 4, 5]) == "Every item here that you have not seen is War."
    )


def test_what_still_holds():
    wish = Wish(("a comedy, no war",), wanted=("Comedy",), refused=("War",), until=8)
    assert wish.at(7) == wish
    assert wish.at(8) == Wish(("a comedy, no war",), refused=("War",))
    assert Wish(("a comedy",), wanted=("Comedy",), until=8).at(8) == Wish()
    later = wish.then(Wish(("a war film",), wanted=("War",), until=12))
    assert (later.wanted, later.refused, later.words, later.until) == (("War",), (), ("a war film",), 12)
    assert Wish(("no war",), refused=("War",)).then(Wish(("no drama",), refused=("Drama",))).sentence() == (
        'Because you asked for "no war" and "no drama": no War and no Drama.'
    )


async def test_the_model_chooses_among_the_categories_there_are():
    read, model = await heard("something lighter", answer(["Comedy", "Musical", "Comedy", "Juggling"], ["War"]))
    assert read.wish == Wish(("something lighter",), ("Comedy", "Musical"), until=11), "nothing was refused"
    (asked,) = model.requests
    assert asked.schema is not None
    assert asked.schema["properties"]["wanted"]["items"]["enum"] == sorted(CATEGORIES)
    assert list(asked.schema["properties"]) == ["wanted"]
    assert "Wish: something lighter" in asked.user
    assert asked.temperature == 0


async def test_what_is_named_counts_before_what_is_inferred():
    read, _ = await heard("no war, something lighter", answer(["War", "Comedy"], ["Drama"]))
    assert read.wish == Wish(("no war, something lighter",), ("Comedy",), refused=("War",), until=11)
    read, _ = await heard("a warm drama", answer(["Romance"], ["Drama"]))
    assert read.wish.wanted == ("Drama", "Romance")
    assert read.wish.together


async def test_where_only_refusals_were_heard_they_last():
    read, model = await heard("nothing scary", answer(["Comedy"], ["Horror"]))
    assert (read.wish.wanted, read.wish.refused, read.wish.until) == ((), ("Horror",), 0)
    assert model.requests[0].schema is not None
    assert list(model.requests[0].schema["properties"]) == ["refused"]
    read, _ = await heard("an old story, nothing scary", answer(["Drama"], ["Horror"]))
    assert (read.wish.wanted, read.wish.unwanted, read.wish.refused) == (("Drama",), ("Horror",), ())


@pytest.mark.parametrize("words", ["no more war films", "comedies or westerns please", "anything", "Never mind!"])
async def test_what_is_plain_asks_nobody(words: str):
    read, model = await heard(words)
    assert not model.requests
    assert read.problem == ""


async def test_a_broken_answer_is_asked_again_and_then_said():
    read, _ = await heard("something lighter", '{"wanted": ["Com', answer(["Comedy"], []))
    assert (read.wish.wanted, read.usage.format_failures) == (("Comedy",), 1)
    read, _ = await heard("something lighter", "hm", '{"wanted": "Comedy", "refused": []}')
    assert read.problem.startswith('No category here is "something lighter" (the model\'s answer could not be read)')


async def test_a_model_that_holds_to_no_schema_may_answer_in_words():
    model = WordsOnly()
    reader = WishReader(model, PACK["wish"], PlannerSettings())
    read = await reader.read("something lighter", ALL, None, 0, seed=0)
    assert (read.wish.wanted, read.wish.unwanted) == (("Comedy", "Musical"), ("War",))
    assert model.requests[0].schema is None


async def test_a_catalogue_without_categories_can_meet_no_wish():
    bare = Catalogue("bare", (Item(0, "0", "Film"),))
    read, model = await heard("something lighter", catalogue=bare)
    assert read.problem == 'No category here is "something lighter"; the categories are none.'
    assert not model.requests


def test_the_thirty_wishes_can_be_met_and_missed():
    assert len({asked.words for asked in THIRTY}) == 30
    for asked in THIRTY:
        wanted, refused = ({min(categories) for categories in sets} for sets in (asked.wants, asked.refuses))
        assert asked.moved(wanted, refused), asked.words
        assert not asked.moved(refused, wanted), asked.words
        assert not asked.moved((), ()), asked.words
