"""The Actor's policy over its shortlist: what the LLM prefers, bent by what memory knows.

The policy closest to a prior that also earns advantage has a closed form, pi(a|s) proportional to
prior(a|s)^alpha * exp(A(s,a) / tau) (relative entropy policy search, Peters et al. 2010; Levine 2018,
arXiv 1805.00909). Here the prior is the LLM's probability of each candidate's letter and A comes from memory. With
alpha = trust / tau both sides are in stars: score(a) = trust * log prior(a) + A(a).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NAMED = 2.0  # nats by which a candidate that the LLM named counts as preferred to the others
_FLOOR = -6.0  # nats below the likeliest label at which a label that is not even among the alternatives is put


@dataclass(frozen=True, slots=True)
class Advice:
    """Memory's part: the advantage expected of each candidate in stars, and how far the LLM's preference is trusted.

    `trust` is in stars for each nat of log-probability.
    """

    advantages: tuple[float, ...]
    trust: float


@dataclass(frozen=True, slots=True)
class Bias:
    """(n,) mean centred log-probability of each label, None where nothing was measured; and how far apart, in nats,
    the preferences for the best and the worst candidate of a shortlist usually lie once it is taken off."""

    labels: NDArray[np.float64] | None
    reach: float


def label_preferences(scores: NDArray[np.float64], bias: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """(n,) centred log-probabilities of the candidates' labels, without what each label gets wherever it stands.

    `scores` (n,) holds -inf for a label that was not reported; `bias` is what `label_bias` measured. Subtracting it is
    batch calibration (Zhou et al. 2023, arXiv 2309.17249): a label's mean over many shortlists in random order is
    owed to the label alone. None where no label was reported.
    """
    preferences = np.maximum(scores, scores.max() + _FLOOR)
    preferences = preferences - preferences.mean()
    if bias is not None:
        preferences = preferences - bias
        preferences = preferences - preferences.mean()
    return np.asarray(preferences)


def label_bias(samples: Sequence[NDArray[np.float64]]) -> Bias:
    """The bias over shortlists of random items (log-probabilities of the labels, as in `label_preferences`)."""
    if not samples:
        return Bias(None, _NAMED)
    labels = np.asarray(np.mean([label_preferences(sample, None) for sample in samples], axis=0))
    preferences = [label_preferences(sample, labels) for sample in samples]
    return Bias(labels, float(np.mean([np.ptp(each) for each in preferences])))


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
