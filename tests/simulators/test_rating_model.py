"""The rating model and its fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catalogue import Catalogue, Item
from errors import DataError
from simulators.accuracy import measure
from simulators.fitting import fit
from simulators.rating_model import BiasedFactorisation, Logs
from tests.fakes.worlds import TINY, tiny_dataset

RNG = np.random.default_rng(0)
PARAMETERS: dict[str, NDArray[np.float64]] = {
    "mean": np.array(3.5),
    "user_bias": RNG.normal(size=3),
    "item_bias": RNG.normal(size=5),
    "user_factors": RNG.normal(size=(3, 2)),
    "item_vectors": RNG.normal(size=(5, 2)),
}


def logs_of(dataset) -> Logs:
    return Logs(dataset.users, dataset.items, dataset.ratings)


def test_predicts_mean_biases_and_product():
    model = BiasedFactorisation.from_parameters(PARAMETERS)
    users, items = np.array([2, 0]), np.array([4, 1])
    p = PARAMETERS
    expected = [
        p["mean"] + p["user_bias"][u] + p["item_bias"][i] + p["user_factors"][u] @ p["item_vectors"][i]
        for u, i in zip(users, items, strict=True)
    ]
    assert model.predict(users, items) == pytest.approx(expected, rel=1e-5)
    assert model.predict(users, items).dtype == np.float32


def test_parameters_give_the_model_back():
    model = BiasedFactorisation.from_parameters(PARAMETERS)
    again = BiasedFactorisation.from_parameters(model.parameters())
    assert all(np.array_equal(getattr(model, name), getattr(again, name)) for name in PARAMETERS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("user_bias", np.zeros(4)), ("item_vectors", np.zeros((5, 3))), ("mean", np.zeros(1)), ("item_bias", np.zeros(4))],
)
def test_refuses_parameters_that_do_not_fit_together(name, value):
    with pytest.raises(ValueError, match="do not fit together"):
        BiasedFactorisation.from_parameters(PARAMETERS | {name: value})


def test_refuses_parameters_that_are_no_numbers():
    with pytest.raises(ValueError, match="finite"):
        BiasedFactorisation.from_parameters(PARAMETERS | {"mean": np.array(np.nan)})


def test_beats_item_mean_and_global_mean_and_tells_how_far_it_is():
    dataset = tiny_dataset(users=120)
    shares: list[float] = []
    settings = TINY.model_copy(update={"epochs": 30})
    _, accuracy = fit(logs_of(dataset), 120, dataset.catalogue, settings, shares.append)
    assert accuracy.rmse < 0.9 * accuracy.rmse_item_mean < accuracy.rmse_global_mean
    assert accuracy.mae <= accuracy.rmse
    assert accuracy.rows == 180
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_seed_decides_and_the_callers_torch_is_left_alone(monkeypatch):
    dataset = tiny_dataset()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    state = torch.random.get_rng_state()
    first, _ = fit(logs_of(dataset), 40, dataset.catalogue, TINY)
    second, _ = fit(logs_of(dataset), 40, dataset.catalogue, TINY)
    other, _ = fit(logs_of(dataset), 40, dataset.catalogue, TINY.model_copy(update={"seed": 1}))
    for name, values in first.parameters().items():
        assert np.array_equal(values, second.parameters()[name]), name
    assert not np.array_equal(first.item_vectors, other.item_vectors)
    assert asked == [1, 7] * 3, "one thread while fitting, then as before"
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_item_nobody_rated_lies_where_its_categories_are():
    dataset = tiny_dataset(users=120)
    single = next(item for item in dataset.catalogue if len(item.categories) == 1)
    items = (*dataset.catalogue, Item(60, "new", "New film", single.categories), Item(61, "bare", "No category"))
    model, _ = fit(logs_of(dataset), 120, Catalogue("tiny", items), TINY.model_copy(update={"epochs": 30}))
    apart = np.linalg.norm(model.item_vectors - model.item_vectors[60], axis=1)
    alike = [item.index for item in dataset.catalogue if item.categories == single.categories]
    unlike = [item.index for item in dataset.catalogue if single.categories[0] not in item.categories]
    assert apart[alike].mean() < 0.7 * apart[unlike].mean()
    assert np.linalg.norm(model.item_vectors[61]) < 0.5 * np.linalg.norm(model.item_vectors[alike], axis=1).mean()


def test_a_catalogue_without_categories_can_be_fitted():
    dataset = tiny_dataset()
    bare = Catalogue("bare", tuple(Item(item.index, item.key, item.title) for item in dataset.catalogue))
    model, _ = fit(logs_of(dataset), 40, bare, TINY)
    assert model.item_vectors.shape == (60, 4)


def test_refuses_to_fit_to_next_to_nothing():
    dataset = tiny_dataset()
    with pytest.raises(DataError, match="19 ratings are too few"):
        fit(logs_of(dataset).at(np.arange(19)), 40, dataset.catalogue, TINY)


def test_accuracy_by_hand():
    zeros = {name: np.zeros_like(value) for name, value in PARAMETERS.items()} | {"mean": np.array(7.0)}
    training = Logs(np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([1, 3, 5], dtype=np.float32))
    validation = Logs(np.array([0, 1, 2]), np.array([0, 4, 1]), np.array([2, 5, 5], dtype=np.float32))
    accuracy = measure(BiasedFactorisation.from_parameters(zeros), training, validation)
    assert accuracy.rmse == pytest.approx(np.sqrt(3)), "7 is clipped to 5: errors 3, 0 and 0"
    assert accuracy.mae == pytest.approx(1)
    assert accuracy.rmse_item_mean == pytest.approx(np.sqrt(4 / 3)), "the means are 2 and 5; item 4 has that of all, 3"
    assert accuracy.rmse_global_mean == pytest.approx(np.sqrt(3))
