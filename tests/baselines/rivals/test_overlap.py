"""Overlaps of many users at once, against the sets themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.overlap import overlap
from billp.agents.recommender import NO_ITEM
from billp.baselines.rivals.overlap import CategoryOverlap
from billp.catalogue import Catalogue, Item
from billp.simulators.quit.item_traits import category_sets

_NAMES = [f"c{number}" for number in range(70)]  # more than one word of bits
catalogues = st.lists(st.sets(st.sampled_from(_NAMES), max_size=4), min_size=1, max_size=12)


def catalogue_of(sets: list[set[str]]) -> Catalogue:
    items = tuple(Item(i, f"i{i}", f"Film {i}", tuple(sorted(names))) for i, names in enumerate(sets))
    return Catalogue("made up", items)


@given(catalogues, st.data())
def test_the_highest_overlap_is_that_of_the_sets(sets: list[set[str]], data: st.DataObject):
    made = CategoryOverlap.of(category_sets(catalogue_of(sets)))
    index = st.integers(-1, len(sets) - 1)
    recent = np.array(data.draw(st.lists(st.lists(index, min_size=3, max_size=3), min_size=1, max_size=4)))
    found = made.highest(recent)
    for row, shown in enumerate(recent.tolist()):
        for item, names in enumerate(sets):
            shares = [overlap(frozenset(names), frozenset(sets[other])) for other in shown if other != NO_ITEM]
            assert np.isclose(found[row, item], max(shares, default=0.0))


@given(catalogues, st.data())
def test_the_least_alike_are_never_masked_and_share_one_overlap(sets: list[set[str]], data: st.DataObject):
    made = CategoryOverlap.of(category_sets(catalogue_of(sets)))
    recent = np.array([[data.draw(st.integers(-1, len(sets) - 1))]])
    masked = np.array([data.draw(st.lists(st.booleans(), min_size=len(sets), max_size=len(sets)))])
    least = made.least(recent, masked)
    assert not (least & masked).any()
    assert least.any() == (~masked).any()
    shares = made.highest(recent)
    assert len(set(shares[least].tolist())) <= 1
    if least.any():
        assert shares[least].min() == shares[~masked].min()
