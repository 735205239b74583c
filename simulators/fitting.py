"""Fits rating models to logs: Adam on minibatches, stopped when held-out rows no longer improve."""

from __future__ import annotations

import numpy as np

from errors import DataError
from settings import SimulatorSettings
from simulators.accuracy import Accuracy, clipped_errors, measure, rmse
from simulators.features import Features
from simulators.networks import DeepFMNetwork, FactorisationNetwork
from simulators.one_thread import one_thread
from simulators.progress import Progress, part
from simulators.rating_model import Logs, RatingModel

LEAST_ROWS = 20
TEST_SHARE, VALIDATION_SHARE = 0.1, 0.05
PATIENCE = 5  # epochs without improvement before the fit stops
FACTORISATION_SHARE = 0.15  # of the time that both fits take together


def fit(
    logs: Logs, features: Features, settings: SimulatorSettings, progress: Progress | None = None
) -> tuple[RatingModel, Accuracy]:
    """The model of the kind `settings.model` fitted to `logs`, and its accuracy.

    The rows are split at random: 10% only measure the accuracy, 5% say when to stop, the model learns from the others
    in `settings.epochs` passes at most. A biased factorisation is fitted to the very same rows, to compare with.

    The same logs and settings give the same model. Raises DataError below 20 rows.
    """
    if len(logs) < LEAST_ROWS:
        raise DataError(
            f"Dataset {features.name}: {len(logs)} ratings are too few to fit users to; give at least {LEAST_ROWS}."
        )
    shuffled = np.random.default_rng(settings.seed).permutation(len(logs))
    tested, stopping = (max(1, round(len(logs) * share)) for share in (TEST_SHARE, VALIDATION_SHARE))
    test, validation, training = (logs.at(rows) for rows in np.split(shuffled, [tested, tested + stopping]))
    deep = settings.model == "deepfm"
    first = part(progress, 0, FACTORISATION_SHARE if deep else 1)
    factorisation = _fitted(FactorisationNetwork, features, (training, validation), settings, first)
    model = factorisation
    if deep:
        rest = part(progress, FACTORISATION_SHARE, 1 - FACTORISATION_SHARE)
        model = _fitted(DeepFMNetwork, features, (training, validation), settings, rest)
    return model, measure(model, factorisation, training, test)


def _fitted(
    kind: type[FactorisationNetwork | DeepFMNetwork],
    features: Features,
    rows: tuple[Logs, Logs],
    settings: SimulatorSettings,
    progress: Progress | None,
) -> RatingModel:
    """The model after the epoch that was best on the second of `rows`, learned from the first."""
    import torch  # noqa: PLC0415 -- takes seconds to import, and stepping an environment needs numpy alone

    training, validation = rows
    rng = np.random.default_rng([settings.seed, 1])  # not the stream that split the rows
    network = kind(features, settings.factors, float(training.ratings.mean(dtype=np.float64)), rng)
    # About 32 steps an epoch for small logs and large, within what is still a minibatch and still fits in memory.
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
                network.loss(users[taken], items[taken], ratings[taken]).backward()  # type: ignore[no-untyped-call]
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
    return best
