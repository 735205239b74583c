"""How far off a rating model is, and how far off two models that know less would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.rating_model import BiasedFactorisation, Logs, RatingModel


@dataclass(frozen=True)
class Accuracy:
    """Errors in stars on the held-out rows: of the model, of each item's mean, and of the mean of all.

    The same rows decide when the fit stops, so the model's error is slightly flattering.
    """

    rmse: float
    rmse_item_mean: float
    rmse_global_mean: float
    mae: float
    rows: int


def measure(model: BiasedFactorisation, training: Logs, validation: Logs) -> Accuracy:
    """The errors on `validation` of `model` and of the means of `training`; unseen items have the mean of all."""
    mean = float(training.ratings.mean(dtype=np.float64))
    counts = np.bincount(training.items, minlength=len(model.item_bias))
    sums = np.bincount(training.items, weights=training.ratings, minlength=len(model.item_bias))
    item_means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    errors = clipped_errors(model, validation)
    return Accuracy(
        rmse=rmse(errors),
        rmse_item_mean=rmse(item_means[validation.items] - validation.ratings),
        rmse_global_mean=rmse(mean - validation.ratings.astype(np.float64)),
        mae=float(np.mean(np.abs(errors))),
        rows=len(validation),
    )


def clipped_errors(model: RatingModel, logs: Logs) -> NDArray[np.float64]:
    """Predicted (clipped to 1..5) less given ratings, in stars, shape (n,)."""
    return np.clip(model.predict(logs.users, logs.items), 1, 5).astype(np.float64) - logs.ratings


def rmse(errors: NDArray[np.float64]) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))
