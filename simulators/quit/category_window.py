"""The rule `category-window`: a user leaves when too many of the last few items share a category with the new one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from billp.simulators.quit.item_traits import ItemTraits
from billp.simulators.quit.reasons import Reason
from billp.simulators.quit.rule import NO_ITEM, Judgement, Past, RuleKind, Surroundings, leaving_over
from billp.simulators.rating.base import Floats, Indices

SAME_CATEGORY = Reason(
    "same_category",
    "bored",
    "left: too many recent items shared a category with the last one",
    earlier="sharing a category with",
)


@dataclass(frozen=True, eq=False)
class CategoryWindowRule:
    """The user leaves when bored or displeased, from the first step on.

    Bored: more than `limit` of the last `window` items have a category in common with the new one; the newest of them
    is named. An item without categories has none in common with any. Displeased: the rating is below `min_rating`.
    When both hold, boredom is the reason given. The rule is that of KuaiEnv (Gao et al., "CIRS", TOIS 2023, arXiv
    2204.01266) and EasyRL4Rec (arXiv 2402.15164), which call the window num_leave_compute and the limit
    leave_threshold; they count each category of the new item for itself, this rule counts the items.
    """

    traits: ItemTraits
    window: int
    limit: int
    min_rating: float
    keeps_notes: bool = False

    def judge(self, past: Past, users: Indices, items: Indices, ratings: Floats) -> Judgement:
        """Returns the judgement on `items`; shapes as in QuitRule."""
        if not self.window:
            return leaving_over(np.zeros(ratings.shape, dtype=bool))
        categories = self.traits.categories
        common = categories.take(past.items, axis=0) & categories.take(items[..., None], axis=0)
        shared = (common != 0).any(axis=-1) & (past.items != NO_ITEM)
        newest = self.window - 1 - shared[..., ::-1].argmax(axis=-1)[..., None]
        earlier = np.take_along_axis(np.broadcast_to(past.items, shared.shape), newest, axis=-1)[..., 0]
        bored = shared.sum(axis=-1) > self.limit
        return leaving_over(bored, earlier)


def _make(world: Surroundings) -> CategoryWindowRule:
    settings = world.settings
    return CategoryWindowRule(world.traits, settings.category_window, settings.category_limit, settings.min_reward)


RULE = RuleKind(
    name="category-window",
    reason=SAME_CATEGORY,
    make=_make,
    window="category_window",
    parameters=("category_limit",),
)
