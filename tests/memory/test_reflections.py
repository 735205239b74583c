"""Reflections that say the same are one, counted and weighed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.memory import Match, Reflection
from billp.memory.reflections import merge
from tests.memory import examples


def found(count: int) -> list[Match[Reflection]]:
    return [Match(examples.reflection(number), 0.1 * number) for number in range(count)]


def along(*directions: int) -> np.ndarray:
    return np.eye(8, dtype=np.float32)[list(directions)]


def test_what_many_say_comes_before_what_one_says():
    first, second = merge(found(4), along(0, 1, 2, 1), [1.0] * 4, 2)
    assert (first.first.record.id, len(first.others), first.weight) == (examples.reflection(1).id, 1, 2.0)
    assert first.others == (examples.reflection(3).id,)
    assert (second.first.distance, second.others) == (0.0, ()), "of equals the one from the nearest user"


def test_what_harmed_comes_last_however_near():
    merged = merge(found(3), along(0, 1, 2), [0.2, 1.0, 1.7], 3)
    assert [group.first.distance for group in merged] == pytest.approx([0.2, 0.1, 0.0])


def test_texts_merely_on_the_same_theme_stay_apart():
    vectors = np.array([[1.0, 0.0], [0.7, np.sqrt(1 - 0.49)], [0.8, 0.6]], dtype=np.float32)
    assert [len(group.others) for group in merge(found(3), vectors, [1.0] * 3, 3)] == [1, 0]


@given(st.lists(st.tuples(st.integers(0, 7), st.floats(0.01, 2)), max_size=20), st.integers(1, 5))
def test_nothing_is_lost_or_doubled(rows: list[tuple[int, float]], k: int):
    matches, weights = found(len(rows)), [weight for _, weight in rows]
    vectors = along(*(direction for direction, _ in rows)) if rows else np.empty((0, 8), dtype=np.float32)
    everything = merge(matches, vectors, weights, len(rows) + 1)
    ids = [id_ for group in everything for id_ in (group.first.record.id, *group.others)]
    assert sorted(ids) == sorted(match.record.id for match in matches)
    assert sum(group.weight for group in everything) == pytest.approx(sum(weights))
    assert len(everything) == len({direction for direction, _ in rows})
    assert merge(matches, vectors, weights, k) == everything[:k]
