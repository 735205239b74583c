"""DeepFM at prediction time: NumPy alone, with one row per user and one per item."""

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
    "user_vectors": ("users", "factors"),
    "item_vectors": ("items", "factors"),
    "user_hidden": ("users", "hidden"),
    "item_hidden": ("items", "hidden"),
    "inner_weights": ("inner", "hidden"),
    "inner_bias": ("inner",),
    "output": ("inner",),
}


@dataclass(frozen=True, eq=False)
class DeepFM:
    """r(u, i) = mean + b_u + b_i + p_u . v_i + output . relu(W relu(h_u + h_i) + c).

    This is DeepFM (Guo, Tang, Ye, Li and He, "DeepFM: A Factorization-Machine based Neural Network for CTR
    Prediction", IJCAI 2017, arXiv 1703.04247) with a linear output instead of a sigmoid, since it predicts stars. Its
    fields are the user and what is known of the user, the item, its categories (their mean) and its year. Both parts
    read the same embeddings. Each is a sum of what depends on the user alone, on the item alone and on both, so the
    first two are computed once: p_u and v_i are the sums of the embeddings of one side's fields; b_u and b_i hold the
    first-order weights and the products among the fields of one side; h_u and h_i are the shares of either side in
    the first layer of the deep part, whose bias is in h_i.

    Shapes: `mean` (), `user_bias` (n_users,), `item_bias` (n_items,), `user_vectors` p (n_users, d), `item_vectors` v
    (n_items, d), `user_hidden` (n_users, h), `item_hidden` (n_items, h), `inner_weights` W (k, h), `inner_bias` c
    (k,), `output` (k,); all float32.
    """

    kind: ClassVar[ModelKind] = "deepfm"

    mean: Floats
    user_bias: Floats
    item_bias: Floats
    user_vectors: Floats
    item_vectors: Floats
    user_hidden: Floats
    item_hidden: Floats
    inner_weights: Floats
    inner_bias: Floats
    output: Floats

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, NDArray[np.generic]]) -> DeepFM:
        """Returns the model that `parameters` describe; ValueError when the arrays do not fit together."""
        return cls(**checked_parameters(parameters, _SHAPES))

    def predict(self, users: Indices, items: Indices) -> Floats:
        """Returns ratings in stars, shape (n,), for the pairs (users[k], items[k]); neither clipped nor rounded."""
        machine = np.einsum("nd,nd->n", self.user_vectors[users], self.item_vectors[items])
        ratings: Floats = self.mean + self.user_bias[users] + self.item_bias[items] + machine + self._deep(users, items)
        return ratings

    def _deep(self, users: Indices, items: Indices) -> Floats:
        hidden = self.user_hidden[users]
        hidden += self.item_hidden[items]
        np.maximum(hidden, 0, out=hidden)
        # Not `hidden @ W.T`: BLAS sums in an order that depends on the row's place among the others.
        inner = np.einsum("nh,kh->nk", hidden, self.inner_weights)
        inner += self.inner_bias
        np.maximum(inner, 0, out=inner)
        deep: Floats = np.einsum("nk,k->n", inner, self.output)
        return deep

    @property
    def n_users(self) -> int:
        """Users that the model knows."""
        return len(self.user_bias)

    def parameters(self) -> dict[str, Floats]:
        """Returns everything needed to store the model, by name."""
        return {name: getattr(self, name) for name in _SHAPES}
