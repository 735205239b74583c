"""Principles are confirmed and retired by counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.memory import Principle

NOTHING = Principle("categories", "categories", "", 2, 3, 1, left=0, shown=0, other_left=0, other_shown=0)


@pytest.mark.parametrize(
    ("left", "shown", "state"),
    [(0, 0, "open"), (1, 40, "open"), (8, 40, "confirmed"), (0, 20, "open"), (0, 200, "retired"), (2, 800, "retired")],
)
def test_a_share_beside_one_in_a_hundred_elsewhere(left: int, shown: int, state: str):
    principle = replace(NOTHING, left=left, shown=shown, other_left=30, other_shown=3000)
    assert principle.state == state


@given(st.integers(0, 30), st.integers(0, 300), st.integers(0, 30), st.integers(0, 300))
def test_more_who_left_never_speak_against_it(left: int, stayed: int, other_left: int, other_stayed: int):
    ranks = {"retired": 0, "open": 1, "confirmed": 2}
    known = replace(NOTHING, other_left=other_left, other_shown=other_left + other_stayed)
    fewer = replace(known, left=left, shown=left + stayed)
    more = replace(known, left=left + 3, shown=left + stayed + 3)
    assert ranks[fewer.state] <= ranks[more.state] or fewer.left == 0


def test_its_words_have_its_counts():
    principle = replace(NOTHING, span=3, left=8, shown=40, other_left=30, other_shown=3000)
    assert principle.words() == (
        "users leave over an item alike in categories to one of the last 3 (8 of 40 left; else 30 of 3000)"
    )
