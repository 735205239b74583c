"""Tools, shortlist and grounding: pure functions with invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.candidates import Experience, draw_shortlist
from billp.agents.grounding import nearest_item
from billp.agents.tools import analyse_categories
from billp.catalogue import Item
from billp.errors import EpisodeError


def unit_rows(items: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(items, 8)).astype(np.float32)
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def draw(vectors: np.ndarray, seed: int, masked: set[int], **changes: object) -> list[int]:
    settings: dict[str, object] = {"thought": None, "experiences": (), "evidence": 1.0, "size": 6, "pool": 20}
    return draw_shortlist(vectors, np.random.default_rng(seed), masked=masked, **(settings | changes))  # type: ignore[arg-type]


@given(items=st.integers(1, 200), seed=st.integers(0, 99), masked=st.sets(st.integers(0, 199), max_size=60))
def test_a_shortlist_is_distinct_unmasked_and_as_long_as_can_be(items: int, seed: int, masked: set[int]):
    masked = {index for index in masked if index < items}
    vectors = unit_rows(items)
    if len(masked) == items:
        with pytest.raises(EpisodeError):
            draw(vectors, seed, masked)
        return
    drawn = draw(vectors, seed, masked)
    assert len(drawn) == len(set(drawn)) == min(6, items - len(masked))
    assert not masked & set(drawn)
    assert drawn == draw(vectors, seed, masked)


def test_without_words_or_experience_every_item_is_as_likely():
    vectors = unit_rows(40)
    counts = np.bincount([item for seed in range(2000) for item in draw(vectors, seed, set())], minlength=40)
    assert counts.min() > 0.7 * counts.mean()
    assert counts.max() < 1.3 * counts.mean()


def test_a_thought_draws_what_is_near_it():
    vectors = unit_rows(100)
    drawn = draw(vectors, 0, set(), thought=vectors[5], pool=100)
    assert set(drawn) == set(np.argsort(-(vectors @ vectors[5]))[:6])


def test_experience_pulls_towards_the_encouraged_and_away_from_the_discouraged():
    vectors = unit_rows(100)
    good = draw(vectors, 0, set(), experiences=[Experience(5, True, 0.0)], pool=100)
    bad = draw(vectors, 0, set(), experiences=[Experience(5, False, 0.0)], pool=100)
    assert 5 in good
    assert (vectors[good] @ vectors[5]).mean() > 0.3
    assert (vectors[bad] @ vectors[5]).mean() < -0.3


def test_position_says_nothing_about_fit():
    vectors = unit_rows(100)
    best = int(np.argmax(vectors @ vectors[5]))
    positions = [draw(vectors, seed, set(), thought=vectors[5], pool=100).index(best) for seed in range(600)]
    assert np.bincount(positions, minlength=6).min() > 60


@given(items=st.integers(1, 50), seed=st.integers(0, 20), masked=st.sets(st.integers(0, 49), max_size=30))
def test_grounding_is_the_nearest_in_l2_that_is_not_masked(items: int, seed: int, masked: set[int]):
    vectors, proposal = unit_rows(items), unit_rows(1, seed + 1)[0]
    masked = {index for index in masked if index < items}
    if len(masked) == items:
        with pytest.raises(EpisodeError):
            nearest_item(vectors, proposal, masked)
        return
    distances = np.linalg.norm(vectors - proposal, axis=1)
    open_ = [index for index in range(items) if index not in masked]
    assert distances[nearest_item(vectors, proposal, masked)] == pytest.approx(min(distances[open_]), abs=1e-5)


def film(number: int, *categories: str) -> Item:
    return Item(number, str(number), f"Film {number}", categories)


def test_the_tool_counts_categories_lately_met_and_names_those_missed():
    history = [film(0, "Drama", "War"), film(1, "Drama"), film(2, "Comedy")]
    shown = [film(3, "Horror"), film(4, "War"), film(5, "Comedy"), film(6, "Comedy"), film(7, "War", "Crime")]
    analysis = analyse_categories(history, shown, window=4)
    assert analysis.lately == ("Comedy", "War", "Crime")
    assert analysis.fresh == ("Drama",)
    assert analyse_categories(history, []).lately == ()
    assert analyse_categories(history, []).fresh == ("Drama", "Comedy", "War")
