"""Visits over weeks, from how a method's episodes ended and how content they left their users."""

from __future__ import annotations

import numpy as np
import pytest

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.beyond_accuracy import conduct_of, visits_of
from billp.simulators.env.visits import ReturnModel, expected_visits
from tests.experiments.examples import failed, finished
from tests.fakes.dependencies import fake_dependencies

SERVICES = fake_dependencies()
DATASET, WORLDS = SERVICES.dataset, SERVICES.worlds
ONE, OTHER = (DATASET.user_keys[int(user)] for user in WORLDS.test.users[:2])


def episode(user: str, *rewards: float, ended: str = "low_reward", split: str = "test") -> EpisodeLine:
    return finished("e", *rewards, user=user, ended=ended).model_copy(update={"split": split})


def test_visits_follow_from_a_users_own_episodes():
    lines = [episode(ONE, 4, 2), episode(ONE, 5, ended="horizon"), failed("x", user=OTHER)]
    usual = WORLDS.test.usual(np.array([DATASET.user_index(ONE)]))[0]
    chances = ReturnModel().chances(np.array([3, 5]) - usual, np.array([True, False]))
    assert visits_of(lines, DATASET, WORLDS) == {ONE: pytest.approx(expected_visits([chances], 30)[0])}


def test_better_and_unfinished_episodes_bring_more_visits_and_a_longer_time_too():
    good, bad = ([episode(ONE, *[stars] * 3)] for stars in (5, 1))
    stayed = [episode(ONE, 5, 5, 5, ended="horizon")]
    month = [visits_of(lines, DATASET, WORLDS)[ONE] for lines in (bad, good, stayed)]
    assert 3 < month[0] < month[1] < month[2] < 30
    assert visits_of(good, DATASET, WORLDS, days=60)[ONE] > 1.9 * month[1]


def test_the_world_is_that_of_the_users_split():
    user = DATASET.user_keys[int(WORLDS.train.users[0])]
    assert visits_of([episode(user, 3, split="train")], DATASET, WORLDS).keys() == {user}


def test_conduct_has_the_mean_over_users():
    lines = [episode(ONE, 4, 4), episode(OTHER, 2, 2)]
    assert conduct_of(lines, SERVICES).visits == pytest.approx(np.mean([*visits_of(lines, DATASET, WORLDS).values()]))
