"""Fits rating models to logs: Adam on minibatches, stopped when held-out rows no longer improve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from billp.errors import DataError
from billp.settings import ModelKind, SimulatorSettings
from billp.simulators.data.features import Features
from billp.simulators.progress import Progress, part
from billp.simulators.rating.accuracy import Accuracy, clipped_errors, measure, rmse
from billp.simulators.rating.base import Logs, RatingModel
from billp.simulators.rating.one_thread import one_thread
from billp.simulators.rating.registry import PLAIN, NetworkKind, models_for

LEAST_ROWS = 20
TEST_SHARE, VALIDATION_SHARE = 0.1, 0.05
PATIENCE = 5  # epochs without improvement before the fit stops


@dataclass(frozen=True, eq=False)
class Fits:
    """The models fitted to the rows of one world.

    `stopping` is each model's RMSE, in stars, on the `rows` rows that decided when to stop: no model learned from them,
    and no accuracy is measured on them, so that they can say which model is better. `accuracies` are on other rows.
    """

    models: Mapping[ModelKind, RatingModel]
    accuracies: Mapping[ModelKind, Accuracy]
    stopping: Mapping[ModelKind, float]
    rows: int

    @property
    def better(self) -> ModelKind:
        """The model with the lower error on the rows that decided when to stop; the plain one in a tie."""
        return min(self.stopping, key=lambda kind: (self.stopping[kind], kind != PLAIN))


def fit(logs: Logs, features: Features, settings: SimulatorSettings, progress: Progress | None = None) -> Fits:
    """Returns the models named by `settings.model` ("auto": all), fitted to `logs`, and their accuracies.

    The rows are split at random: 10% only measure the accuracy, 5% decide when to stop and which model is better, the
    models learn from the others in at most `settings.epochs` passes. A biased factorisation is always fitted too, to
    the same rows, for comparison.

    The same logs and settings give the same models. Raises DataError below 20 rows, and SettingsError for an unknown
    model.
    """
    entries = models_for(settings.model)
    if len(logs) < LEAST_ROWS:
        raise DataError(
            f"Dataset {features.name}: {len(logs)} ratings are too few to fit users to; give at least {LEAST_ROWS}."
        )
    shuffled = np.random.default_rng(settings.seed).permutation(len(logs))
    tested, stopping = (max(1, round(len(logs) * share)) for share in (TEST_SHARE, VALIDATION_SHARE))
    test, validation, training = (logs.at(rows) for rows in np.split(shuffled, [tested, tested + stopping]))
    models: dict[ModelKind, RatingModel] = {}
    errors: dict[ModelKind, float] = {}
    done, whole = 0.0, sum(entry.time for entry in entries)
    for entry in entries:
        report = part(progress, done / whole, entry.time / whole)
        models[entry.name], errors[entry.name] = _fitted(
            entry.network, features, (training, validation), settings, report
        )
        done += entry.time
    plain = models[PLAIN]
    accuracies = {kind: measure(model, plain, training, test) for kind, model in models.items()}
    return Fits(models, accuracies, errors, len(validation))


def _fitted(
    kind: NetworkKind,
    features: Features,
    rows: tuple[Logs, Logs],
    settings: SimulatorSettings,
    progress: Progress | None,
) -> tuple[RatingModel, float]:
    """Returns the model and its RMSE after the best epoch: learned from the first of `rows`, measured on the second."""
    import torch  # noqa: PLC0415 -- takes seconds to import, and stepping an environment needs numpy alone

    training, validation = rows
    rng = np.random.default_rng([settings.seed, 1])  # not the stream that split the rows
    network = kind(features, settings.factors, float(training.ratings.mean(dtype=np.float64)), rng)
    # About 32 steps per epoch whatever the size of the log, bounded to sizes that are a minibatch and fit in memory.
    batch = int(np.clip(len(training) // 32, 64, 65536))
    optimiser = torch.optim.Adam(network.groups)
    users, items = (torch.from_numpy(column.astype(np.int64)) for column in (training.users, training.items))
    ratings = torch.from_numpy(training.ratings.astype(np.float32))
    with one_thread():
        best, least, stale = network.model(), float("inf"), 0
        for epoch in range(settings.epochs):
            order = torch.from_numpy(rng.permutation(len(training)))
            for taken in torch.split(order, batch):
                optimiser.zero_grad()
                network.loss(users[taken], items[taken], ratings[taken]).backward()
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
    return best, least
