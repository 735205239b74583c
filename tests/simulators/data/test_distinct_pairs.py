"""Repeated pairs are folded; who has too few goes until nobody has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from billp.simulators.data.distinct_pairs import folded, k_core

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3), st.integers(0, 9)), min_size=1)


Column = NDArray[np.int32]


def arrays(
    rows: Sequence[tuple[int, int, int, int]],
) -> tuple[Column, Column, NDArray[np.float64], NDArray[np.float64]]:
    users, items, times, values = (np.array(column) for column in zip(*rows, strict=True))
    return users.astype(np.int32), items.astype(np.int32), times.astype(np.float64), values.astype(np.float64)


def test_the_latest_row_of_a_pair_stands_and_of_equal_times_the_last():
    users, items, times, values = arrays([(0, 1, 9, 5), (0, 1, 3, 2), (1, 1, 1, 1), (0, 0, 4, 4), (0, 0, 4, 3)])
    pairs = folded(users, items, times, values)
    assert pairs.rows.tolist() == [0, 2, 4]
    assert pairs.counts.tolist() == [2, 1, 2]
    assert pairs.totals.tolist() == [7, 1, 7]


def test_no_rows_are_no_pairs():
    nothing = np.empty(0, dtype=np.int32)
    pairs = folded(nothing, nothing, nothing.astype(np.float64), nothing.astype(np.float64))
    assert (len(pairs.rows), len(pairs.counts), len(pairs.totals)) == (0, 0, 0)


@given(ROWS)
def test_folding_is_what_a_dictionary_would_do(rows):
    latest: dict[tuple[int, int], tuple[int, int]] = {}
    totals: dict[tuple[int, int], int] = {}
    for index, (user, item, time, value) in enumerate(rows):
        latest[user, item] = max(latest.get((user, item), (-1, -1)), (time, index))
        totals[user, item] = totals.get((user, item), 0) + value
    users, items, times, values = arrays(rows)
    pairs = folded(users, items, times, values)
    assert pairs.rows.tolist() == sorted(index for _, index in latest.values())
    assert pairs.counts.sum() == len(rows)
    assert pairs.totals.tolist() == [totals[rows[row][0], rows[row][1]] for row in pairs.rows]


@given(ROWS, st.integers(0, 4), st.integers(0, 4))
def test_the_core_is_stable_and_the_largest(rows, min_user, min_item):
    users, items, _, _ = arrays(rows)
    kept, stays = k_core(users, items, 6, min_user, min_item)
    assert (np.bincount(users[kept])[np.unique(users[kept])] >= min_user).all()
    assert (np.bincount(items[kept], minlength=6)[stays] >= min_item).all()
    assert stays[items[kept]].all()
    # One at a time, in an order of its own, leads to the same rows: what goes has to go.
    left = set(range(len(rows)))
    while True:
        few = [
            row
            for row in left
            if sum(users[other] == users[row] for other in left) < min_user
            or sum(items[other] == items[row] for other in left) < min_item
        ]
        if not few:
            break
        left.remove(few[-1])
    assert np.flatnonzero(kept).tolist() == sorted(left)


def test_one_that_goes_takes_others_with_it():
    # Item 2 has one row; without it user 1 has too few, and without user 1 item 1 has.
    users, items = np.array([0, 0, 2, 2, 1, 1], dtype=np.int32), np.array([0, 3, 0, 3, 1, 2], dtype=np.int32)
    kept, stays = k_core(users, items, 5, 2, 2)
    assert kept.tolist() == [True] * 4 + [False] * 2
    assert stays.tolist() == [True, False, False, True, False]
