"""How the Actor's choice follows from what the LLM prefers of a shortlist."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NAMED = 2.0  # nats by which a candidate that the LLM named counts as preferred to the others
_FLOOR = -6.0  # nats below the likeliest label at which a label that is not even among the alternatives is put


def label_preferences(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) centred log-probabilities of the labels; `scores` (n,) has -inf for a label that was not reported."""
    preferences = np.maximum(scores, scores.max() + _FLOOR)
    return np.asarray(preferences - preferences.mean())


def unbiased_preferences(first: NDArray[np.float64], turned: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) centred nats by which each candidate is preferred, without what its label gets whoever stands there.

    `first` (n,) are the labels' scores with candidate k at place k, `turned` those with candidate k + 1 there and the
    first one last. A score is what the candidate gets and what the label gets in this prompt; so place k's two scores
    differ by candidate k's part less that of candidate k + 1, and the label's part cancels, however large it is.
    Summed up along the list these differences are all preferences but for a constant.
    """
    apart = label_preferences(first) - label_preferences(turned)
    preferences = np.concatenate([[0.0], -np.cumsum(apart[:-1])])
    return np.asarray(preferences - preferences.mean())


def named_preferences(position: int, count: int) -> NDArray[np.float64]:
    """(count,) centred preferences for the one candidate that the LLM named."""
    preferences = np.where(np.arange(count) == position, _NAMED, 0.0)
    return np.asarray(preferences - preferences.mean())


def choose(preferences: NDArray[np.float64], *, temperature: float, greedy: bool, seed: int) -> int:
    """Position of the candidate chosen: the preferred one where `greedy`, else one drawn at `temperature`."""
    rng = np.random.default_rng(seed)
    if greedy or temperature == 0:
        best = np.flatnonzero(preferences >= preferences.max() - 1e-12)
        return int(rng.choice(best))  # any of equals, so that no place in the list is preferred
    weights = np.exp((preferences - preferences.max()) / temperature)
    return int(rng.choice(len(preferences), p=weights / weights.sum()))
