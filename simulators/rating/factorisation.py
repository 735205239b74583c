"""The biased matrix factorisation: the plain model, which the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from billp.settings import ModelKind
from billp.simulators.rating.base import Floats, Indices, checked_parameters

_SHAPES = {
    "mean": (),
    "user_bias": ("users",),
    "item_bias": ("items",),
    "user_factors": ("users", "factors"),
    "item_vectors": ("items", "factors"),
}


@dataclass(frozen=True, eq=False)
class BiasedFactorisation:
    """r(u, i) = mean + b_u + b_i + p_u . v_i, a factorisation machine over user, item and the item's categories.

    v_i = q_i + (mean over the item's categories g of c_g), and b_i likewise, so an item rated seldom falls back to
    what its categories say. Sources: Rendle, "Factorization Machines", ICDM 2010 (the model); Koren, Bell and
    Volinsky, "Matrix Factorization Techniques for Recommender Systems", Computer 42(8), 2009 (the biases).

    Shapes: `mean` (), `user_bias` (n_users,), `item_bias` (n_items,), `user_factors` (n_users, d), `item_vectors`
    (n_items, d); all float32, in stars.
    """

    kind: ClassVar[ModelKind] = "factorisation"

    mean: Floats
    user_bias: Floats
    item_bias: Floats
    user_factors: Floats
    item_vectors: Floats

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, NDArray[np.generic]]) -> BiasedFactorisation:
        """Returns the model that `parameters` describe; ValueError when the arrays do not fit together."""
        return cls(**checked_parameters(parameters, _SHAPES))

    def predict(self, users: Indices, items: Indices) -> Floats:
        """Returns ratings in stars, shape (n,), for the pairs (users[k], items[k]); neither clipped nor rounded."""
        interaction = np.einsum("nd,nd->n", self.user_factors[users], self.item_vectors[items])
        ratings: Floats = self.mean + self.user_bias[users] + self.item_bias[items] + interaction
        return ratings

    @property
    def n_users(self) -> int:
        """Users that the model knows."""
        return len(self.user_bias)

    def parameters(self) -> dict[str, Floats]:
        """Returns everything needed to store the model, by name."""
        return {name: getattr(self, name) for name in _SHAPES}
