"""What every kind of rating model keeps, whatever it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from billp.simulators.rating.base import checked_parameters
from billp.simulators.rating.deepfm import DeepFM
from billp.simulators.rating.factorisation import BiasedFactorisation

USERS, ITEMS, FACTORS, HIDDEN, INNER = 7, 50, 16, 32, 16  # the widths of a real model


def made_up(kind: type[BiasedFactorisation | DeepFM], seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Parameters of 7 users and 50 items, in the shapes that the kind asks for."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"mean": (), "user_bias": (USERS,), "item_bias": (ITEMS,)}
    shapes["item_vectors"] = (ITEMS, FACTORS)
    if kind is BiasedFactorisation:
        shapes["user_factors"] = (USERS, FACTORS)
    else:
        shapes |= {"user_vectors": (USERS, FACTORS), "user_hidden": (USERS, HIDDEN), "item_hidden": (ITEMS, HIDDEN)}
        shapes |= {"inner_weights": (INNER, HIDDEN), "inner_bias": (INNER,), "output": (INNER,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


KINDS = pytest.mark.parametrize("kind", [BiasedFactorisation, DeepFM])


@KINDS
@given(pairs=st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1)), max_size=200))
def test_a_pairs_rating_does_not_depend_on_the_pairs_beside_it(kind, pairs):
    model = kind.from_parameters(made_up(kind))
    users, items = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    ratings = model.predict(users, items)
    assert (ratings.shape, ratings.dtype) == ((len(pairs),), np.float32)
    assert np.isfinite(ratings).all()
    alone = [model.predict(users[k : k + 1], items[k : k + 1])[0] for k in range(len(pairs))]
    assert ratings.tolist() == alone


@KINDS
def test_parameters_give_the_model_back(kind):
    model = kind.from_parameters(made_up(kind))
    again = kind.from_parameters(model.parameters())
    assert model.parameters().keys() == made_up(kind).keys()
    for name, values in made_up(kind).items():
        assert np.array_equal(again.parameters()[name], values), name
    users, items = np.arange(USERS), np.arange(USERS) * 3
    assert np.array_equal(model.predict(users, items), again.predict(users, items))


@KINDS
def test_every_item_has_a_vector_and_every_user_a_row(kind):
    model = kind.from_parameters(made_up(kind))
    assert (model.n_users, model.item_vectors.shape, model.item_vectors.dtype) == (USERS, (ITEMS, FACTORS), np.float32)
    assert np.isfinite(model.item_vectors).all()


@KINDS
def test_a_model_keeps_its_own_arrays_and_nothing_can_write_to_them(kind):
    parameters = made_up(kind)
    model = kind.from_parameters(parameters)
    parameters["item_vectors"][:] = 0
    assert model.item_vectors.any()
    for array in model.parameters().values():
        assert not array.flags.writeable


@KINDS
@pytest.mark.parametrize("name", ["mean", "user_bias", "item_bias", "item_vectors"])
def test_refuses_parameters_that_do_not_fit_together(kind, name):
    parameters = made_up(kind)
    with pytest.raises(ValueError, match="do not fit together"):
        kind.from_parameters(parameters | {name: np.zeros((*parameters[name].shape, 2))})
    if name != "mean":
        with pytest.raises(ValueError, match="do not fit together"):
            kind.from_parameters(parameters | {name: parameters[name][1:]})


@KINDS
def test_refuses_parameters_that_are_no_numbers_or_not_the_models(kind):
    parameters = made_up(kind)
    with pytest.raises(ValueError, match="finite"):
        kind.from_parameters(parameters | {"mean": np.array(np.nan)})
    with pytest.raises(ValueError, match="the parameters are not mean, user_bias"):
        kind.from_parameters(parameters | {"surprise": np.zeros(1)})
    parameters.pop("item_bias")
    with pytest.raises(ValueError, match="the parameters are not mean, user_bias"):
        kind.from_parameters(parameters)


def test_axes_of_one_name_have_one_length():
    shapes = {"a": ("rows", "columns"), "b": ("columns",)}
    checked = checked_parameters({"a": np.ones((2, 3)), "b": np.ones(3)}, shapes)
    assert checked["a"].dtype == np.float32
    with pytest.raises(ValueError, match="do not fit together"):
        checked_parameters({"a": np.ones((2, 3)), "b": np.ones(2)}, shapes)
