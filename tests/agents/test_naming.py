"""Categories that plain words name and refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.naming import categories_named
from tests.agents.thirty_wishes import CATEGORIES


@pytest.mark.parametrize(
    ("words", "wanted", "refused", "said"),
    [
        ("no more war films", "", "War", ""),
        ("I don't want any more thrillers", "", "Thriller", ""),
        ("comedies please, but no musicals", "Comedy", "Musical", ""),
        ("no horror, war or crime", "", "Horror War Crime", ""),
        ("Try a war film, but no comedy; drama.", "War Drama", "Comedy", ""),
        ("avoid war, then try drama", "Drama", "War", ""),
        ("Avoid war, drama would be fresh.", "Drama", "War", "fresh"),
        ("anything but a drama", "", "Drama", ""),
        ("a western instead of another drama", "Western", "Drama", ""),
        ("less drama, more action", "Action", "Drama", ""),
        ("too many children's movies; a film noir", "Film-Noir", "Children's", ""),
        ("leave out the westerns", "", "Western", ""),
        ("scifi, Sci-Fi or sci fi", "Sci-Fi", "", ""),
        ("no war. War!", "War", "", ""),
        ("something lighter", "", "", "lighter"),
        ("warm and romantic", "", "", "warm romantic"),
        ("", "", "", ""),
    ],
)
def test_what_words_name(words: str, wanted: str, refused: str, said: str):
    named = categories_named(words, CATEGORIES)
    assert (named.wanted, named.refused, named.said) == (*(tuple(each.split()) for each in (wanted, refused, said)),)


def test_the_longest_name_counts():
    known = ("Action and Adventure", "Action", "Adventure", "R&B (new)")
    assert categories_named("no action and adventure", known).refused == ("Action and Adventure",)
    assert categories_named("some r&b (new)", known).wanted == ("R&B (new)",)


@given(st.text(), st.lists(st.text(max_size=12), max_size=6))
def test_whatever_is_said_names_what_there_is_and_each_once(words: str, known: list[str]):
    named = categories_named(words, known)
    assert {*named.wanted, *named.refused} <= {*known}
    assert not {*named.wanted} & {*named.refused}
