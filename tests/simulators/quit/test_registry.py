"""The registry lists what the settings may name, and every rule answers one user as it answers many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.settings import SimulatorSettings
from billp.simulators.env.episode_arrays import Episodes
from billp.simulators.env.step import respond
from billp.simulators.quit.reasons import LOW_REWARD
from billp.simulators.quit.registry import REASON_NAMES, REASONS, RULES, code_of, rule_words
from tests.simulators.changed_worlds import RULES as NAMES
from tests.simulators.changed_worlds import lenient, world_with


def test_settings_and_registry_know_the_same_rules():
    assert all(name == rule.name for name, rule in RULES.items())
    named = {name for rule in RULES.values() for name in (rule.window, *rule.parameters)}
    assert named <= set(SimulatorSettings.model_fields)


def test_every_reason_is_told_apart_and_has_its_words():
    assert REASON_NAMES[0] == ""
    assert len({reason.brief for reason in REASONS.values()}) == len(REASONS), "two reasons have the same brief words"
    assert len({reason.words for reason in REASONS.values()}) == len(REASONS), "two reasons have the same words"
    for rule in RULES.values():
        assert REASONS[rule.reason.name] == rule.reason, "two rules describe one reason differently"
        assert rule.reason.left
        assert rule.reason.words.startswith("left: ")


EPISODES = st.lists(st.integers(0, 59), min_size=1, max_size=12)


@pytest.mark.parametrize("name", NAMES)
@given(episodes=st.lists(EPISODES, min_size=1, max_size=5), window=st.integers(0, 5), repeats=st.booleans())
@settings(max_examples=25, deadline=None)
def test_many_users_are_answered_as_each_alone(name, episodes, window, repeats):
    world = world_with(quit_rule=name, repeats=repeats, **{RULES[name].window: window})
    users = world.users[np.arange(len(episodes)) * 7 % len(world.users)]
    together, shown = Episodes(world, users), [list[int]() for _ in episodes]
    for step in range(max(map(len, episodes))):
        rows = np.array([row for row, items in enumerate(episodes) if step < len(items)])
        items = np.array([episodes[row][step] for row in rows])
        catalogue = np.arange(world.n_items)
        asked = np.broadcast_to(catalogue, (len(rows), world.n_items))
        ratings = np.array([world.judged(world.rated(int(user), catalogue)) for user in users[rows]])
        keeps = together.judge(rows, asked, ratings, together.repeated(rows, asked)).stays
        answers = together.step(rows, items)
        for at, row in enumerate(rows):
            user, item = int(users[row]), int(items[at])
            alone = respond(world, user, shown[row], item)
            assert alone.reason == REASON_NAMES[answers.reasons[at]]
            assert (alone.reward, alone.too_close_to) == (answers.rewards[at], answers.too_close_to[at])
            assert (alone.too_close_to >= 0) == bool(REASONS[alone.reason].earlier)
            assert keeps[at].tolist() == world.would_keep(user, shown[row], catalogue).tolist()
            assert keeps[at][item] == (alone.reason in ("", "horizon"))
            shown[row].append(item)


@pytest.mark.parametrize("name", NAMES)
def test_asking_changes_nothing(name):
    world = world_with(quit_rule=name)
    user, shown = int(world.users[0]), [3, 9, 4]
    first = respond(world, user, shown, 5)
    world.would_keep(user, shown, range(world.n_items))
    respond(world, int(world.users[1]), [5, 5], 5)
    assert respond(world, user, shown, 5) == first


@pytest.mark.parametrize("name", [name for name in NAMES if np.isfinite(world_with(quit_rule=name).rule.min_rating)])
def test_the_rules_own_reason_is_named_before_a_low_reward(name):
    world = lenient(quit_rule=name, window=4, category_window=4, category_limit=0)
    user = np.asarray([int(world.users[0])])
    item = np.flatnonzero(world.categories.any(axis=1))[:1]
    for shown, reason in (([], LOW_REWARD), ([int(item[0])] * 4, RULES[name].reason)):
        past = world.past(int(user[0]), shown)
        ratings = np.asarray([world.rule.min_rating - 0.5], dtype=np.float32)
        verdicts = world.judge(user, past, item, ratings, np.asarray([False]))
        assert verdicts.reasons.tolist() == [code_of(reason)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "quit rule distance (window 4) on ratings before rounding, rewards in whole stars"),
        (
            {"quit_rule": "category-window", "repeats": False, "judgement_rounding": "stars"},
            "quit rule category-window (window 5, category limit 2, no repeats) on ratings in whole stars, "
            "rewards in whole stars",
        ),
        (
            {"quit_rule": "patience", "window": 2, "reward_rounding": "none"},
            "quit rule patience (window 2, patience 4, patience cost 2, patience restore 0.5) on ratings before "
            "rounding, rewards in unrounded ratings",
        ),
    ],
)
def test_a_rule_is_put_in_words_for_captions(changes, words):
    assert rule_words(SimulatorSettings.model_validate(changes)) == words
