"""What is said against simulators that are not worth asking, and that nothing is said against a sound one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from billp.settings import ModelKind
from billp.simulators.env.world import World, Worlds
from billp.simulators.quit.distance import distance_quantile
from billp.simulators.rating.accuracy import Accuracy, Errors
from billp.simulators.rating.factorisation import BiasedFactorisation
from billp.simulators.rating.model_choice import ModelChoice
from billp.simulators.rating.soundness import ALIKE, APART, GAIN, ONE_VALUE, concerns
from tests.fakes.worlds import tiny_worlds

ITEMS = 60
STARS = np.linspace(1.5, 4.5, ITEMS)


def answering(world: World, stars: np.ndarray, model: float = 0.9) -> World:
    """The world with users who all answer `stars`; the model's RMSE is `model`, that of item means 1."""
    flat = BiasedFactorisation.from_parameters(
        {
            "mean": np.array(0.0),
            "user_bias": np.zeros(len(world.users)),
            "item_bias": stars,
            "user_factors": np.zeros((len(world.users), 1)),
            "item_vectors": np.zeros((ITEMS, 1)),
        }
    )
    errors = Errors(model, model, 1.0, 1.1)
    return replace(world, model=flat, accuracy=Accuracy(errors, errors, 100))


def answered(train: np.ndarray, test: np.ndarray, **rmse: float) -> Worlds:
    worlds = tiny_worlds()
    return replace(
        worlds, train=answering(worlds.train, train, **rmse), test=answering(worlds.test, test, **rmse), choice=None
    )


def test_nothing_is_said_against_a_sound_simulator():
    assert concerns(answered(STARS, STARS)) == []
    assert concerns(answered(STARS, STARS + 0.9 * APART)) == []


def test_a_model_that_is_hardly_better_than_item_means():
    said = concerns(answered(STARS, STARS, model=1 - 0.9 * GAIN))
    assert len(said) == 2
    assert said[0].startswith("The train world's model (RMSE 0.964) is hardly better than the items' means (1.000)")
    assert said[1].startswith("The test world's model")
    assert concerns(answered(STARS, STARS, model=1 - 1.1 * GAIN)) == []


@pytest.mark.parametrize(("fours", "warned"), [(ONE_VALUE - 0.05, False), (ONE_VALUE, True), (1.0, True)])
def test_answers_that_are_nearly_all_one_star_value(fours, warned):
    flat = np.where(np.arange(ITEMS) < round(fours * ITEMS), 4.0, 2.0)
    said = [sentence for sentence in concerns(answered(flat, flat)) if "4 stars" in sentence]
    assert len(said) == (2 if warned else 0)
    if warned:
        assert said[0].startswith(f"{fours:.0%} of what the users of the train world answer is 4 stars")


def test_worlds_that_disagree_on_how_much_is_liked():
    said = concerns(answered(STARS - 0.1, STARS + APART))
    assert [sentence[:48] for sentence in said] == ["The worlds disagree on how much is liked: 2.90 s"]


def test_worlds_that_disagree_on_what_is_liked():
    mixed = np.random.default_rng(0).permutation(STARS)
    assert np.corrcoef(STARS, mixed)[0, 1] < ALIKE
    said = concerns(answered(STARS, mixed))
    assert [sentence[:44] for sentence in said] == ["The worlds disagree on what is liked: the it"]
    assert len(concerns(answered(STARS, STARS[::-1].copy()))) == 1


def placed(world: World, vectors: np.ndarray) -> World:
    """The world with items at `vectors` (items, d), a twentieth of whose pairs are too close."""
    model = BiasedFactorisation.from_parameters(
        {
            "mean": np.array(0.0),
            "user_bias": np.zeros(len(world.users)),
            "item_bias": STARS,
            "user_factors": np.zeros((len(world.users), vectors.shape[1])),
            "item_vectors": vectors,
        }
    )
    errors = Errors(0.9, 0.9, 1.0, 1.1)
    beta = distance_quantile(model.item_vectors, 0.05, np.random.default_rng(0))
    return replace(world, model=model, accuracy=Accuracy(errors, errors, 100), beta=beta)


def test_worlds_that_disagree_on_what_is_alike():
    worlds, rng = tiny_worlds(), np.random.default_rng(0)
    one, other = rng.normal(size=(2, ITEMS, 4))
    sound = replace(worlds, train=placed(worlds.train, one), test=placed(worlds.test, one + 0.1 * other), choice=None)
    assert concerns(sound) == []
    said = concerns(replace(sound, test=placed(worlds.test, other)))
    assert [sentence[:48] for sentence in said] == ["The worlds disagree on what is alike: of the pai"]


@pytest.mark.parametrize(("other", "warned"), [(0.8, True), (0.895, False), (0.95, False)])
def test_worlds_that_disagree_on_the_model(other, warned):
    train: Mapping[ModelKind, float] = {"deepfm": 0.9, "factorisation": 0.95}
    choice = ModelChoice("deepfm", "", train, {"deepfm": 0.9, "factorisation": other}, 100, 50)
    said = concerns(replace(answered(STARS, STARS), choice=choice))
    assert len(said) == warned
    if warned:
        assert "in the test world factorisation is better (0.800 against 0.900 stars off)" in said[0]
