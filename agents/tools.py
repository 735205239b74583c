"""The Actor's tool: which categories the user has met lately, and which not yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catalogue import Item


@dataclass(frozen=True, slots=True)
class CategoryAnalysis:
    """`lately`: categories of the last items, most frequent first; `fresh`: liked before, but not met lately."""

    lately: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


def analyse_categories(
    history: Sequence[Item], recommended: Sequence[Item], *, window: int = 4, most: int = 3
) -> CategoryAnalysis:
    """Counts categories over the last `window` recommendations; there are none before the first.

    `fresh` are the categories of the user's history that those items lack; at most `most` of each are kept.
    Ties are broken by name, so that the same situation gives the same words.
    """
    met = Counter(category for item in recommended[-window:] for category in item.categories)
    liked = Counter(category for item in history for category in item.categories)
    lately = sorted(met, key=lambda category: (-met[category], category))
    fresh = sorted(liked.keys() - met.keys(), key=lambda category: (-liked[category], category))
    return CategoryAnalysis(tuple(lately[:most]), tuple(fresh[:most]))
