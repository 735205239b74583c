"""The environment keeps Gymnasium's contract and the quit rule."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.errors import BadInputError
from billp.simulators.env.single import UserEnv
from billp.simulators.env.vector import VectorUserEnv
from billp.simulators.quit.registry import REASONS
from tests.fakes.worlds import tiny_worlds
from tests.simulators.changed_worlds import RULES, WINDOWS, lenient, world_with

CHECKED = [
    *({"window": window, "split": split} for window in (0, 1, 4) for split in ("train", "test")),
    {"repeats": False},
    {"quit_rule": "category-window"},
    {"quit_rule": "category-window", "category_window": 0, "repeats": False},
]


@pytest.mark.parametrize("changes", CHECKED, ids=str)
def test_gymnasium_finds_nothing_to_say(changes):
    check_env(UserEnv(world_with(**changes)), skip_render_check=True)


def test_spaces_follow_the_world():
    env = UserEnv(world_with(window=4))
    observation, info = env.reset(seed=0)
    assert info.keys() == {"action_mask"}
    assert observation["recent"].tolist() == [-1] * 10
    assert observation["step"] == 0
    assert observation["user"] in tiny_worlds().train.users
    assert env.action_space == gymnasium.spaces.Discrete(60)
    spaces = {
        "user": gymnasium.spaces.Discrete(40),
        "recent": gymnasium.spaces.Box(-1, 59, (10,), np.int64),
        "step": gymnasium.spaces.Discrete(13),
    }
    assert env.observation_space == gymnasium.spaces.Dict(spaces)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [UserEnv, VectorUserEnv])
def test_an_observation_tells_neither_the_rule_nor_its_window(kind, rule):
    changes: list[dict[str, Any]] = [{"quit_rule": rule, WINDOWS[rule]: width} for width in (0, 3, 12)]
    spaces = [kind(world_with(**each)).observation_space for each in changes]
    assert spaces == [kind(world_with()).observation_space] * 3


def test_the_last_items_are_seen_oldest_first():
    world = lenient(window=3)
    env = UserEnv(world)
    env.reset(options={"user": int(world.users[0])})
    seen = [env.step(item)[0]["recent"].tolist() for item in range(5, 16)]
    assert seen[:2] == [[-1] * 9 + [5], [-1] * 8 + [5, 6]]
    assert seen[-2:] == [list(range(5, 15)), list(range(6, 16))]


def ending(info: dict[str, object]) -> tuple[object, object]:
    return info["reason"], info["too_close_to"]


def test_the_horizon_truncates():
    env = UserEnv(lenient(horizon=3))
    env.reset(seed=0)
    ends = [(*step[2:4], *ending(step[4])) for step in (env.step(item) for item in (1, 2, 3))]
    assert ends == [(False, False, "", -1), (False, False, "", -1), (False, True, "horizon", -1)]


def test_leaving_at_the_last_step_terminates():
    env = UserEnv(lenient(window=2, horizon=2))
    env.reset(seed=0)
    env.step(1)
    _, _, terminated, truncated, info = env.step(1)
    assert (terminated, truncated, *ending(info)) == (True, False, "too_close", 1)


def test_a_low_reward_makes_the_user_leave_at_the_first_step_and_counts():
    env = UserEnv(world_with(beta=0.0, min_reward=6.0))
    observation, _ = env.reset(seed=0)
    _, reward, terminated, _, info = env.step(3)
    assert reward == env.world.reward(observation["user"], [3])[0] >= 1
    assert (terminated, info["reason"]) == (True, "low_reward")


@pytest.mark.parametrize("rule", RULES)
def test_without_repeats_what_was_shown_is_masked_and_showing_it_again_ends_the_episode(rule):
    env = UserEnv(lenient(window=1, quit_rule=rule, category_limit=9, repeats=False))
    _, info = env.reset(seed=0)
    assert info["action_mask"].all()
    for item in (7, 3, 9):
        info = env.step(item)[4]
    assert np.flatnonzero(info["action_mask"] == 0).tolist() == [3, 7, 9]
    assert info["action_mask"].dtype == np.int8
    assert env.action_masks().dtype == bool
    assert env.action_masks().tolist() == info["action_mask"].tolist()
    _, _, terminated, truncated, info = env.step(7)
    assert (terminated, truncated, *ending(info)) == (True, False, "repeat", 7)


def test_with_repeats_nothing_is_masked_and_an_item_may_come_again():
    env = UserEnv(lenient(window=1))
    env.reset(seed=0)
    for item in (7, 3, 7):
        _, _, terminated, _, info = env.step(item)
        assert not terminated
        assert info["action_mask"].all()


def test_nothing_can_be_rendered():
    with pytest.raises(BadInputError, match="leave render_mode out"):
        UserEnv(tiny_worlds().train, render_mode="human")


def test_stepping_needs_a_reset():
    env = UserEnv(world_with(beta=0.0, min_reward=6.0))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


@pytest.mark.parametrize("item", [-1, 60])
def test_refuses_an_item_outside_the_catalogue(item):
    env = UserEnv(tiny_worlds().train)
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


EPISODES = st.lists(st.integers(0, 59), min_size=12, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), EPISODES, st.integers(0, 5), st.sampled_from(RULES), st.booleans())
def test_an_episode_is_its_seed_and_its_items(seed, items, window, rule, repeats):
    world = world_with(window=window, category_window=window, quit_rule=rule, repeats=repeats)

    def play() -> list[tuple[object, ...]]:
        env = UserEnv(world)
        observation, _ = env.reset(seed=seed)
        steps: list[tuple[object, ...]] = [(observation["user"],)]
        for item in items:
            observation, reward, terminated, truncated, info = env.step(item)
            assert env.observation_space.contains(observation)
            assert reward in (1, 2, 3, 4, 5)
            assert terminated == REASONS[info["reason"]].left
            assert truncated == (info["reason"] == "horizon")
            steps.append((observation["recent"].tolist(), reward, terminated, truncated, *ending(info)))
            if terminated or truncated:
                break
        assert terminated or truncated
        return steps

    assert play() == play()


@settings(max_examples=40, deadline=None)
@given(EPISODES, st.integers(0, 3), st.sampled_from(RULES), st.booleans(), st.data())
def test_a_clone_goes_on_from_where_it_was_taken_and_by_itself(items, back, rule, repeats, data):
    env = UserEnv(lenient(window=2, quit_rule=rule, category_limit=5, repeats=repeats))
    env.reset(seed=data.draw(st.integers(0, 99)))
    seen = [env.step(items[0])]
    for item in items[1:]:
        if seen[-1][2] or seen[-1][3]:
            break
        seen.append(env.step(item))
    back = min(back, len(seen))
    before, number = env.np_random.bit_generator.state, len(seen) - back
    fork = env.clone(back)
    for item, known in zip(items[number : len(seen)], seen[number:], strict=True):
        again = fork.step(item)
        for mine, theirs in zip(again, known, strict=True):
            assert gymnasium.utils.env_checker.data_equivalence(mine, theirs, exact=True)
    # What the fork does since leaves the original where it was, and the other way round.
    assert fork.reset()[0]["user"] in env.world.users
    assert env.np_random.bit_generator.state == before
    twin = env.clone()
    assert [twin.reset()[0]["user"] for _ in range(5)] == [env.reset()[0]["user"] for _ in range(5)]


def test_a_clone_one_step_back_answers_what_another_item_would_have_brought():
    env = UserEnv(lenient(window=4))
    env.reset(seed=0)
    env.step(5)
    assert env.step(5)[2]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.clone().step(6)
    fork = env.clone(back=1)
    observation, _, terminated, _, _ = fork.step(6)
    assert not terminated
    assert observation["recent"].tolist() == [-1] * 8 + [5, 6]
    with pytest.raises(BadInputError, match="has 2 steps and cannot go 3 back"):
        env.clone(back=3)
