"""The rating models during fitting: parameters in torch, a loss, and the finished model in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from billp.simulators.data.features import Features
from billp.simulators.rating.base import Floats
from billp.simulators.rating.deepfm import DeepFM
from billp.simulators.rating.factorisation import BiasedFactorisation

if TYPE_CHECKING:
    import torch

START_SCALE = 0.05  # standard deviation of the first embeddings
LEARNING_RATE = 0.005
# Squared-norm penalties per row, so that users seen often may move far. Items are held more tightly than users and
# categories not at all: an item's vector is its categories' unless its own ratings differ. Chosen on ml-100k among
# settings of about equal accuracy, for users who tire of one category and leave greedy recommenders. What is known
# of users, and the year, are held like the users.
USER_PENALTY, ITEM_PENALTY = 0.1, 0.2

HIDDEN, INNER = 32, 16  # widths of the deep part, small enough to predict a million pairs a second
DEEP_LEARNING_RATE = 0.002
DROPOUT = 0.2
# Per weight of the deep part, once a minibatch. With a tenth of it, worlds of 189 users were fitted no better than by
# the factorisation (mean of four splits of ml-100k); with three times as much, all worlds a little worse than with it.
DEEP_PENALTY = 0.01


class FactorisationNetwork:
    """A `BiasedFactorisation` during fitting."""

    def __init__(self, features: Features, factors: int, mean: float, rng: np.random.Generator) -> None:
        self._mean = mean
        self._categories = _Categories(features, factors, rng)
        self._users, self._items = (_drawn(rng, rows, factors) for rows in (len(features.users), len(features.years)))

    @property
    def groups(self) -> list[dict[str, Any]]:
        """All parameters, at one learning rate."""
        return [{"params": [self._users, self._items, self._categories.table], "lr": LEARNING_RATE}]

    def loss(self, users: torch.Tensor, items: torch.Tensor, ratings: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared error in stars plus the penalties."""
        from torch.nn.functional import embedding  # noqa: PLC0415 -- see fitting

        user, own = embedding(users, self._users), embedding(items, self._items)
        item = own + embedding(items, self._categories.means())
        predicted = self._mean + user[:, 0] + item[:, 0] + (user[:, 1:] * item[:, 1:]).sum(1)
        penalty = USER_PENALTY * (user.square().sum(1) + own[:, 0].square()) + ITEM_PENALTY * own[:, 1:].square().sum(1)
        return ((predicted - ratings).square() + penalty).mean()

    def model(self) -> BiasedFactorisation:
        """Returns a copy of the parameters as they are."""
        users, items = _plain(self._users), _plain(self._items + self._categories.means())
        return BiasedFactorisation.from_parameters(
            {
                "mean": np.asarray(self._mean),
                "user_bias": users[:, 0],
                "user_factors": users[:, 1:],
                "item_bias": items[:, 0],
                "item_vectors": items[:, 1:],
            }
        )


class DeepFMNetwork:
    """A `DeepFM` during fitting; column 0 of every embedding is its first-order weight."""

    def __init__(self, features: Features, factors: int, mean: float, rng: np.random.Generator) -> None:
        import torch  # noqa: PLC0415 -- see fitting

        self._mean = mean
        self._categories = _Categories(features, factors, rng)
        self._users, self._values, self._years = (
            _drawn(rng, rows, factors) for rows in (len(features.users), features.n_values, features.n_years)
        )
        # Zeros, so that an item without ratings is exactly what its categories and its year say.
        self._items = torch.zeros(len(features.years), factors + 1, requires_grad=True)
        self._user_codes, self._year_codes = torch.from_numpy(features.users), torch.from_numpy(features.years)

        def layer(inputs: int, outputs: int) -> torch.Tensor:
            start = rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs)).astype(np.float32)
            return torch.from_numpy(start).requires_grad_()

        user_fields, item_fields = 1 + features.users.shape[1], 3
        self._from_user, self._from_item = layer(user_fields * factors, HIDDEN), layer(item_fields * factors, HIDDEN)
        self._inner, self._output = layer(HIDDEN, INNER), layer(INNER, 1)
        self._hidden_bias, self._inner_bias = (torch.zeros(width, requires_grad=True) for width in (HIDDEN, INNER))
        self._dropped = torch.Generator().manual_seed(int(rng.integers(2**62)))

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The embeddings, and the deep part, which learns more slowly."""
        tables = [self._users, self._values, self._items, self._years, self._categories.table]
        return [
            {"params": tables, "lr": LEARNING_RATE},
            {"params": [*self._layers, self._hidden_bias, self._inner_bias], "lr": DEEP_LEARNING_RATE},
        ]

    @property
    def _layers(self) -> tuple[torch.Tensor, ...]:
        return self._from_user, self._from_item, self._inner, self._output

    def loss(self, users: torch.Tensor, items: torch.Tensor, ratings: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared error in stars plus the penalties."""
        import torch  # noqa: PLC0415 -- see fitting

        user, item = self._user_fields(users), self._item_fields(items)
        user_bias, user_vector, user_hidden = _folded(user, self._from_user)
        item_bias, item_vector, item_hidden = _folded(item, self._from_item)
        hidden = self._drop((user_hidden + item_hidden + self._hidden_bias).relu())
        inner = self._drop((hidden @ self._inner + self._inner_bias).relu())
        predicted = (
            self._mean + user_bias + item_bias + (user_vector * item_vector).sum(1) + (inner @ self._output)[:, 0]
        )
        own, year = item[:, 0], item[:, 2]
        penalty = USER_PENALTY * (user.square().sum((1, 2)) + own[:, 0].square() + year.square().sum(1))
        penalty = penalty + ITEM_PENALTY * own[:, 1:].square().sum(1)
        weights = sum((layer.square().sum() for layer in self._layers), start=torch.zeros(()))
        return ((predicted - ratings).square() + penalty).mean() + DEEP_PENALTY * weights

    def model(self) -> DeepFM:
        """Returns the parameters as they are, folded into one row per user and one per item."""
        import torch  # noqa: PLC0415 -- see fitting

        with torch.no_grad():
            user_bias, user_vectors, user_hidden = _folded(
                self._user_fields(torch.arange(len(self._users))), self._from_user
            )
            item_bias, item_vectors, item_hidden = _folded(
                self._item_fields(torch.arange(len(self._items))), self._from_item
            )
            arrays = {
                "user_bias": user_bias,
                "item_bias": item_bias,
                "user_vectors": user_vectors,
                "item_vectors": item_vectors,
                "user_hidden": user_hidden,
                "item_hidden": item_hidden + self._hidden_bias,
                "inner_weights": self._inner.T,
                "inner_bias": self._inner_bias,
                "output": self._output[:, 0],
            }
        return DeepFM.from_parameters(
            {"mean": np.asarray(self._mean)} | {name: _plain(array) for name, array in arrays.items()}
        )

    def _user_fields(self, users: torch.Tensor) -> torch.Tensor:
        """Returns the embeddings of users and of their fields, shape (n, fields, 1 + d)."""
        import torch  # noqa: PLC0415 -- see fitting
        from torch.nn.functional import embedding  # noqa: PLC0415 -- see fitting

        own = embedding(users, self._users).unsqueeze(1)
        return torch.cat([own, embedding(self._user_codes[users], self._values)], 1)

    def _item_fields(self, items: torch.Tensor) -> torch.Tensor:
        """Returns the embeddings of items, their categories and their years, shape (n, 3, 1 + d)."""
        import torch  # noqa: PLC0415 -- see fitting
        from torch.nn.functional import embedding  # noqa: PLC0415 -- see fitting

        own, categories = embedding(items, self._items), embedding(items, self._categories.means())
        return torch.stack([own, categories, embedding(self._year_codes[items], self._years)], 1)

    def _drop(self, values: torch.Tensor) -> torch.Tensor:
        """Applies dropout with the network's own generator; torch's would use the process's."""
        import torch  # noqa: PLC0415 -- see fitting

        kept = torch.empty_like(values).bernoulli_(1 - DROPOUT, generator=self._dropped)
        return values * kept / (1 - DROPOUT)


class _Categories:
    """Embeddings of the categories, and their mean over the categories of each item."""

    def __init__(self, features: Features, factors: int, rng: np.random.Generator) -> None:
        import torch  # noqa: PLC0415 -- see fitting

        self.table = _drawn(rng, max(1, features.n_categories), factors)
        self._members, self._starts = torch.from_numpy(features.members), torch.from_numpy(features.starts)

    def means(self) -> torch.Tensor:
        """Returns the means, shape (n_items, 1 + d); zeros, the average of all, for an item without categories."""
        from torch.nn.functional import embedding_bag  # noqa: PLC0415 -- see fitting

        return embedding_bag(self._members, self.table, self._starts, mode="mean")


def _drawn(rng: np.random.Generator, rows: int, factors: int) -> torch.Tensor:
    """Returns a table of embeddings, shape (rows, 1 + factors), whose column 0 begins at zero."""
    import torch  # noqa: PLC0415 -- see fitting

    start = rng.normal(0, START_SCALE, (rows, factors + 1)).astype(np.float32)
    start[:, 0] = 0
    return torch.from_numpy(start).requires_grad_()


def _folded(fields: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns the sums of one side's fields, (n, fields, 1 + d): bias (n,), vector (n, d), first layer (n, h).

    The products of all pairs of fields on this side, half of (sum squared less squares summed), go into the bias.
    """
    vectors = fields[:, :, 1:]
    vector = vectors.sum(1)
    products = 0.5 * (vector.square() - vectors.square().sum(1)).sum(1)
    return fields[:, :, 0].sum(1) + products, vector, vectors.flatten(1) @ weights


def _plain(values: torch.Tensor) -> Floats:
    array: Floats = values.detach().numpy()
    return array
