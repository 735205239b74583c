"""No method learns anything of a test user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import billp.experiments.policies.policy_training
from billp.baselines.rl.hyperparameters import Hyperparameters
from billp.experiments.policies.policy_training import train_method
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.baselines.rl.classroom import small
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.embedder import HashEmbedder


@pytest.mark.parametrize("method", ["bcq", "a2c", "dorl"])
def test_other_logs_of_test_users_and_no_test_world_give_the_same_policy(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def few(method: str, epochs: int | None) -> Hyperparameters:
        return small(method, epochs=1, rounds=2, updates=5)

    monkeypatch.setattr(billp.experiments.policies.policy_training, "hyperparameters_of", few)
    resources = Resources(load_settings({"data_dir": tmp_path}), embedder=HashEmbedder())
    deps = fake_dependencies()
    test = np.isin(deps.dataset.users, deps.worlds.test.users)
    items = np.where(test, (deps.dataset.items + 7) % 60, deps.dataset.items).astype(np.int32)
    changed = replace(deps.dataset, items=items, ratings=np.where(test, 1, deps.dataset.ratings))
    worlds = replace(deps.worlds, test=deps.worlds.train)

    shas = [
        train_method(
            resources,
            given,
            method=method,
            epochs=None,
            seed=0,
            run=tmp_path / str(number),
            resume=False,
            on_progress=lambda _: None,
            held_out=True,
        ).record.sha256
        for number, given in enumerate([deps, replace(deps, dataset=changed, worlds=worlds)])
    ]

    assert shas[0] == shas[1]
