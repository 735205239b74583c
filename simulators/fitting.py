"""Fits a `BiasedFactorisation` to logs: Adam on minibatches, stopped when held-out rows no longer improve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from catalogue import Catalogue
from errors import DataError
from settings import SimulatorSettings
from simulators.accuracy import Accuracy, clipped_errors, measure, rmse
from simulators.progress import Progress
from simulators.rating_model import BiasedFactorisation, Logs

if TYPE_CHECKING:
    import torch

VALIDATION_SHARE = 0.05
PATIENCE = 3  # epochs without improvement before the fit stops
LEARNING_RATE = 0.02
START_SCALE = 0.05  # standard deviation of the first factors
# Squared-norm penalties per row, so that who is seen often may move far. Items are held more tightly than users and
# categories not at all: an item's vector is its categories' unless its own ratings say otherwise. Chosen on ml-100k
# among ten settings of about equal accuracy, for users who tire of one category and whom greed drives away.
USER_PENALTY, ITEM_PENALTY = 0.1, 0.2


def fit(
    logs: Logs,
    n_users: int,
    catalogue: Catalogue,
    settings: SimulatorSettings,
    progress: Progress | None = None,
) -> tuple[BiasedFactorisation, Accuracy]:
    """The model that `settings.epochs` passes at most over `logs` give, and its accuracy on 5% of the rows.

    The same logs and settings give the same model. Raises DataError below 20 rows.
    """
    import torch  # noqa: PLC0415 -- takes seconds to import, and stepping an environment needs numpy alone

    if len(logs) < 20:
        raise DataError(f"Dataset {catalogue.name}: {len(logs)} ratings are too few to fit users to; give at least 20.")
    rng = np.random.default_rng(settings.seed)
    shuffled = rng.permutation(len(logs))
    held = max(1, round(len(logs) * VALIDATION_SHARE))
    validation, training = logs.at(shuffled[:held]), logs.at(shuffled[held:])
    network = _Network(n_users, catalogue, settings.factors, float(training.ratings.mean(dtype=np.float64)), rng)
    # About 32 steps an epoch for small logs and large, within what is still a minibatch and still fits in memory.
    batch = int(np.clip(len(training) // 32, 64, 65536))
    optimiser = torch.optim.Adam(network.leaves, lr=LEARNING_RATE)
    users, items = (torch.from_numpy(column.astype(np.int64)) for column in (training.users, training.items))
    ratings = torch.from_numpy(training.ratings.astype(np.float32))

    best, least, stale = network.model(), float("inf"), 0
    with _one_thread():
        for epoch in range(settings.epochs):
            order = torch.from_numpy(rng.permutation(len(training)))
            for rows in torch.split(order, batch):
                optimiser.zero_grad()
                network.loss(users[rows], items[rows], ratings[rows]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            model = network.model()
            error = rmse(clipped_errors(model, validation))
            stale = 0 if error < least else stale + 1
            if stale == 0:
                best, least = model, error
            if progress:
                progress((epoch + 1) / settings.epochs)
            if stale == PATIENCE:
                break
    if progress:
        progress(1.0)
    return best, measure(best, training, validation)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Computes on one thread: sums then do not depend on the number of cores, and steps this small lose nothing."""
    import torch  # noqa: PLC0415 -- see fit

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Network:
    """The model's parameters while they are being fitted."""

    def __init__(self, n_users: int, catalogue: Catalogue, factors: int, mean: float, rng: np.random.Generator) -> None:
        import torch  # noqa: PLC0415 -- see fit

        index = {category: position for position, category in enumerate(catalogue.categories)}
        counts = [len(item.categories) for item in catalogue]
        n_items, n_categories = len(catalogue), max(1, len(index))
        self.mean = mean
        # All items' categories one after another, and where each item's begin: what embedding_bag averages.
        self._members = torch.tensor([index[name] for item in catalogue for name in item.categories], dtype=torch.long)
        self._starts = torch.tensor(np.cumsum([0, *counts])[:-1], dtype=torch.long)

        def drawn(rows: int) -> torch.Tensor:
            start = rng.normal(0, START_SCALE, (rows, factors + 1)).astype(np.float32)
            start[:, 0] = 0  # column 0 is the bias, the others are the factors
            return torch.from_numpy(start).requires_grad_()

        self.leaves = self._users, self._items, self._categories = drawn(n_users), drawn(n_items), drawn(n_categories)

    def _joined(self) -> torch.Tensor:
        """Bias and vector of every item, its categories' share added; shape (n_items, 1 + d)."""
        from torch.nn.functional import embedding_bag  # noqa: PLC0415 -- see fit

        # An item without categories gets zeros here, that is the average of all.
        return self._items + embedding_bag(self._members, self._categories, self._starts, mode="mean")

    def loss(self, users: torch.Tensor, items: torch.Tensor, ratings: torch.Tensor) -> torch.Tensor:
        """Mean squared error in stars, plus the penalties."""
        from torch.nn.functional import embedding  # noqa: PLC0415 -- see fit

        user, own, item = embedding(users, self._users), embedding(items, self._items), embedding(items, self._joined())
        predicted = self.mean + user[:, 0] + item[:, 0] + (user[:, 1:] * item[:, 1:]).sum(1)
        penalty = USER_PENALTY * (user.square().sum(1) + own[:, 0].square()) + ITEM_PENALTY * own[:, 1:].square().sum(1)
        return ((predicted - ratings).square() + penalty).mean()

    def model(self) -> BiasedFactorisation:
        """A copy of the parameters as they stand."""
        users, items = self._users.detach().numpy().copy(), self._joined().detach().numpy()
        return BiasedFactorisation.from_parameters(
            {
                "mean": np.asarray(self.mean),
                "user_bias": users[:, 0].copy(),
                "user_factors": users[:, 1:].copy(),
                "item_bias": items[:, 0].copy(),
                "item_vectors": items[:, 1:].copy(),
            }
        )
