"""What a user would rate an item: the model behind every reward and every distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Logs:
    """Who rated what, one entry a row: `users` in 0..n_users-1, `items` catalogue indices, `ratings` in stars."""

    users: Indices
    items: Indices
    ratings: Floats

    def __len__(self) -> int:
        return len(self.ratings)

    def at(self, rows: NDArray[np.int64]) -> Logs:
        """The rows asked for, in that order."""
        return Logs(self.users[rows], self.items[rows], self.ratings[rows])


class RatingModel(Protocol):
    """Predicts ratings for the rows asked for; users are counted within the world the model was fitted on."""

    def predict(self, users: Indices, items: Indices) -> Floats:
        """Ratings in stars, shape (n,), for the pairs (users[k], items[k]); neither clipped nor rounded."""
        ...

    @property
    def item_vectors(self) -> Floats:
        """One vector an item, shape (n_items, d); Euclidean distances between them say how alike two items are."""
        ...

    def parameters(self) -> dict[str, Floats]:
        """Everything needed to store the model, by name."""
        ...


@dataclass(frozen=True, eq=False)
class BiasedFactorisation:
    """r(u, i) = mean + b_u + b_i + p_u . v_i, a factorisation machine over user, item and the item's categories.

    v_i = q_i + (mean over the item's categories g of c_g), and b_i likewise, so an item rated seldom falls back to
    what its categories say. Sources: Rendle, "Factorization Machines", ICDM 2010 (the model); Koren, Bell and
    Volinsky, "Matrix Factorization Techniques for Recommender Systems", Computer 42(8), 2009 (the biases).

    Shapes: `mean` (), `user_bias` (n_users,), `item_bias` (n_items,), `user_factors` (n_users, d), `item_vectors`
    (n_items, d); all float32, in stars.
    """

    mean: Floats
    user_bias: Floats
    item_bias: Floats
    user_factors: Floats
    item_vectors: Floats

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, NDArray[np.generic]]) -> BiasedFactorisation:
        """The model that `parameters` describe; ValueError when the arrays do not fit together."""
        arrays = {name: np.asarray(parameters[name], dtype=np.float32) for name in cls.__dataclass_fields__}
        for array in arrays.values():
            array.setflags(write=False)
            if not np.isfinite(array).all():
                raise ValueError("a parameter is not a finite number")
        model = cls(**arrays)
        users, factors = model.user_factors.shape
        items = len(model.item_bias)
        if (model.mean.shape, model.user_bias.shape, model.item_bias.shape, model.item_vectors.shape) != (
            (),
            (users,),
            (items,),
            (items, factors),
        ):
            raise ValueError("the parameters' shapes do not fit together")
        return model

    def predict(self, users: Indices, items: Indices) -> Floats:
        """Ratings in stars, shape (n,), for the pairs (users[k], items[k]); neither clipped nor rounded."""
        interaction = np.einsum("nd,nd->n", self.user_factors[users], self.item_vectors[items])
        ratings: Floats = self.mean + self.user_bias[users] + self.item_bias[items] + interaction
        return ratings

    def parameters(self) -> dict[str, Floats]:
        """Everything needed to store the model, by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
