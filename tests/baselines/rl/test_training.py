"""Every method learns in a world whose best policy is known, the same with the same seed, broken off or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billp.baselines.rl.algorithms.agent import uniform_items
from billp.baselines.rl.algorithms.checkpoint import FILE
from billp.baselines.rl.policy import WEIGHTS, load_policy
from billp.errors import ArtifactError
from billp.graphs.recommending import observation
from billp.simulators.data.dataset import file_digest
from tests.baselines.rl.classroom import random_r_traj, toy_room, trained
from tests.fakes.toy import BEST

LEAST = {"a2c": 0.75, "ppo": 0.75, "dqn": 0.75, "bcq": 0.75, "sqn": 0.75, "cql": 0.45, "crr": 0.45, "dorl": 0.38}
"""Share of the best policy's stars that a method reaches in seconds; chance reaches 0.35.

DORL gets little further: its world is made of logs, and in no log does it say that users leave when bored.
"""


@pytest.mark.parametrize("method", ["dqn", "a2c", "ppo", "bcq", "cql", "crr", "sqn", "dorl"])
def test_every_method_beats_chance_where_that_is_possible(method: str, tmp_path: Path):
    given: dict[str, Any] = {"entropy": 0.2} if method == "dorl" else {}
    record = trained(method, tmp_path / "run", **given)

    assert 0.3 * BEST < random_r_traj() < 0.37 * BEST
    assert record.curve[-1].train_users.r_traj >= LEAST[method] * BEST
    assert len(record.curve) == 6
    assert [point.steps for point in record.curve] == sorted({point.steps for point in record.curve})


@pytest.mark.parametrize("method", ["dqn", "a2c", "sqn"])
def test_a_training_that_was_broken_off_ends_like_an_unbroken_one_and_seeds_matter(method: str, tmp_path: Path):
    short: dict[str, Any] = {"epochs": 3, "rounds": 3, "updates": 10}
    whole = trained(method, tmp_path / "whole", **short)

    class Killed(Exception):
        pass

    def kill(share: float) -> None:
        if share > 0.5:
            raise Killed

    with pytest.raises(Killed):
        trained(method, tmp_path / "cut", on_progress=kill, **short)
    assert (tmp_path / "cut" / FILE).is_file()
    resumed = trained(method, tmp_path / "cut", **short)

    weights = file_digest(tmp_path / "whole/policy" / WEIGHTS)
    assert file_digest(tmp_path / "cut/policy" / WEIGHTS) == weights
    assert [point.train_users for point in resumed.curve] == [point.train_users for point in whole.curve]
    assert [point.losses for point in resumed.curve] == [point.losses for point in whole.curve]
    assert not (tmp_path / "cut" / FILE).exists(), "a checkpoint is no longer needed"
    trained(method, tmp_path / "other", seed=1, **short)
    assert file_digest(tmp_path / "other/policy" / WEIGHTS) != weights


def test_a_damaged_checkpoint_is_refused_in_a_sentence(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"no checkpoint")
    with pytest.raises(ArtifactError, match="remove it to start again"):
        trained("dqn", tmp_path, epochs=1)


def test_scalars_go_to_tensorboard(tmp_path: Path):
    record = trained("bcq", tmp_path, epochs=2, updates=5)

    assert list((tmp_path / "tensorboard").glob("events.*"))
    assert record.curve[0].losses.keys() >= {"q_loss", "i_loss"}


def test_with_the_tracker_over_sequences_it_learns_too(tmp_path: Path):
    record = trained("a2c", tmp_path, tracker="gru")
    assert record.curve[-1].train_users.r_traj > 1.5 * random_r_traj()


def test_a_stored_policy_recommends_nothing_twice_and_only_what_is_not_masked(tmp_path: Path):
    trained("dqn", tmp_path, epochs=1, rounds=1, updates=2)
    policy = load_policy(tmp_path / "policy", toy_room().dataset, "dqn")

    last = observation([1, 2], [3], [5.0], range(19), n_items=20, seed=0)
    assert policy.choose(last).tolist() == [19]
    fresh, again = (observation([], [], [], (), n_items=20, seed=seed) for seed in (0, 1))
    assert policy.choose(fresh).tolist() == policy.choose(again).tolist(), "the best is the best"


def test_exploration_ends_where_everything_was_shown():
    shown = np.array([[1, 2, 3, 1, 1, 1], [1, 0, 0, 1, 0, 0]], dtype=np.int32)
    drawn = uniform_items(np.random.default_rng(0), np.tile(shown, (50, 1)), 3, True)
    assert set(drawn[0::2].tolist()) == {0, 1, 2}, "any of them, for none is left"
    assert set(drawn[1::2].tolist()) == {1, 2}
