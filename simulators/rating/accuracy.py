"""Errors of a rating model, and of models that know less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billp.simulators.rating.base import Logs, RatingModel


@dataclass(frozen=True)
class Errors:
    """One measure of error in stars: of the world's model, and of models that know less."""

    model: float
    biased_factorisation: float
    item_mean: float
    global_mean: float


@dataclass(frozen=True)
class Accuracy:
    """Errors on `rows` log rows that no model was fitted to, the same rows for every model."""

    rmse: Errors
    mae: Errors
    rows: int


def measure(model: RatingModel, factorisation: RatingModel, training: Logs, test: Logs) -> Accuracy:
    """Returns the errors on `test` of both models and of the means of `training` (unseen items: the overall mean)."""
    mean = float(training.ratings.mean(dtype=np.float64))
    n_items = len(model.item_vectors)
    counts = np.bincount(training.items, minlength=n_items)
    sums = np.bincount(training.items, weights=training.ratings, minlength=n_items)
    item_means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    errors: dict[str, NDArray[np.float64]] = {
        "model": clipped_errors(model, test),
        "biased_factorisation": clipped_errors(factorisation, test),
        "item_mean": item_means[test.items] - test.ratings,
        "global_mean": mean - test.ratings.astype(np.float64),
    }
    return Accuracy(
        rmse=Errors(**{name: rmse(off) for name, off in errors.items()}),
        mae=Errors(**{name: float(np.mean(np.abs(off))) for name, off in errors.items()}),
        rows=len(test),
    )


def clipped_errors(model: RatingModel, logs: Logs) -> NDArray[np.float64]:
    """Returns predicted (clipped to 1..5) minus given ratings, in stars, shape (n,)."""
    return np.clip(model.predict(logs.users, logs.items), 1, 5).astype(np.float64) - logs.ratings


def rmse(errors: NDArray[np.float64]) -> float:
    """Returns the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))
