"""The environment keeps Gymnasium's contract and the quit rule."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import BadInputError
from simulators.environment import UserEnv
from simulators.quit_rules import DistanceRule
from simulators.worlds import World
from tests.fakes.worlds import tiny_worlds


def lenient(world: World) -> World:
    """The world with users who never leave."""
    return replace(world, rule=DistanceRule(0.0, 0, 0.0))


def world_with(window: int, horizon: int = 12) -> World:
    world = tiny_worlds().train
    changed = world.settings.model_copy(update={"window": window, "horizon": horizon})
    assert isinstance(world.rule, DistanceRule)
    return replace(world, settings=changed, rule=replace(world.rule, window=window))


@pytest.mark.parametrize("window", [0, 1, 4])
@pytest.mark.parametrize("split", ["train", "test"])
def test_gymnasium_finds_nothing_to_say(window, split):
    world = world_with(window)
    check_env(UserEnv(replace(world, split=split)), skip_render_check=True)


def test_spaces_follow_the_world():
    env = UserEnv(world_with(4))
    observation, info = env.reset(seed=0)
    assert info == {}
    assert observation["recent"].tolist() == [-1, -1, -1, -1]
    assert observation["step"] == 0
    assert observation["user"] in tiny_worlds().train.users
    assert env.action_space == gymnasium.spaces.Discrete(60)
    spaces = {
        "user": gymnasium.spaces.Discrete(40),
        "recent": gymnasium.spaces.Box(-1, 59, (4,), np.int64),
        "step": gymnasium.spaces.Discrete(13),
    }
    assert env.observation_space == gymnasium.spaces.Dict(spaces)


def test_the_last_items_are_seen_oldest_first():
    world = lenient(world_with(3))
    env = UserEnv(world)
    env.reset(options={"user": int(world.users[0])})
    seen = [env.step(item)[0]["recent"].tolist() for item in (5, 6, 7, 8)]
    assert seen == [[-1, -1, 5], [-1, 5, 6], [5, 6, 7], [6, 7, 8]]


def test_the_horizon_truncates():
    world = lenient(world_with(2, horizon=3))
    env = UserEnv(world)
    env.reset(seed=0)
    ends = [env.step(item)[2:] for item in (1, 2, 3)]
    assert ends == [
        (False, False, {"reason": "", "too_close_to": -1}),
        (False, False, {"reason": "", "too_close_to": -1}),
        (False, True, {"reason": "horizon", "too_close_to": -1}),
    ]


def test_leaving_at_the_last_step_terminates():
    env = UserEnv(replace(world_with(2, horizon=2), rule=DistanceRule(0.0, 2, 0.0)))
    env.reset(seed=0)
    env.step(1)
    _, _, terminated, truncated, info = env.step(1)
    assert (terminated, truncated, info) == (True, False, {"reason": "too_close", "too_close_to": 1})


def test_a_low_reward_makes_the_user_leave_at_the_first_step_and_counts():
    env = UserEnv(replace(world_with(4), rule=DistanceRule(0.0, 4, 6.0)))
    observation, _ = env.reset(seed=0)
    _, reward, terminated, _, info = env.step(3)
    assert reward == env.world.reward(observation["user"], [3])[0] >= 1
    assert (terminated, info["reason"]) == (True, "low_reward")


def test_stepping_needs_a_reset():
    env = UserEnv(replace(world_with(4), rule=DistanceRule(0.0, 4, 6.0)))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


@pytest.mark.parametrize("item", [-1, 60])
def test_refuses_an_item_outside_the_catalogue(item):
    env = UserEnv(world_with(4))
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match=f"Item {item} is not in the catalogue"):
        env.step(item)


def test_refuses_a_user_of_the_other_world_and_unknown_options():
    env = UserEnv(tiny_worlds().train)
    for stranger in (int(tiny_worlds().test.users[0]), -1, 40):
        with pytest.raises(BadInputError, match=f"User {stranger} does not live in the train world of tiny"):
            env.reset(options={"user": stranger})
    with pytest.raises(BadInputError, match="give only 'user'"):
        env.reset(options={"usr": 1})


def test_users_are_drawn_with_the_environments_own_generator():
    env = UserEnv(tiny_worlds().train)
    np.random.seed(0)
    first = [env.reset(seed=5)[0]["user"]] + [env.reset()[0]["user"] for _ in range(20)]
    np.random.seed(1)
    assert first == [env.reset(seed=5)[0]["user"]] + [env.reset()[0]["user"] for _ in range(20)]
    assert len(set(first)) > 5
    assert set(first) <= set(tiny_worlds().train.users.tolist())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 59), min_size=12, max_size=12), st.integers(0, 5))
def test_an_episode_is_its_seed_and_its_items(seed, items, window):
    def play() -> list[tuple[object, ...]]:
        env = UserEnv(world_with(window))
        observation, _ = env.reset(seed=seed)
        steps: list[tuple[object, ...]] = [(observation["user"],)]
        for item in items:
            observation, reward, terminated, truncated, info = env.step(item)
            assert env.observation_space.contains(observation)
            assert reward in (1, 2, 3, 4, 5)
            assert terminated == (info["reason"] in ("too_close", "low_reward"))
            assert truncated == (info["reason"] == "horizon")
            steps.append((observation["recent"].tolist(), reward, terminated, truncated, tuple(info.items())))
            if terminated or truncated:
                break
        assert terminated or truncated
        return steps

    assert play() == play()
