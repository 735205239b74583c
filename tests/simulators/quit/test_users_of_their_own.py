"""The rules with users of their own (personal, patience, satiation), against references written down once more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.simulators.env.episode_arrays import Episodes
from billp.simulators.env.world import World
from billp.simulators.quit.patience import PatienceRule
from billp.simulators.quit.personal import PersonalRule
from billp.simulators.quit.registry import REASON_NAMES
from billp.simulators.quit.satiation import SatiationRule
from tests.simulators.changed_worlds import world_with

EPISODES = st.lists(st.integers(0, 59), min_size=1, max_size=12)
USERS = st.integers(0, 29)


def reasons(world: World, user: int, episode: list[int]) -> list[str]:
    """Why the user would leave at each step, had he stayed until then."""
    episodes = Episodes(world, np.array([user]))
    answers = [episodes.step(np.array([0]), np.array([item])) for item in episode]
    return [REASON_NAMES[answer.reasons[0]] for answer in answers]


def close(world: World, item: int, recent: list[int], beta: float) -> bool:
    apart = [float(np.linalg.norm(world.vectors[item].astype(float) - world.vectors[other])) for other in recent]
    return item in recent or any(distance < beta for distance in apart)


@given(EPISODES, USERS, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_personal_is_distance_with_what_the_seed_gave_the_user(episode, row, window):
    world = world_with(quit_rule="personal", personal_window=window, min_reward=0.0, horizon=99)
    rule, user = world.rule, int(world.users[row])
    assert isinstance(rule, PersonalRule)
    width, beta = int(rule.windows[user]), float(rule.tolerances[user])
    assert 1 <= width <= window
    expected = [close(world, item, episode[max(0, at - width) : at], beta) for at, item in enumerate(episode)]
    assert reasons(world, user, episode) == ["too_close" if bored else "" for bored in expected]


@given(EPISODES, USERS, st.integers(0, 4), st.sampled_from([0.5, 1.0, 3.0]))
@settings(max_examples=40, deadline=None)
def test_patience_is_used_up_by_bad_and_similar_steps_and_restored_by_good_ones(episode, row, window, budget):
    world = world_with(quit_rule="patience", window=window, patience=budget, patience_cost=0.75, horizon=99)
    user = int(world.users[row])
    usual = float(world.usual(np.array([user]))[0])
    left, expected = budget, []
    for at, item in enumerate(episode):
        rating = float(world.rated(user, [item])[0])
        change = min(max(rating - usual, -2), world.settings.patience_restore)
        if close(world, item, episode[max(0, at - window) : at], world.beta):
            change = -0.75
        left = min(left + change, budget)
        expected.append("patience" if left <= 1e-12 else "")
    assert reasons(world, user, episode) == expected


@given(EPISODES, USERS, st.integers(1, 4), st.sampled_from([0.0, 0.5]))
@settings(max_examples=40, deadline=None)
def test_satiation_falls_with_exposure_recovers_and_decides_by_the_recent_mean(episode, row, recent, decay):
    world = world_with(
        quit_rule="satiation", satiation_window=recent, satiation_decay=decay, satiation_tolerance=0.5, horizon=99
    )
    rule, user = world.rule, int(world.users[row])
    assert isinstance(rule, SatiationRule)
    usual = float(world.usual(np.array([user]))[0])
    bits = [{bit for bit in range(64) if int(word) >> bit & 1} for (word,) in world.categories.tolist()]
    likings, expected = [usual] * recent, []
    for at, item in enumerate(episode):
        exposure = 0.0
        for back in range(1, at + 1):
            earlier = episode[at - back]
            share = 1.0 if earlier == item else len(bits[item] & bits[earlier]) / max(1, len(bits[item]))
            exposure += decay**back * share
        likings.append(float(world.rated(user, [item])[0]) - world.settings.satiation_strength * exposure)
        mean = sum(likings[-recent:]) / recent
        expected.append("satiation" if mean < usual - rule.tolerances[user] else "")
    assert reasons(world, user, episode) == expected


@pytest.mark.parametrize("name", ["personal", "satiation"])
def test_users_differ_and_the_seed_says_how(name):
    def drawn(seed: int) -> np.ndarray:
        rule = world_with(quit_rule=name, seed=seed).rule
        assert isinstance(rule, PersonalRule | SatiationRule)
        return rule.tolerances

    assert len(np.unique(drawn(0))) == 40
    assert np.array_equal(drawn(0), drawn(0))
    assert not np.array_equal(drawn(0), drawn(1))


def test_what_a_user_rates_usually_is_worked_out_once_and_is_his_mean():
    world = world_with(quit_rule="patience")
    users = world.users[[3, 1, 3]].astype(np.int64)
    first = world.usual(users)
    assert first[0] == first[2] != first[1]
    assert np.array_equal(world.usual(users[:, None])[:, 0], first)
    assert abs(first[0] - world.rated(int(users[0]), range(world.n_items)).mean()) < 0.5


def test_a_budget_is_never_above_what_it_was_at_the_start():
    world = world_with(quit_rule="patience", window=0, patience=0.5, patience_restore=5.0, horizon=99)
    assert isinstance(world.rule, PatienceRule)
    user = int(world.users[0])
    usual = float(world.usual(np.array([user]))[0])
    ratings = world.rated(user, range(world.n_items))
    good = [int(item) for item in np.argsort(-ratings)[:5]]
    bad = int(np.argmin(ratings))
    assert usual - ratings[bad] > 0.5, "one bad item uses the whole budget up"
    assert reasons(world, user, [*good, bad]) == [""] * 5 + ["patience"]
