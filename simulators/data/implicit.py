"""Implicit logs on the scale of 1 to 5: converts hours of play, or the mere presence of a pair, to stars.

Hours: each user's hours are ranked, and the quarter of the rank is the rating: 2 stars for the quarter played least,
then 3, 4, and 5 for the quarter played longest. Ties share their middle rank, so that a user who played one item, or
all items equally long, gave 4. Zero hours are 2 stars: the item was bought and not played. Ranks are taken within a
user because users differ in how much they play at all. Ranks do not change under log(1 + hours), so neither the unit
nor the long tail of hours matters. Rows of one pair are added up.

Presence: 4 stars if user and item occur together once, 5 if more often.

Negatives: a log does not contain the items that a user left aside, and a model fitted to liked items alone would
predict that every user likes every item. So each user is given items that he never touched, by default as many as he
touched, rated 2 stars. This is low, but not 1, because a reward below `simulator.min_reward` makes a user leave at
once, and an item merely left aside is no reason to leave. They are drawn without repetition, an item with f
interactions in proportion to f**0.5: a popular item was probably seen, so that leaving it aside says something, while
an unknown one was probably not seen (He et al., "Fast Matrix Factorization for Online Recommendation with Implicit
Feedback", SIGIR 2016, section 4.1, where the exponent is 0.4 to 0.5). Negatives drawn evenly would only teach which
items are popular.

Negatives are used to fit the rating model, and in what methods that read logs believe to be liked: means of what was
met alone would say how much those liked an item who chose it. No history, popularity or count includes them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from billp.simulators.data.distinct_pairs import pair_keys

LEAST_PLAYED, LIKED_ONCE, LIKED_OFTEN, NEGATIVE = 2.0, 4.0, 5.0, 2.0
"""Ratings in stars."""

EXPONENT = 0.5
_ROUNDS = 16


def stars_of_hours(users: NDArray[np.int32], hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns stars for the hours[k] >= 0 that users[k] played one item, shape (n,)."""
    stars = np.full(len(hours), LEAST_PLAYED)
    played = np.flatnonzero(hours > 0)
    order = played[np.lexsort((hours[played], users[played]))]
    of, value = users[order], hours[order]
    begin, end = np.searchsorted(of, of, "left"), np.searchsorted(of, of, "right")
    # Rows of one user and the same hours stand together; their ranks are counted from the user's first row.
    changes = np.ones(len(order), dtype=np.bool_)
    changes[1:] = (np.diff(of) != 0) | (np.diff(value) != 0)
    ties = np.flatnonzero(changes)
    tie = np.cumsum(changes) - 1
    middle = (ties + np.append(ties[1:], len(order)) - 1)[tie] / 2
    share = (middle - begin + 0.5) / (end - begin)
    stars[order] = LEAST_PLAYED + np.floor(4 * share)
    return stars


def stars_of_presence(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns stars for pairs that occur counts[k] >= 1 times, shape (n,)."""
    return np.where(counts > 1, LIKED_OFTEN, LIKED_ONCE)


def sample_negatives(
    users: NDArray[np.int32], items: NDArray[np.int32], n_items: int, ratio: float, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns users and items, shape (m,) each, of pairs that are not among the distinct pairs (users[k], items[k]).

    A user with n rows gets round(ratio * n) pairs, or as many as there are touched items (of any user) left for him.
    The result is sorted by user; the same arguments give the same pairs.
    """
    rng = np.random.default_rng(seed)
    weights = np.bincount(items, minlength=n_items).astype(np.float64) ** EXPONENT
    touched = int((weights > 0).sum())
    rows = np.bincount(users)
    wanted = np.minimum(np.round(ratio * rows).astype(np.int64), touched - rows)
    cumulative = np.cumsum(weights)
    cumulative /= cumulative[-1]
    taken = pair_keys(users, items, n_items)
    drawn = np.empty(0, dtype=np.int64)
    # Drawing with repetition and skipping what was drawn before equals drawing without repetition.
    for _ in range(_ROUNDS):
        missing = wanted - np.bincount(drawn // n_items, minlength=len(rows))
        who = np.repeat(np.arange(len(rows), dtype=np.int32), missing)
        if not len(who):
            break
        what = np.searchsorted(cumulative, rng.random(len(who)), "right").astype(np.int32)
        new = np.unique(pair_keys(who, what, n_items))
        drawn = np.union1d(drawn, new[~np.isin(new, taken, assume_unique=True)])
    missing = wanted - np.bincount(drawn // n_items, minlength=len(rows))
    # Users who touched nearly everything are left: their few remaining items are drawn from directly.
    for user in np.flatnonzero(missing):
        free = weights.copy()
        free[items[users == user]] = 0
        free[drawn[drawn // n_items == user] % n_items] = 0
        more = rng.choice(n_items, size=int(missing[user]), replace=False, p=free / free.sum())
        drawn = np.append(drawn, user * n_items + more)
    drawn.sort()
    return (drawn // n_items).astype(np.int32), (drawn % n_items).astype(np.int32)
