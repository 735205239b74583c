"""No method learns anything of a test user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import billp.experiments.baselines.runs
from billp.experiments.baselines.hyperparameters import Hyperparameters
from billp.experiments.baselines.runs import train_method
from billp.graphs.workshop import Workshop
from billp.settings import load_settings
from tests.experiments.baselines.classroom import small
from tests.fakes.embedder import HashEmbedder
from tests.fakes.services import fake_services


@pytest.mark.parametrize("method", ["bcq", "a2c", "dorl"])
def test_other_logs_of_test_users_and_no_test_world_give_the_same_policy(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def few(method: str, epochs: int | None) -> Hyperparameters:
        return small(method, epochs=1, rounds=2, updates=5)

    monkeypatch.setattr(billp.experiments.baselines.runs, "hyperparameters_of", few)
    workshop = Workshop(load_settings({"data_dir": tmp_path}), embedder=HashEmbedder())
    services = fake_services()
    test = np.isin(services.dataset.users, services.worlds.test.users)
    items = np.where(test, (services.dataset.items + 7) % 60, services.dataset.items).astype(np.int32)
    changed = replace(services.dataset, items=items, ratings=np.where(test, 1, services.dataset.ratings))
    worlds = replace(services.worlds, test=services.worlds.train)

    shas = [
        train_method(
            workshop,
            given,
            method=method,
            epochs=None,
            seed=0,
            run=tmp_path / str(number),
            resume=False,
            on_progress=lambda _: None,
            held_out=True,
        ).record.sha256
        for number, given in enumerate([services, replace(services, dataset=changed, worlds=worlds)])
    ]

    assert shas[0] == shas[1]
