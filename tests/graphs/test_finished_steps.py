"""Finished steps in arrays: how close each item was to those before it, and how often each pair was met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.closeness import Closeness
from billp.agents.measures import ByCategories, ByYear
from billp.agents.recommender import NO_ITEM
from billp.catalogue import Catalogue, Item
from billp.graphs.finished_steps import FinishedSteps
from billp.memory.experiences import Outcome
from billp.memory.leaving import LONGEST

CATEGORIES = ("War", "Comedy", "Sea")
CATALOGUE = Catalogue("made-up", tuple(Item(n, str(n), f"Film {n}", (CATEGORIES[n % 3],), 1990 + n) for n in range(12)))
CLOSENESS = Closeness(12, [ByCategories(CATALOGUE), ByYear(CATALOGUE)])


def outcome(id_: str, item: int, stars: float = 4.0, before: Sequence[int] = (), left: bool | None = False) -> Outcome:
    return Outcome(f"actor/{id_}", "0-0-0", item, stars, 0.0, tuple(before), left)


def test_items_before_come_newest_first_and_pairs_are_weighed_by_how_often_they_were_met():
    steps = FinishedSteps.of(
        CLOSENESS,
        [
            outcome("run/0000/01", 3, 2.0, [1, 0], left=True),
            outcome("run/0001/01", 3, 4.6, [0]),
            outcome("run/0001/02", 5, left=None),
        ],
    )
    told = steps.departures
    assert steps.items.tolist() == [3, 3]
    assert steps.before[:, :3].tolist() == [[0, 1, NO_ITEM], [0, NO_ITEM, NO_ITEM]]
    assert steps.names == ("run/0000", "run/0001")
    assert told.left.tolist() == [True, False]
    assert told.stars.tolist() == [2, 5]
    assert told.levels[:, :3, 0].tolist() == [[6, 0, 0], [6, 0, 0]]
    assert told.weights[0, :2].tolist() == [0.5, 1.0], "3 after 0 was met twice, and 3 after 1 once"
    assert told.weights[1, 0] == 0.5
    assert steps.without("run/0000").tolist() == [False, True]
    assert steps.without("run/0007").tolist() == [True, True]


def test_no_steps_have_the_shapes_of_many():
    steps = FinishedSteps.of(CLOSENESS, [])
    assert steps.before.shape == steps.departures.weights.shape == (0, LONGEST)
    assert steps.departures.levels.shape == (0, LONGEST, 2)


@given(st.lists(st.tuples(st.integers(0, 11), st.lists(st.integers(0, 11), max_size=LONGEST + 2)), max_size=20))
def test_each_level_is_that_of_its_pair(seen: list[tuple[int, list[int]]]):
    steps = FinishedSteps.of(
        CLOSENESS, [outcome(f"run/{place:04d}/1", item, before=before) for place, (item, before) in enumerate(seen)]
    )
    met = [(item, other) for item, before in seen for other in before[-LONGEST:]]
    for row, (item, before) in enumerate(seen):
        for back, other in enumerate(before[-LONGEST:][::-1]):
            level = CLOSENESS.between(np.array([item]), np.array([other]))[0]
            assert np.array_equal(steps.departures.levels[row, back], level)
            assert steps.departures.weights[row, back] == 1 / met.count((item, other))
