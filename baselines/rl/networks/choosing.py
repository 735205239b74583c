"""Chooses items by their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from billp.baselines.rl.networks.scores import NEVER, ActingNetwork, acting_scores
from billp.baselines.rl.observations import Observations

Noise = Callable[[tuple[int, int]], NDArray[np.float64]]
"""Gumbel noise of a shape (n, n_items): the highest of noisy scores is a draw from their softmax."""


def choose_items(
    network: ActingNetwork, seen: Observations, noise: Noise | None, masked: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Returns an item for each observation, none of `masked` (n, n_items): the best scored, or drawn with `noise`."""
    with torch.no_grad():
        scores = acting_scores(network, seen).numpy().astype(np.float64)
    if noise is not None:
        scores += noise(scores.shape)
    if masked is not None:
        scores[masked] = 2 * NEVER
    return np.asarray(scores.argmax(axis=1))


def noise_of(seeds: Sequence[int]) -> Noise:
    """Returns noise whose rows depend on one seed each, so that a row does not depend on the others."""
    return lambda shape: np.array([np.random.default_rng(seed).gumbel(size=shape[1]) for seed in seeds])
