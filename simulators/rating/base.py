"""The interface of rating models, which are behind every reward and every distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from billp.settings import ModelKind

Floats = NDArray[np.float32]
Indices = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Logs:
    """Ratings, one entry per row: `users` in 0..n_users-1, `items` catalogue indices, `ratings` in stars."""

    users: Indices
    items: Indices
    ratings: Floats

    def __len__(self) -> int:
        return len(self.ratings)

    def at(self, rows: NDArray[np.int64]) -> Logs:
        """Returns the given rows, in that order."""
        return Logs(self.users[rows], self.items[rows], self.ratings[rows])


class RatingModel(Protocol):
    """Predicts ratings for pairs; users are counted within the world that the model was fitted on."""

    @property
    def kind(self) -> ModelKind:
        """The model's name in the registry."""
        ...

    def predict(self, users: Indices, items: Indices) -> Floats:
        """Returns ratings in stars, shape (n,), for the pairs (users[k], items[k]); neither clipped nor rounded.

        A pair's rating does not depend on the other pairs, to the last bit: users answered one by one or many at once
        give the same reward.
        """
        ...

    @property
    def n_users(self) -> int:
        """Users that the model knows."""
        ...

    @property
    def item_vectors(self) -> Floats:
        """One vector an item, shape (n_items, d); Euclidean distances between them say how alike two items are."""
        ...

    def parameters(self) -> dict[str, Floats]:
        """Returns everything needed to store the model, by name."""
        ...


def checked_parameters(
    parameters: Mapping[str, NDArray[np.generic]], shapes: Mapping[str, tuple[str, ...]]
) -> dict[str, Floats]:
    """Returns the arrays of a model as float32, read-only; axes of one name have one length everywhere.

    `shapes` names the axes of every array, as in {"item_vectors": ("items", "factors")}. Raises ValueError when an
    array is missing, unknown, of another shape or not finite.
    """
    if parameters.keys() != shapes.keys():
        raise ValueError(f"the parameters are not {', '.join(shapes)}")
    lengths: dict[str, int] = {}
    checked: dict[str, Floats] = {}
    for name, axes in shapes.items():
        array = np.array(parameters[name], dtype=np.float32, order="C")
        if not np.isfinite(array).all():
            raise ValueError("a parameter is not a finite number")
        if array.ndim != len(axes) or any(
            lengths.setdefault(axis, length) != length for axis, length in zip(axes, array.shape, strict=True)
        ):
            raise ValueError("the parameters' shapes do not fit together")
        array.setflags(write=False)
        checked[name] = array
    return checked
