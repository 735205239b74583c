"""The Actor's policy over its shortlist: what the LLM prefers, bent by what memory knows.

The policy closest to a prior that also earns advantage has a closed form, pi(a|s) proportional to
prior(a|s)^alpha * exp(A(s,a) / tau) (relative entropy policy search, Peters et al. 2010; Levine 2018,
arXiv 1805.00909). Here the prior is the LLM's probability of each candidate's letter and A comes from memory. With
alpha = trust / tau both sides are in stars: score(a) = trust * log prior(a) + A(a).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NAMED = 2.0  # nats by which a candidate that the LLM named counts as preferred to the others
REACH = 4.0  # nats between an LLM's favourite and the candidate it likes least, until it is measured
_FLOOR = -6.0  # nats below the likeliest label at which a label that is not even among the alternatives is put


@dataclass(frozen=True, slots=True)
class Advice:
    """Memory's part: the advantage expected of each candidate in stars, and how far the LLM's preference is trusted.

    `trust` is in stars for each nat of log-probability, `reach` the nats by which it usually prefers its favourite to
    the candidate it likes least.
    """

    advantages: tuple[float, ...]
    trust: float
    reach: float = REACH


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


def choose(preferences: NDArray[np.float64] | None, advice: Advice, *, tau: float, explore: bool, seed: int) -> int:
    """Position of the candidate chosen; the likeliest one, or with `explore` one drawn from the policy."""
    scores = np.asarray(advice.advantages, dtype=np.float64)
    if preferences is not None:
        scores = scores + advice.trust * preferences
    rng = np.random.default_rng(seed)
    if not explore or tau == 0:
        best = np.flatnonzero(scores >= scores.max() - 1e-12)
        return int(rng.choice(best))  # of equals any, lest a place in the list be preferred
    weights = np.exp((scores - scores.max()) / tau)
    return int(rng.choice(len(scores), p=weights / weights.sum()))
