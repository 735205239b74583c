"""The vector environment does to each user what an environment of its own does."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.errors import BadInputError
from billp.simulators.env.single import UserEnv
from billp.simulators.env.vector import VectorUserEnv
from billp.simulators.env.world import World
from tests.fakes.worlds import tiny_worlds
from tests.simulators.changed_worlds import RULES, lenient, world_with


def of_single_ones(world: World, count: int) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: UserEnv(world)] * count, autoreset_mode=AutoresetMode.NEXT_STEP)


def same_infos(mine: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    """Where somebody stepped all is the same; where nobody did, SyncVectorEnv leaves the keys out."""
    return all(data_equivalence(mine[key], theirs[key], exact=True) for key in theirs) and not any(
        mine[f"_{key}"].any() for key in mine.keys() - theirs.keys() if not key.startswith("_")
    )


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.fixed_dictionaries({"quit_rule": st.sampled_from(RULES), "repeats": st.booleans()}),
    st.integers(0, 4),
    st.integers(1, 6),
    st.data(),
)
def test_it_is_gymnasiums_sync_vector_env_of_single_users_seed_for_seed(seed, rule, window, count, data):
    world = world_with(**rule, window=window, category_window=window, horizon=5)
    mine, theirs = VectorUserEnv(world, count, action_masks=True), of_single_ones(world, count)
    assert mine.observation_space == theirs.observation_space
    assert mine.action_space == theirs.action_space
    assert mine.metadata["autoreset_mode"] == theirs.metadata["autoreset_mode"]
    begun, expected = mine.reset(seed=seed), theirs.reset(seed=seed)
    assert data_equivalence(begun[0], expected[0], exact=True)
    assert same_infos(begun[1], expected[1])
    for _ in range(14):
        actions = np.array(data.draw(st.lists(st.integers(0, 59), min_size=count, max_size=count)))
        step, expected_step = mine.step(actions), theirs.step(actions)
        assert mine.observation_space.contains(step[0])
        assert all(
            data_equivalence(ours, other, exact=True) for ours, other in zip(step[:4], expected_step[:4], strict=True)
        )
        assert same_infos(step[4], expected_step[4])
    assert mine.np_random_seed == theirs.np_random_seed
    again, expected = mine.reset(), theirs.reset()  # unseeded: the generators go on
    assert data_equivalence(again[0], expected[0], exact=True)


def test_the_step_after_the_last_begins_the_next_episode_and_ignores_the_action():
    env = VectorUserEnv(lenient(horizon=2), 2)
    env.reset(seed=0)
    env.step(np.array([1, 2]))
    _, _, _, truncated, info = env.step(np.array([3, 4]))
    assert truncated.all()
    assert info["reason"].tolist() == ["horizon", "horizon"]
    observation, rewards, terminated, truncated, info = env.step(np.array([999, -5]))
    assert not (terminated | truncated | info["_reason"]).any()
    assert rewards.tolist() == [0, 0]
    assert observation["step"].tolist() == [0, 0]
    assert env.step(np.array([1, 2]))[0]["step"].tolist() == [1, 1]


def test_what_was_returned_does_not_change_afterwards():
    env = VectorUserEnv(lenient(), 3)
    first, _ = env.reset(seed=0)
    kept = {key: value.copy() for key, value in first.items()}
    for items in ([1, 2, 3], [4, 5, 6]):
        env.step(np.array(items))
    assert data_equivalence(first, kept, exact=True)


def test_users_can_be_chosen():
    world = tiny_worlds().train
    env = VectorUserEnv(world, 3)
    users = world.users[[4, 0, 2]].tolist()
    assert env.reset(seed=0, options={"user": users})[0]["user"].tolist() == users
    assert env.reset(seed=0, options={"user": users[1]})[0]["user"].tolist() == [users[1]] * 3
    with pytest.raises(BadInputError, match="does not live in the train world"):
        env.reset(options={"user": int(tiny_worlds().test.users[0])})
    with pytest.raises(BadInputError, match="give only 'user'"):
        env.reset(options={"users": 1})


def test_seeds_can_be_given_one_by_one():
    env = VectorUserEnv(tiny_worlds().train, 3)
    one_by_one = env.reset(seed=[7, 8, 9])[0]["user"]
    assert one_by_one.tolist() == env.reset(seed=7)[0]["user"].tolist()
    assert env.np_random_seed == (7, 8, 9)
    with pytest.raises(BadInputError, match="2 seeds do not fit 3 environments"):
        env.reset(seed=[1, 2])


def test_masks_are_made_for_whom_they_are_asked():
    env = VectorUserEnv(lenient(window=1, repeats=False), 3)
    _, info = env.reset(seed=0)
    assert info == {}
    env.step(np.array([1, 2, 3]))
    env.step(np.array([4, 5, 6]))
    masks = env.action_mask(np.array([2, 0]))
    assert [np.flatnonzero(mask == 0).tolist() for mask in masks] == [[3, 6], [1, 4]]
    assert masks.dtype == np.int8


def test_misuse_is_refused():
    env = VectorUserEnv(tiny_worlds().train, 2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.array([0, 1]))
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match="Item 60 is not in the catalogue"):
        env.step(np.array([0, 60]))
    with pytest.raises(gymnasium.error.InvalidAction, match=r"shape \(3,\)"):
        env.step(np.array([0, 1, 2]))
    with pytest.raises(BadInputError, match="take one or more"):
        VectorUserEnv(tiny_worlds().train, 0)
