"""How close items are, one by one and all at once."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import billp.agents.closeness
from billp.agents.closeness import Closeness
from billp.agents.measures import CATEGORY_STEPS, ByCategories, ByRatings, ByVectors, ByYear, Levels, Measure
from billp.agents.recommender import NO_ITEM
from billp.catalogue import Catalogue, Item


def catalogue(*categories: str) -> Catalogue:
    """Items whose categories are the letters of each word."""
    return Catalogue("made-up", tuple(Item(n, str(n), f"Film {n}", tuple(word)) for n, word in enumerate(categories)))


def closeness(items: Catalogue, vectors: NDArray[np.float32] | None = None) -> Closeness:
    texts: list[Measure] = [] if vectors is None else [ByVectors("text", vectors)]
    return Closeness(len(items), [ByCategories(items), *texts])


@cache
def with_texts(seed: int = 0) -> Closeness:
    rng = np.random.default_rng(seed)
    words = ["".join(letter for letter in "ABCD" if rng.random() < 0.4) for _ in range(50)]
    vectors = rng.normal(size=(25, 12)).astype(np.float32)
    return closeness(catalogue(*words), np.concatenate([vectors, vectors]))  # each text twice


@given(st.lists(st.tuples(st.integers(0, 49), st.integers(0, 49)), max_size=20), st.integers(0, 2))
def test_the_row_of_an_item_says_of_each_other_what_the_pair_says(pairs: list[tuple[int, int]], seed: int):
    close = with_texts(seed)
    items, others = (np.array(side, dtype=np.int64) for side in (zip(*pairs, strict=True) if pairs else ((), ())))
    between = close.between(items, others)
    assert between.shape == (len(pairs), 2)
    assert np.array_equal(between, close.between(others, items))
    for levels, item, other in zip(between, items, others, strict=True):
        assert list(levels) == list(close.to(int(item))[:, other]) == list(close.to(int(other))[:, item])


def test_levels_by_categories_are_those_worked_out_by_hand():
    """Even distributions p and q over categories have the similarity 1 - |p - q|^2 / 2."""
    close = closeness(catalogue("A", "A", "B", "AB", "CD", "ABC", "ABD", ""))
    # A and A: 1. A and B: 0. A and AB: 1 - (1/4 + 1/4) / 2 = 0.75. AB and CD: 1 - (4 / 4) / 2 = 0.5.
    # ABC and ABD: 1 - (2 / 9) / 2 = 0.89. A and ABC: 1 - (4/9 + 2/9) / 2 = 0.67. AB and ABC: 1 - (1/36 * 2 + 1/9) / 2.
    similar = {(0, 1): 1.0, (0, 2): 0.0, (0, 3): 0.75, (3, 4): 0.5, (5, 6): 8 / 9, (0, 5): 2 / 3, (3, 5): 11 / 12}
    similar |= {(0, 7): 0.0, (7, 7): 0.0}  # without categories: similar to none
    for (item, other), by_hand in similar.items():
        assert close.to(item)[0, other] == sum(by_hand >= step for step in CATEGORY_STEPS), (item, other)


def test_texts_that_are_the_same_are_as_close_as_can_be_and_few_others():
    close = with_texts()
    text = np.stack([close.to(item)[1] for item in range(50)])
    same = np.eye(50, dtype=bool) | np.eye(50, k=25, dtype=bool) | np.eye(50, k=-25, dtype=bool)
    assert (text[same] == close.steps[1]).all()
    assert 0 < (text[~same] > 0).mean() < 0.15, "one pair in ten is close at all"


def test_where_there_was_no_item_nothing_is_close():
    close = with_texts()
    nothing = np.array([NO_ITEM, 3, NO_ITEM])
    assert not close.between(nothing, np.array([3, NO_ITEM, NO_ITEM])).any()


def test_the_names_of_measures_go_with_their_levels():
    close = with_texts()
    assert close.names == ("categories", "text")
    assert close.to(0).shape == (2, 50)
    assert [int(close.to(item).max(axis=1)[1]) for item in range(9)] == [close.steps[1]] * 9
    assert closeness(catalogue("A", "B")).names == ("categories",)


def test_only_the_rows_asked_for_lately_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(billp.agents.closeness, "_KEPT_BYTES", 0)  # the least that is kept are 16 rows
    computed: list[int] = []

    class Counting(ByCategories):
        def to(self, item: int) -> Levels:
            computed.append(item)
            return super().to(item)

    close = Closeness(40, [Counting(catalogue(*["A"] * 40))])
    for item in range(16):
        close.to(item)
    assert close.to(0) is close.to(0)
    close.to(16)  # in place of item 1, which was asked for longest ago
    assert computed == list(range(17))
    close.to(0)
    assert len(computed) == 17
    close.to(1)
    assert computed[17:] == [1]


def test_a_catalogue_of_one_item_has_closeness_too():
    close = closeness(catalogue("A"), np.ones((1, 4), dtype=np.float32))
    assert close.to(0).shape == (2, 1)
    assert close.to(0)[0, 0] == len(CATEGORY_STEPS)


def test_years_and_few_ratings_make_items_close_by_levels():
    films = Catalogue(
        "made-up", tuple(Item(n, str(n), f"Film {n}", ("A",), y) for n, y in enumerate((1990, 1991, 1997, 2020, None)))
    )
    close = Closeness(5, [ByYear(films), ByRatings(np.array([100.0, 29, 10, 9, 2]))])
    assert close.to(0)[0].tolist() == [3, 3, 1, 0, 0], "at most 1, 4 and 10 years apart"
    assert close.to(4)[0].tolist() == [0, 0, 0, 0, 0], "no year is close to none"
    assert close.to(0)[1].tolist() == [0, 1, 1, 2, 3], "fewer than 30, 10 and 3 ratings"
    assert close.to(3)[1].tolist() == [2, 2, 2, 2, 3], "the one with fewer counts"
    pairs = np.array([0, 3]), np.array([2, 4])
    assert close.between(*pairs).tolist() == [[1, 1], [0, 3]]
    assert not close.alike(0).any(), "neither year nor ratings say what an item is about"
