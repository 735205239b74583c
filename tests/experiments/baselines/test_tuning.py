"""The candidates of a search, and that nothing of a test user decides between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import experiments.baselines.tuning
from experiments.baselines.hyperparameters import (
    FOLDER,
    Hyperparameters,
    hyperparameters_of,
    read_hyperparameters,
    search_space_of,
)
from experiments.baselines.tuning import candidates, tune
from graphs.services import Services
from graphs.workshop import Workshop
from settings import load_settings
from tests.experiments.baselines.classroom import small
from tests.fakes.embedder import HashEmbedder
from tests.fakes.services import fake_services

METHODS = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("method", METHODS)
def test_every_value_to_try_is_one_that_the_method_takes(method: str):
    plain = hyperparameters_of(method).model_dump()
    space = search_space_of(method)
    for name, values in space.items():
        assert name in plain
        assert len(set(values)) == len(values) > 1
        for value in values:
            read_hyperparameters(method, {**plain, name: value})


def test_candidates_begin_with_the_file_and_repeat_nothing():
    space: dict[str, list[int | float | str]] = {"a": [1, 2.5], "b": ["x", "y", "z"]}
    found = candidates(space, 5, seed=0)
    assert found[0] == {}
    assert len(found) == 5 == len({tuple(changes.items()) for changes in found})
    assert candidates(space, 5, seed=0) == found != candidates(space, 5, seed=1)
    assert len(candidates(space, 100, seed=0)) == 7


def test_a_search_sees_nothing_of_test_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def few(method: str, epochs: int | None) -> Hyperparameters:
        return small(method, epochs=2, rounds=2, updates=5)

    monkeypatch.setattr(experiments.baselines.tuning, "hyperparameters_of", few)
    services = fake_services()
    test = np.isin(services.dataset.users, services.worlds.test.users)
    items = np.where(test, (services.dataset.items + 7) % 60, services.dataset.items).astype(np.int32)
    changed = replace(services.dataset, items=items, ratings=np.where(test, 1, services.dataset.ratings))
    worlds = replace(services.worlds, test=services.worlds.train)

    def searched(given: Services, name: str) -> list[tuple[object, ...]]:
        workshop = Workshop(load_settings({"data_dir": tmp_path}), embedder=HashEmbedder())
        found = tune(
            workshop, given, method="bcq", trials=2, epochs=None, seed=0, run=tmp_path / name, resume=False,
            on_progress=lambda _: None,
        )  # fmt: skip
        return [(trial.changes, trial.epoch, trial.held_out, trial.last) for trial in found]

    assert searched(services, "a") == searched(replace(services, dataset=changed, worlds=worlds), "b")
