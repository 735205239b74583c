"""Turns the LLM's preferences over a shortlist into the Actor's choice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NAMED = 2.0  # nats by which a candidate that the LLM named counts as preferred to the others
_FLOOR = -6.0  # nats below the likeliest label for a label that is not among the alternatives


def label_preferences(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns (n,) centred log-probabilities of the labels; unreported labels have -inf in `scores` (n,)."""
    preferences = np.maximum(scores, scores.max() + _FLOOR)
    return np.asarray(preferences - preferences.mean())


def unbiased_preferences(first: NDArray[np.float64], turned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns (n,) centred nats by which each candidate is preferred, without the bias of its label.

    `first` (n,) are the labels' scores with candidate k at place k, `turned` the scores with candidate k + 1 there and
    the first one last. A score is the sum of the candidate's and the label's part in this prompt; so place k's two
    scores differ by candidate k's part minus that of candidate k + 1, and the label's part cancels, however large it
    is. Summed up along the list these differences are all preferences up to a constant.
    """
    apart = label_preferences(first) - label_preferences(turned)
    preferences = np.concatenate([[0.0], -np.cumsum(apart[:-1])])
    return np.asarray(preferences - preferences.mean())


def named_preferences(position: int, count: int) -> NDArray[np.float64]:
    """Returns (count,) centred preferences for the one candidate that the LLM named."""
    preferences = np.where(np.arange(count) == position, _NAMED, 0.0)
    return np.asarray(preferences - preferences.mean())


def choose(preferences: NDArray[np.float64], *, temperature: float, greedy: bool, seed: int) -> int:
    """Returns the position chosen: the preferred one if `greedy`, otherwise one drawn at `temperature`."""
    rng = np.random.default_rng(seed)
    if greedy or temperature == 0:
        best = np.flatnonzero(preferences >= preferences.max() - 1e-12)
        return int(rng.choice(best))  # a random one of equals, so that no place in the list is preferred
    weights = np.exp((preferences - preferences.max()) / temperature)
    return int(rng.choice(len(preferences), p=weights / weights.sum()))
