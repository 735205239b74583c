"""Fitting either kind of model to made-up logs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from billp.catalogue import Catalogue, Item
from billp.errors import DataError
from billp.settings import SimulatorSettings
from billp.simulators.data.dataset import Dataset
from billp.simulators.data.features import Features, features_of
from billp.simulators.data.user_fields import UserField
from billp.simulators.progress import Progress
from billp.simulators.rating.accuracy import Accuracy
from billp.simulators.rating.base import Logs, RatingModel
from billp.simulators.rating.fitting import Fits, fit
from tests.fakes.worlds import TINY, tiny_dataset

KINDS = pytest.mark.parametrize("kind", ["deepfm", "factorisation"])


def inputs(dataset: Dataset) -> tuple[Logs, Features]:
    everybody = np.arange(len(dataset.user_keys), dtype=np.int32)
    return Logs(dataset.users, dataset.items, dataset.ratings), features_of(dataset, everybody)


def settings_for(kind: str, **changes: object) -> SimulatorSettings:
    return TINY.model_copy(update={"model": kind, **changes})


def fitted(
    logs: Logs, features: Features, settings: SimulatorSettings, progress: Progress | None = None
) -> tuple[RatingModel, Accuracy]:
    """The model of the one kind asked for, and its accuracy."""
    fits = fit(logs, features, settings, progress)
    assert settings.model != "auto"
    return fits.models[settings.model], fits.accuracies[settings.model]


@KINDS
def test_beats_item_mean_and_global_mean_and_tells_how_far_it_is(kind):
    shares: list[float] = []
    _, accuracy = fitted(*inputs(tiny_dataset(users=120)), settings_for(kind, epochs=40), shares.append)
    assert accuracy.rmse.model < 0.9 * accuracy.rmse.item_mean < accuracy.rmse.global_mean
    assert accuracy.mae.model < 0.9 * accuracy.mae.item_mean < accuracy.mae.global_mean
    assert accuracy.rows == 360, "a tenth of 3,600"
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_factorisation_is_measured_on_the_same_rows_whichever_model_is_wanted():
    _, plain = fitted(*inputs(tiny_dataset()), settings_for("factorisation"))
    _, deep = fitted(*inputs(tiny_dataset()), settings_for("deepfm"))
    assert plain.rmse.model == plain.rmse.biased_factorisation == deep.rmse.biased_factorisation != deep.rmse.model
    assert (plain.rmse.item_mean, plain.mae.global_mean) == (deep.rmse.item_mean, deep.mae.global_mean)


@KINDS
def test_the_rows_that_are_reported_take_no_part_in_the_fit(kind):
    """Ratings of those rows turned round change the errors and nothing of the model."""
    logs, features = inputs(tiny_dataset())
    reported = np.random.default_rng(TINY.seed).permutation(len(logs))[:120]
    turned = logs.ratings.copy()
    turned[reported] = 6 - turned[reported]
    model, accuracy = fitted(logs, features, settings_for(kind))
    after, worse = fitted(replace(logs, ratings=turned), features, settings_for(kind))
    for name, values in model.parameters().items():
        assert np.array_equal(values, after.parameters()[name]), name
    assert worse.rmse.model > accuracy.rmse.model


@KINDS
def test_the_seed_decides_and_the_callers_torch_is_left_alone(kind, monkeypatch):
    given = inputs(tiny_dataset())
    set_threads, before, asked = torch.set_num_threads, torch.get_num_threads(), list[int]()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)

    def ask(threads: int) -> None:
        asked.append(threads)
        set_threads(1)

    monkeypatch.setattr(torch, "set_num_threads", ask)
    state = torch.random.get_rng_state()
    first, accuracy = fitted(*given, settings_for(kind))
    second, again = fitted(*given, settings_for(kind))
    other, _ = fitted(*given, settings_for(kind, seed=1))
    set_threads(before)
    for name, values in first.parameters().items():
        assert np.array_equal(values, second.parameters()[name]), name
    assert accuracy == again
    assert not np.array_equal(first.item_vectors, other.item_vectors)
    assert asked == [1, 7] * (len(asked) // 2), "one thread while fitting, then as before"
    assert asked
    assert torch.equal(torch.random.get_rng_state(), state)


@KINDS
def test_an_item_nobody_rated_lies_where_its_categories_are(kind):
    dataset = tiny_dataset(users=120)
    single = next(item for item in dataset.catalogue if len(item.categories) == 1 and item.year is not None)
    items = (
        *dataset.catalogue,
        Item(60, "new", "New film", single.categories, single.year),
        Item(61, "bare", "No category, no year"),
    )
    logs, features = inputs(replace(dataset, catalogue=Catalogue("tiny", items)))
    model, _ = fitted(logs, features, settings_for(kind, epochs=40))
    apart = np.linalg.norm(model.item_vectors - model.item_vectors[60], axis=1)
    alike = [item.index for item in dataset.catalogue if item.categories == single.categories]
    unlike = [item.index for item in dataset.catalogue if single.categories[0] not in item.categories]
    assert apart[alike].mean() < 0.7 * apart[unlike].mean()
    assert np.linalg.norm(model.item_vectors[61]) < 0.5 * np.linalg.norm(model.item_vectors[alike], axis=1).mean()
    assert np.isfinite(model.predict(np.array([0, 1]), np.array([60, 61]))).all()


@KINDS
def test_a_catalogue_without_categories_and_years_can_be_fitted(kind):
    dataset = tiny_dataset()
    bare = Catalogue("bare", tuple(Item(item.index, item.key, item.title) for item in dataset.catalogue))
    model, accuracy = fitted(*inputs(replace(dataset, catalogue=bare)), settings_for(kind, epochs=40))
    assert model.item_vectors.shape == (60, 4)
    assert accuracy.rmse.model < accuracy.rmse.global_mean


def test_what_is_known_of_users_helps_with_those_who_rated_little():
    """Half of the users rate everything high; the field that says which half is all there is to know of them."""
    rng = np.random.default_rng(0)
    users, items = np.repeat(np.arange(400), 4), rng.integers(60, size=1600)
    ratings = np.where(users % 2 == 0, 4.5, 2.0).astype(np.float32)
    dataset = replace(tiny_dataset(), user_keys=tuple(map(str, range(400))))
    known = UserField("half", np.arange(400) % 2 + 1, 3)
    everybody = np.arange(400, dtype=np.int32)
    logs = Logs(users, items, ratings)
    _, blind = fitted(logs, features_of(dataset, everybody), settings_for("deepfm", epochs=40))
    seeing_features = features_of(replace(dataset, user_fields=(known,)), everybody)
    _, seeing = fitted(logs, seeing_features, settings_for("deepfm", epochs=40))
    assert seeing.rmse.model < 0.7 * blind.rmse.model


@KINDS
def test_a_user_without_a_row_to_learn_from_is_answered(kind):
    dataset = tiny_dataset()
    logs, _ = inputs(dataset)
    more = replace(dataset, user_keys=(*dataset.user_keys, "silent"), user_fields=())
    model, _ = fitted(logs, features_of(more, np.arange(41, dtype=np.int32)), settings_for(kind))
    assert np.isfinite(model.predict(np.full(60, 40), np.arange(60))).all()


@KINDS
def test_refuses_to_fit_to_next_to_nothing(kind):
    logs, features = inputs(tiny_dataset())
    with pytest.raises(DataError, match="Dataset tiny: 19 ratings are too few to fit users to; give at least 20"):
        fit(logs.at(np.arange(19)), features, settings_for(kind))
    model, accuracy = fitted(logs.at(np.arange(20)), features, settings_for(kind))
    assert accuracy.rows == 2
    assert np.isfinite(model.item_vectors).all()


def test_both_kinds_are_the_same_alone_and_together_and_the_better_one_is_told():
    given = inputs(tiny_dataset(users=120))
    both = fit(*given, settings_for("auto", epochs=40))
    for kind in ("deepfm", "factorisation"):
        alone = fit(*given, settings_for(kind, epochs=40))
        for name, values in alone.models[kind].parameters().items():
            assert np.array_equal(values, both.models[kind].parameters()[name]), name
        assert (alone.accuracies[kind], alone.stopping[kind]) == (both.accuracies[kind], both.stopping[kind])
    assert both.rows == 180, "a twentieth of 3,600"
    assert both.stopping[both.better] == min(both.stopping.values())
    assert Fits({}, {}, {"deepfm": 0.8, "factorisation": 0.9}, 9).better == "deepfm"
    assert Fits({}, {}, {"deepfm": 0.9, "factorisation": 0.9}, 9).better == "factorisation"
