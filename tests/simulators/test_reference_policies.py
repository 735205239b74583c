"""Policies that do not learn, against episodes played one step at a time."""

from __future__ import annotations

import numpy as np
import pytest

from billp.simulators.env.single import UserEnv
from billp.simulators.env.world import World
from billp.simulators.reference_policies import Outcome, policy_outcomes, policy_users
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.simulators.changed_worlds import RULES, lenient, world_with


def popularity(world: World) -> np.ndarray:
    return tiny_dataset().popularity(world.users)


def played(world: World, users: list[int], policy: str) -> Outcome:
    """The means of episodes in which every step looks at the whole catalogue."""
    counts = popularity(world)
    rows = []
    for user in users:
        env = UserEnv(world)
        env.reset(options={"user": user})
        shown: list[int] = []
        rewards: list[float] = []
        ended = False
        while not ended:
            free = [item for item in range(world.n_items) if item not in shown]
            stars = dict(zip(free, world.reward(user, free).tolist(), strict=True))
            keeps = dict(zip(free, world.would_keep(user, shown, free).tolist(), strict=True))
            worths: dict[str, list[tuple[float, ...]]] = {
                "popular": [(counts[item], -item) for item in free],
                "greedy": [(stars[item], -item) for item in free],
                "oracle": [(keeps[item], stars[item], -item) for item in free],
            }
            item = free[worths[policy].index(max(worths[policy]))]
            _, reward, terminated, truncated, _ = env.step(item)
            shown.append(item)
            rewards.append(float(reward))
            ended = terminated or truncated
        rows.append((len(rewards), sum(rewards) / len(rewards), sum(rewards)))
    means = np.mean(rows, axis=0)
    return Outcome(*(float(mean) for mean in means))


@pytest.mark.parametrize("policy", ["popular", "greedy", "oracle"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("wide", [False, True])
def test_a_policy_is_what_its_description_says(policy, rule, wide):
    # Wide windows and few stars allowed: often nothing keeps the user, and the oracle has to look further.
    world = world_with(quit_rule=rule)
    if wide:
        world = world_with(quit_rule=rule, window=9, category_window=9, category_limit=2, min_reward=4.0)
    users = policy_users(world)
    found = policy_outcomes(world, popularity(world), users)[policy]
    expected = played(world, users, policy)
    assert (found.len, found.r_each, found.r_traj) == pytest.approx((expected.len, expected.r_each, expected.r_traj))


def test_blocks_of_users_change_nothing(monkeypatch):
    world = tiny_worlds().test
    together = policy_outcomes(world, popularity(world), policy_users(world))
    monkeypatch.setattr("billp.simulators.reference_policies._RANKED", 150)
    assert policy_outcomes(world, popularity(world), policy_users(world)) == together


def test_nobody_outlasts_the_oracle_of_patient_users():
    world = lenient(window=2)
    outcomes = policy_outcomes(world, popularity(world), policy_users(world))
    assert {outcome.len for outcome in outcomes.values()} == {world.horizon}
    assert outcomes["oracle"].r_traj == outcomes["greedy"].r_traj
    assert outcomes["greedy"].r_traj > max(outcomes["random"].r_traj, outcomes["popular"].r_traj)


def test_a_catalogue_shorter_than_the_horizon_starts_over():
    world = lenient(window=2, horizon=130)
    outcomes = policy_outcomes(world, popularity(world), policy_users(world))
    assert {outcome.len for outcome in outcomes.values()} == {130.0}


def test_random_draws_by_the_seed_without_repeats():
    world = world_with(repeats=False, beta=0.0, min_reward=0.0, horizon=60)
    outcomes = policy_outcomes(world, popularity(world), policy_users(world))
    assert outcomes["random"].len == 60
    assert outcomes == policy_outcomes(world, popularity(world), policy_users(world))
    assert policy_users(world) == policy_users(tiny_worlds().train)
    assert len(policy_users(world)) == 30
