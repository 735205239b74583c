"""When simulated users have had enough: rules that judge many recommendations at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from settings import SimulatorSettings
from simulators.item_traits import ItemTraits
from simulators.rating_model import Floats, Indices

Reason = Literal["", "too_close", "same_category", "low_reward", "repeat", "horizon"]
"""Why an episode ends with a step; empty while it goes on. At the horizon time ran out, otherwise the user left."""

REASONS: tuple[Reason, ...] = get_args(Reason)
"""The reasons by code: arrays hold positions in this tuple."""

STAYS, TOO_CLOSE, SAME_CATEGORY, LOW_REWARD, REPEAT, HORIZON = range(len(REASONS))
NO_ITEM = -1
_BLOCK = 16384  # pairs whose distances are computed at once


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What users made of recommendations: codes of REASONS, and the earlier item that bored them or NO_ITEM."""

    reasons: NDArray[np.int8]
    too_close_to: NDArray[np.int64]


class QuitRule(Protocol):
    """Decides after each recommendation whether the user leaves."""

    @property
    def window(self) -> int:
        """How many of the last recommendations the rule looks at."""
        ...

    def judge(self, traits: ItemTraits, recent: Indices, items: Indices, rewards: Floats) -> Verdicts:
        """The verdicts on `items`, for which the users gave `rewards`, both of one shape S.

        `recent` has shape (*S, window), or one that broadcasts to it: what was recommended before, oldest first,
        NO_ITEM in front where less was. Only the rows of the items at hand are read from `traits`.
        """
        ...


@dataclass(frozen=True)
class DistanceRule:
    """The user leaves when bored or displeased, from the first step on.

    Bored: the item is closer than `beta` (Euclidean distance of item vectors) to one of the last `window` items, or
    is one of them; the closest is named. Displeased: the reward is below `min_reward`. When both hold, boredom is the
    reason given. The rule is that of BiLLP (Shi et al., SIGIR 2024, arXiv 2403.00843), where the window is called W.
    """

    beta: float
    window: int
    min_reward: float

    def judge(self, traits: ItemTraits, recent: Indices, items: Indices, rewards: Floats) -> Verdicts:
        """The verdicts on `items`; shapes as in QuitRule."""
        if not self.window:
            return _displeased(rewards, self.min_reward)
        items = items[..., None]
        apart = _apart(traits.vectors, recent, items)
        apart[np.broadcast_to(recent == NO_ITEM, apart.shape)] = np.inf
        # A repeat is too close even at beta 0, where nothing is closer than beta.
        apart[recent == items] = -1.0
        nearest = apart.argmin(axis=-1)[..., None]
        least = np.take_along_axis(apart, nearest, axis=-1)[..., 0]
        culprits = np.take_along_axis(np.broadcast_to(recent, apart.shape), nearest, axis=-1)[..., 0]
        return _bored((least < self.beta) | (least < 0), culprits, TOO_CLOSE, rewards, self.min_reward)


@dataclass(frozen=True)
class CategoryWindowRule:
    """The user leaves when bored or displeased, from the first step on.

    Bored: more than `limit` of the last `window` items have a category in common with the new one; the newest of them
    is named. An item without categories has none in common with any. Displeased: the reward is below `min_reward`.
    When both hold, boredom is the reason given. The rule is that of KuaiEnv (Gao et al., "CIRS", TOIS 2023, arXiv
    2204.01266) and EasyRL4Rec (arXiv 2402.15164), which call the window num_leave_compute and the limit
    leave_threshold; they count each category of the new item for itself, this rule counts the items.
    """

    window: int
    limit: int
    min_reward: float

    def judge(self, traits: ItemTraits, recent: Indices, items: Indices, rewards: Floats) -> Verdicts:
        """The verdicts on `items`; shapes as in QuitRule."""
        if not self.window:
            return _displeased(rewards, self.min_reward)
        common = traits.categories.take(recent, axis=0) & traits.categories.take(items[..., None], axis=0)
        shared = (common != 0).any(axis=-1) & (recent != NO_ITEM)
        newest = self.window - 1 - shared[..., ::-1].argmax(axis=-1)[..., None]
        culprits = np.take_along_axis(np.broadcast_to(recent, shared.shape), newest, axis=-1)[..., 0]
        return _bored(shared.sum(axis=-1) > self.limit, culprits, SAME_CATEGORY, rewards, self.min_reward)


def window_of(shown: Sequence[int] | Indices, window: int) -> NDArray[np.int64]:
    """The last `window` of the items `shown` (oldest first) as rules want them: shape (1, window), padded in front."""
    last = shown[max(0, len(shown) - window) :]  # a plain [-window:] would take all at window 0
    recent = np.full((1, window), NO_ITEM, dtype=np.int64)
    recent[0, window - len(last) :] = last
    return recent


def rule_of(settings: SimulatorSettings, beta: float) -> QuitRule:
    """The rule that the settings name; `beta` is the world's own."""
    if settings.quit_rule == "category-window":
        return CategoryWindowRule(settings.category_window, settings.category_limit, settings.min_reward)
    return DistanceRule(beta, settings.window, settings.min_reward)


def _bored(bored: NDArray[np.bool_], culprits: Indices, reason: int, rewards: Floats, min_reward: float) -> Verdicts:
    displeased = _displeased(rewards, min_reward)
    return Verdicts(
        np.where(bored, np.int8(reason), displeased.reasons), np.where(bored, culprits, displeased.too_close_to)
    )


def _displeased(rewards: Floats, min_reward: float) -> Verdicts:
    reasons = np.where(rewards < min_reward, np.int8(LOW_REWARD), np.int8(STAYS))
    return Verdicts(reasons, np.full(reasons.shape, NO_ITEM, dtype=np.int64))


def _apart(vectors: Floats, left: Indices, right: Indices) -> NDArray[np.float64]:
    """Euclidean distances of the items `left` and `right`, of the shape that the two broadcast to."""
    # `take` copies whole rows and is several times as fast as vectors[left].
    difference = (vectors.take(left, axis=0) - vectors.take(right, axis=0)).astype(np.float64)
    squares: NDArray[np.float64] = np.einsum("...d,...d->...", difference, difference)
    return np.sqrt(squares, out=squares)


def distance_quantile(vectors: Floats, q: float, rng: np.random.Generator, pairs: int = 200_000) -> float:
    """The `q` quantile of the distances between two different items, from `pairs` pairs drawn at random."""
    n_items = len(vectors)
    if n_items < 2:
        return 0.0
    left = rng.integers(n_items, size=pairs)
    right = (left + rng.integers(1, n_items, size=pairs)) % n_items  # never left itself
    blocks = [slice(start, start + _BLOCK) for start in range(0, pairs, _BLOCK)]
    return float(np.quantile(np.concatenate([_apart(vectors, left[block], right[block]) for block in blocks]), q))
