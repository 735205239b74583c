"""What policies see: the newest items last, rewards beside them, and nothing of what users keep to themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from billp.baselines.rl.observations import Layout

items = st.lists(st.integers(0, 99), max_size=12)


@given(
    history=items, steps=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 5)), max_size=6), room=st.integers(1, 8)
)
def test_an_observation_holds_the_newest_of_the_history_and_every_recommendation(history, steps, room):
    layout = Layout(room, 6)
    seen = layout.of(history, [item for item, _ in steps], [float(reward) for _, reward in steps])

    assert seen.shape == (1, 2 * layout.length)
    shown, rewards = seen[0, : layout.length], seen[0, layout.length :]
    expected = [(item + 1, 0) for item in history[-room:]] + [(item + 1, reward) for item, reward in steps]
    got = list(zip(shown.tolist(), rewards.tolist(), strict=True))
    assert got == [(0, 0)] * (layout.length - len(expected)) + expected


def test_following_changes_nothing_that_was_seen_before():
    layout = Layout(2, 3)
    before = layout.start([[7], []])
    kept = before.copy()
    layout.follow(before, np.array([1, 2]), np.array([4.0, 5.0]))
    assert (before == kept).all()
