"""Reward and judgement: one predicted rating, rounded or not, each by a setting of its own."""

from __future__ import annotations

import numpy as np
import pytest

from billp.experiments.runs.configured_folder import completed
from billp.settings import SimulatorSettings
from billp.simulators.env.artifacts import RECORD, load_worlds, save_worlds
from billp.simulators.env.step import respond
from billp.simulators.env.world import World
from tests.fakes.worlds import tiny_worlds
from tests.simulators.changed_worlds import world_with


def between(world: World, low: float, high: float) -> tuple[int, int]:
    """A user and an item whose predicted rating lies there."""
    pairs = np.array([(user, item) for user in world.users for item in range(world.n_items)])
    ratings = world.ratings(pairs[:, 0], pairs[:, 1])
    user, item = pairs[np.flatnonzero((ratings > low) & (ratings < high))[0]]
    return int(user), int(item)


@pytest.mark.parametrize(
    ("judgement", "low", "high", "reason"),
    [
        ("none", 2.5, 3.0, "low_reward"),  # three whole stars are paid, and yet it was rated below three
        ("none", 3.0, 3.5, ""),
        ("stars", 2.5, 3.0, ""),
        ("stars", 2.0, 2.5, "low_reward"),
    ],
)
def test_the_rule_judges_the_rating_as_the_settings_round_it(judgement, low, high, reason):
    world = world_with(beta=0.0, min_reward=3.0, judgement_rounding=judgement)
    user, item = between(world, low, high)
    answer = respond(world, user, [], item)
    assert (answer.reason, answer.reward) == (reason, np.floor(world.rated(user, [item])[0] + 0.5))
    assert world.would_keep(user, [], [item])[0] == (reason == "")


def test_by_default_whole_stars_are_paid_and_the_rating_itself_is_judged():
    settings = SimulatorSettings()
    assert (settings.reward_rounding, settings.judgement_rounding) == ("stars", "none")


def test_a_reward_may_be_the_rating_itself():
    world = world_with(reward_rounding="none")
    user = int(world.users[0])
    ratings = world.rated(user, range(world.n_items))
    assert (ratings % 1 != 0).any()
    assert world.reward(user, range(world.n_items)).tolist() == ratings.tolist()
    assert respond(world, user, [], 3).reward == ratings[3]


def test_a_simulator_of_before_these_settings_is_judged_by_their_defaults(tmp_path):
    folder = tmp_path / "tiny"
    save_worlds(folder, tiny_worlds())
    record = (folder / RECORD).read_text()
    for line in ('    "reward_rounding": "stars",\n', '    "judgement_rounding": "none",\n'):
        assert line in record
        record = record.replace(line, "")
    (folder / RECORD).write_text(record)
    assert load_worlds(folder).train.settings == tiny_worlds().train.settings


def test_a_run_of_before_these_settings_was_judged_by_whole_stars():
    assert completed({"simulator": {"window": 4}})["simulator"]["judgement_rounding"] == "stars"
    assert completed({"simulator": {"judgement_rounding": "none"}})["simulator"]["judgement_rounding"] == "none"
    assert completed({})["simulator"]["judgement_rounding"] == "none"
