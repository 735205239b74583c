"""How a candidate relates to what was recommended before: all that is needed to notice repetition, in any catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from billp.catalogue import Item

SPANS = ((0, 2), (2, 4), (4, 8))
"""Steps back that are looked at together; users differ in how long they remember, so no single window is assumed."""

FARTHEST = 8
"""Steps back beyond which nothing is looked at."""

_LEVELS = (0.01, 0.4, 0.7)  # overlaps that separate nothing, something, much and nearly everything in common


def kinds(item: Item) -> frozenset[str]:
    """What an item is, for telling whether two are alike: its categories, or its title's words where it has none."""
    return frozenset(item.categories) or frozenset(re.findall(r"\w{3,}", item.title.casefold()))


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Share of kinds that two items have in common, 0 to 1 (Jaccard index)."""
    both = len(first & second)
    return both / (len(first) + len(second) - both) if both else 0.0


def relation(candidate: Item, recommended: Sequence[Item]) -> str:
    """The relation of `candidate` to the last recommendations (oldest first), such as `3-0-1`.

    One digit for each of SPANS: 0 where nothing in it shares a kind with the candidate, up to 3 where something
    shares nearly all. Experiences under one relation are comparable, whatever the items were.
    """
    mine, newest_first = kinds(candidate), list(recommended[::-1][:FARTHEST])
    closest = [overlap(mine, kinds(item)) for item in newest_first]
    levels = [sum(max(closest[start:end], default=0.0) >= level for level in _LEVELS) for start, end in SPANS]
    return "-".join(map(str, levels))


def gap(candidate: Item, recommended: Sequence[Item]) -> int:
    """Steps between `candidate` and the last item that shared a kind with it; FARTHEST where none did."""
    mine = kinds(candidate)
    for back, item in enumerate(recommended[::-1][:FARTHEST]):
        if mine & kinds(item):
            return back
    return FARTHEST
