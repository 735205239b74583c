"""Transitions are what the environment said, episode by episode."""

from __future__ import annotations

import numpy as np

from billp.baselines.rl.observations import Layout, Observations
from billp.baselines.rl.rollouts import Rollouts
from billp.baselines.rl.transitions import joined
from billp.simulators import VectorUserEnv, respond
from tests.fakes.toy import HORIZON, ITEMS, USERS, toy_dataset, toy_world


def test_every_recorded_step_is_the_users_own_answer_and_episodes_end_where_they_end():
    world, dataset, layout = toy_world(), toy_dataset(), Layout(4, HORIZON)
    histories = [dataset.history(user, 4) for user in range(USERS)]
    rollouts = Rollouts(VectorUserEnv(world, 5), histories, layout)
    rng = np.random.default_rng(0)

    def act(seen: Observations) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return rng.integers(ITEMS, size=len(seen))

    rollouts.begin(3)
    found = joined([rollouts.collect(act, 7), rollouts.collect(act, 30)])

    assert 5 * 20 < len(found) <= 5 * 37
    left = 0
    for row in range(len(found)):
        seen, after = found.seen[row], found.seen_next[row]
        shown = [int(item) - 1 for item, reward in zip(*np.split(seen, 2), strict=True) if reward > 0]
        item = int(found.items[row])
        answer = respond(world, 0, shown, item)  # all toy users answer alike
        assert found.rewards[row] == np.float32(answer.reward / 5)
        assert found.terminated[row] == answer.left
        assert (after == layout.follow(seen[None], np.array([item]), np.array([answer.reward]))[0]).all()
        ended = found.terminated[row] or found.truncated[row]
        if not ended:
            assert (found.seen[row + 1] == after).all(), "the next row is the next step of the same user"
        left += int(answer.left)
    assert left > 10
    assert (found.terminated & found.truncated).sum() == 0


def test_the_newest_are_the_last():
    rollouts = Rollouts(VectorUserEnv(toy_world(), 2), [[]] * USERS, Layout(1, HORIZON))
    rollouts.begin(0)
    found = rollouts.collect(lambda seen: np.arange(len(seen)), 4)
    assert (found.newest(3).items == found.items[-3:]).all()
    assert len(found.newest(1000)) == len(found)
