"""The candidates of a search, and that nothing of a test user decides between them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import billp.baselines.rl.hyperparameters
import billp.experiments.policies.policy_tuning
from billp.baselines.rl.hyperparameters import (
    FOLDER,
    Hyperparameters,
    hyperparameters_of,
    read_hyperparameters,
    search_space_of,
)
from billp.errors import ArtifactError, SettingsError
from billp.experiments.policies.policy_tuning import Trial, candidates, tune
from billp.graphs.dependencies import Dependencies
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.baselines.rl.classroom import small
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.embedder import HashEmbedder

METHODS = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("method", METHODS)
def test_every_value_to_try_is_one_that_the_method_takes(method: str):
    plain = hyperparameters_of(method).model_dump()
    for name, values in search_space_of(method).values.items():
        assert name in plain
        assert len(set(values)) == len(values) > 1
        for value in values:
            read_hyperparameters(method, {**plain, name: value})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("recent = 5", "recent = 0", "dqn.toml: recent must be at least 1, not 0; correct it."),
        ("recent = 5", "recent = ", "dqn.toml cannot be read (Invalid value"),
        ("discount = [", "discounts = [", "dqn.toml: discounts is no name that is known here; correct it."),
        ("discount = [", "discount = [2, ", "dqn.toml: discount must be at most 1.0, not 2; correct it."),
        ("discount = [0.5, 0.9, 0.99]", "discount = 0.5", "dqn.toml: values.discount must be a list"),
        ("[search]", "[other]", "is no name that is known here"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str
):
    text = (FOLDER / "dqn.toml").read_text()
    assert old in text
    (tmp_path / "dqn.toml").write_text(text.replace(old, new))
    monkeypatch.setattr(billp.baselines.rl.hyperparameters, "FOLDER", tmp_path)
    with pytest.raises(SettingsError, match=re.escape(words)):
        search_space_of("dqn")


def test_candidates_begin_with_the_file_and_repeat_nothing():
    base = {"a": 1, "b": "x", "c": 0}
    values: dict[str, list[int | float | str]] = {"a": [1, 2.5], "b": ["x", "y", "z"]}
    found = candidates(base, values, 4, seed=0)
    assert found[0] == {}
    assert len(found) == 4 == len({tuple(changes.items()) for changes in found})
    assert candidates(base, values, 4, seed=0) == found != candidates(base, values, 4, seed=1)
    whole = candidates(base, values, 100, seed=0)
    assert len(whole) == 6, "the file's own values are the one combination that changes nothing"
    assert {"a": 2.5} in whole
    assert {"a": 2.5, "b": "y"} in whole


def test_a_search_sees_nothing_of_test_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def few(method: str, epochs: int | None) -> Hyperparameters:
        return small(method, epochs=2, rounds=2, updates=5)

    monkeypatch.setattr(billp.experiments.policies.policy_tuning, "hyperparameters_of", few)
    deps = fake_dependencies()
    test = np.isin(deps.dataset.users, deps.worlds.test.users)
    items = np.where(test, (deps.dataset.items + 7) % 60, deps.dataset.items).astype(np.int32)
    changed = replace(deps.dataset, items=items, ratings=np.where(test, 1, deps.dataset.ratings))
    worlds = replace(deps.worlds, test=deps.worlds.train)

    def searched(given: Dependencies, name: str) -> list[tuple[object, ...]]:
        resources = Resources(load_settings({"data_dir": tmp_path}), embedder=HashEmbedder())
        found = tune(
            resources, given, method="bcq", trials=2, epochs=None, seed=0, run=tmp_path / name, resume=False,
            on_progress=lambda _: None,
        )  # fmt: skip
        return [(trial.changes, trial.epoch, trial.held_out, trial.last) for trial in found]

    assert searched(deps, "a") == searched(replace(deps, dataset=changed, worlds=worlds), "b")


def test_a_search_goes_on_where_it_was_cut_off_and_not_with_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rate = 0.01

    def few(method: str, epochs: int | None) -> Hyperparameters:
        return small(method, epochs=1, updates=1, learning_rate=rate)

    monkeypatch.setattr(billp.experiments.policies.policy_tuning, "hyperparameters_of", few)

    def search() -> list[Trial]:
        resources = Resources(load_settings({"data_dir": tmp_path}), embedder=HashEmbedder())
        return tune(
            resources, fake_dependencies(), method="sqn", trials=2, epochs=None, seed=0, run=tmp_path / "s",
            resume=True, on_progress=lambda _: None,
        )  # fmt: skip

    found = search()
    times = [(tmp_path / f"s/trial-{number}/policy/policy.json").stat().st_mtime_ns for number in range(2)]
    (tmp_path / "s/trial-1/trial.json").unlink()
    again = search()
    after = [(tmp_path / f"s/trial-{number}/policy/policy.json").stat().st_mtime_ns for number in range(2)]
    assert [(trial.changes, trial.held_out) for trial in again] == [(trial.changes, trial.held_out) for trial in found]
    assert after[0] == times[0], "what was over was trained again"
    assert after[1] > times[1]

    rate = 0.02
    with pytest.raises(ArtifactError, match=r"was made with plan\.hyperparameters\.learning_rate=0\.01"):
        search()
