"""Overlap of items in categories: how much a candidate repeats what was recommended before, in any catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from billp.catalogue import Item

SPANS = ((0, 2), (2, 4), (4, 8))
"""Ranges of steps back, one digit each: users differ in how long they remember, so no single window is assumed."""

FARTHEST = 8
"""The most steps back that are looked at."""

_LEVELS = (0.01, 0.4, 0.7)  # overlaps that separate nothing, something, much and nearly everything in common


def categories_of(item: Item) -> frozenset[str]:
    """Returns the categories of `item`, or the words of its title where it has none."""
    return frozenset(item.categories) or frozenset(re.findall(r"\w{3,}", item.title.casefold()))


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Returns the share of categories that two items have in common, 0 to 1 (Jaccard index)."""
    both = len(first & second)
    return both / (len(first) + len(second) - both) if both else 0.0


def overlap_profile(candidate: Item, recommended: Sequence[Item]) -> str:
    """Returns how much `candidate` overlaps with the last recommendations (oldest first), such as `3-0-1`.

    It has one digit for each of SPANS: 0 where no item in the span shares a category with the candidate, up to 3 where
    one shares nearly all. Experiences with equal profiles are comparable even for different items.
    """
    own, newest_first = categories_of(candidate), list(recommended[::-1][:FARTHEST])
    closest = [overlap(own, categories_of(item)) for item in newest_first]
    levels = [sum(max(closest[start:end], default=0.0) >= level for level in _LEVELS) for start, end in SPANS]
    return "-".join(map(str, levels))


def steps_since_category(candidate: Item, recommended: Sequence[Item]) -> int:
    """Returns the steps between `candidate` and the last item that shared a category with it; FARTHEST if none did."""
    own = categories_of(candidate)
    for back, item in enumerate(recommended[::-1][:FARTHEST]):
        if own & categories_of(item):
            return back
    return FARTHEST
