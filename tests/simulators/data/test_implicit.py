"""Stars for logs without ratings, and what was left aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.simulators.data.implicit import sample_negatives, stars_of_hours, stars_of_presence


def stars(users: Sequence[int], hours: Sequence[float]) -> list[float]:
    found: list[float] = stars_of_hours(np.array(users, dtype=np.int32), np.array(hours, dtype=np.float64)).tolist()
    return found


def test_the_longest_played_quarter_has_five_stars():
    assert stars([0] * 8, [80, 1, 2, 3, 4, 50, 60, 70]) == [5, 2, 2, 3, 3, 4, 4, 5]


def test_ranks_are_within_a_user():
    assert stars([1, 0, 1, 0], [100, 0.1, 900, 0.2]) == [3, 3, 5, 5]


def test_one_item_and_equal_hours_are_liked_and_zero_hours_are_not():
    assert stars([0], [0.1]) == [4]
    assert stars([0, 0, 0], [7, 7, 7]) == [4, 4, 4]
    assert stars([0, 0, 1], [0, 3, 0]) == [2, 4, 2]
    assert stars([], []) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e6)), min_size=1))
def test_longer_is_never_worse_and_the_unit_does_not_matter(rows):
    users, hours = [user for user, _ in rows], [round(value, 3) for _, value in rows]
    given_stars = stars(users, hours)
    assert set(given_stars) <= {2, 3, 4, 5}
    assert stars(users, np.log1p(hours).tolist()) == given_stars
    for user in set(users):
        mine = sorted((value, star) for who, value, star in zip(users, hours, given_stars, strict=True) if who == user)
        assert [star for _, star in mine] == sorted(star for _, star in mine)


def test_who_came_back_liked_it_more():
    assert stars_of_presence(np.array([1, 2, 9])).tolist() == [4, 5, 5]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(2, 12), st.floats(0, 3))
def test_negatives_were_never_touched_and_are_as_many_as_asked_for(seed, n_users, n_items, ratio):
    rng = np.random.default_rng(seed)
    touched = rng.binomial(1, rng.random(), (n_users, n_items)).astype(np.bool_)
    touched[:, 0] = True  # every user has a row
    users, items = (column.astype(np.int32) for column in np.nonzero(touched))
    who, what = sample_negatives(users, items, n_items, ratio, seed)
    assert not touched[who, what].any()
    assert len({*zip(who.tolist(), what.tolist(), strict=True)}) == len(who)
    rows, free = touched.sum(1), touched.any(0).sum()
    assert np.bincount(who, minlength=n_users).tolist() == np.minimum(np.round(ratio * rows), free - rows).tolist()
    assert touched.sum(0)[what].all(), "an item that nobody met was left aside by nobody"
    again = sample_negatives(users, items, n_items, ratio, seed)
    assert np.array_equal(who, again[0])
    assert np.array_equal(what, again[1])


def test_another_seed_draws_others_and_popular_items_are_drawn_more_often():
    # Of 2,000 users half met item 1 and each of them one of many rare items besides.
    users = np.repeat(np.arange(2000, dtype=np.int32), 2)
    items = np.empty(4000, dtype=np.int32)
    items[0::2] = np.where(np.arange(2000) % 2, 1, 0)
    items[1::2] = 2 + np.arange(2000) % 400
    who, what = sample_negatives(users, items, 402, 1.0, 0)
    assert len(who) == 4000
    assert not np.array_equal(what, sample_negatives(users, items, 402, 1.0, 1)[1])
    rare, popular = np.bincount(what[who % 2 == 0], minlength=402)[2:].mean(), np.sum(what[who % 2 == 0] == 1)
    assert popular / rare == pytest.approx((1000 / 5) ** 0.5, rel=0.25)
