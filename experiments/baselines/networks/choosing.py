"""From scores to an item."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.baselines.networks.scores import NEVER, ActingNetwork, acting_scores
from experiments.baselines.observations import Observations


def choose_items(
    network: ActingNetwork,
    seen: Observations,
    choice: Literal["best", "draw"],
    rng: np.random.Generator,
    masked: Collection[int] = (),
) -> NDArray[np.int64]:
    """An item for each observation, none of `masked`: the best scored, or one drawn from the softmax of the scores."""
    with torch.no_grad():
        scores = acting_scores(network, seen).numpy().astype(np.float64)
    if choice == "draw":
        scores += rng.gumbel(size=scores.shape)  # the maximum is then a draw from the softmax
    scores[:, list(masked)] = 2 * NEVER
    return np.asarray(scores.argmax(axis=1))
