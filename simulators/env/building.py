"""Builds both worlds of a simulator: splits the users and fits a model to each part's logs alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from billp.errors import BadInputError
from billp.settings import SimulatorSettings
from billp.simulators.data.dataset import Dataset
from billp.simulators.data.features import features_of
from billp.simulators.env.world import Split, World, Worlds
from billp.simulators.progress import Progress, part
from billp.simulators.quit.distance import distance_quantile
from billp.simulators.quit.item_traits import category_sets
from billp.simulators.rating.fitting import Fits, fit
from billp.simulators.rating.model_choice import chosen_model


def build_worlds(dataset: Dataset, settings: SimulatorSettings, progress: Progress | None = None) -> Worlds:
    """Returns both worlds, each fitted to the logs of its own users alone.

    Users are split by a permutation seeded with `settings.seed`, so that what is learned from the train world's users
    has seen no rating of a test user. Raises BadInputError if the split leaves a world without users, and DataError if
    a world has too few ratings.
    """
    count = len(dataset.user_keys)
    shuffled = np.random.default_rng(settings.seed).permutation(count).astype(np.int32)
    held = round(count * settings.test_share)
    if not 0 < held < count:
        raise BadInputError(
            f"A test share of {settings.test_share:g} leaves no users on one side of {dataset.name} ({count} users); "
            "change simulator.test_share or take a larger dataset."
        )
    train_users, test_users = np.sort(shuffled[held:]), np.sort(shuffled[:held])
    share = float(np.isin(dataset.users, train_users).mean())  # fitting takes time in proportion to the rows

    return _built(dataset, (train_users, test_users), settings, progress, share)


def build_halves(
    dataset: Dataset, users: NDArray[np.int32], settings: SimulatorSettings, progress: Progress | None = None
) -> Worlds:
    """Returns two worlds of `users` alone, each fitted to one half's logs: to learn in one and be tested in the other.

    Raises BadInputError for fewer than two users, and DataError if a half has too few ratings.
    """
    if len(users) < 2:
        raise BadInputError(f"{dataset.name} has {len(users)} train users, too few to part; take a larger dataset.")
    shuffled = np.random.default_rng(settings.seed).permutation(users).astype(np.int32)
    first, second = np.sort(shuffled[: len(users) // 2]), np.sort(shuffled[len(users) // 2 :])
    return _built(dataset, (first, second), settings, progress, 0.5)


def _built(
    dataset: Dataset,
    users: tuple[NDArray[np.int32], NDArray[np.int32]],
    settings: SimulatorSettings,
    progress: Progress | None,
    share: float,
) -> Worlds:
    """Returns the worlds of the train and the test `users`; the first fit takes the `share` of the time."""
    train = _fits(dataset, users[0], settings, part(progress, 0, share))
    test = _fits(dataset, users[1], settings, part(progress, share, 1 - share))
    choice = chosen_model(settings.model, train, test)

    def world(split: Split, users: NDArray[np.int32], fits: Fits) -> World:
        model = fits.models[choice.kind]
        users.setflags(write=False)
        return World(
            name=dataset.name,
            split=split,
            n_users=len(dataset.user_keys),
            n_items=len(dataset.catalogue),
            users=users,
            interactions=int(np.isin(dataset.users, users).sum()),
            model=model,
            categories=category_sets(dataset.catalogue),
            beta=distance_quantile(model.item_vectors, settings.beta_quantile, np.random.default_rng(settings.seed)),
            settings=settings,
            accuracy=fits.accuracies[choice.kind],
        )

    return Worlds(world("train", users[0], train), world("test", users[1], test), dataset.fingerprint, choice)


def _fits(dataset: Dataset, users: NDArray[np.int32], settings: SimulatorSettings, progress: Progress | None) -> Fits:
    """Returns the models fitted to the logs of `users`, sampled negatives among them."""
    rated = dataset.rated_by(users)
    logs = replace(rated, users=np.searchsorted(users, rated.users))  # rows of the model
    return fit(logs, features_of(dataset, users, categories=settings.item_categories), settings, progress)
