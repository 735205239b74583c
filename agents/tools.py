"""The Actor's tool: which categories the user has met lately, and which not yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.tools import tool

from billp.catalogue import Item


@dataclass(frozen=True, slots=True)
class CategoryAnalysis:
    """`lately`: categories of the last items, most frequent first; `fresh`: liked before, but not met lately."""

    lately: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


def analyse_categories(
    history: Sequence[Item], recommended: Sequence[Item], *, window: int = 4, most: int = 3
) -> CategoryAnalysis:
    """Counts categories over the last `window` recommendations; none before the first.

    `fresh` are the categories of the user's history that those items lack; at most `most` of each are kept. Ties are
    broken by name, so that the same observation gives the same words.
    """
    return _counted([item.categories for item in history], [item.categories for item in recommended[-window:]], most)


@tool
def category_analysis(liked: list[list[str]], shown: list[list[str]]) -> dict[str, list[str]]:
    """Says which categories a user met lately, and which of those that the user likes not.

    Args:
        liked: The categories of each item that the user liked before.
        shown: The categories of each item that was recommended lately.
    """
    found = _counted(liked, shown, 3)
    return {"lately": list(found.lately), "fresh": list(found.fresh)}


async def analysed(history: Sequence[Item], recommended: Sequence[Item], *, window: int = 4) -> CategoryAnalysis:
    """Returns `analyse_categories` by way of the tool, so that traces show it as a run."""
    asked = {
        "liked": [list(item.categories) for item in history],
        "shown": [list(item.categories) for item in recommended[-window:]],
    }
    found = await category_analysis.ainvoke(asked)
    return CategoryAnalysis(tuple(found["lately"]), tuple(found["fresh"]))


def _counted(history: Sequence[Sequence[str]], shown: Sequence[Sequence[str]], most: int) -> CategoryAnalysis:
    met = Counter(category for categories in shown for category in categories)
    liked = Counter(category for categories in history for category in categories)
    lately = sorted(met, key=lambda category: (-met[category], category))
    fresh = sorted(liked.keys() - met.keys(), key=lambda category: (-liked[category], category))
    return CategoryAnalysis(tuple(lately[:most]), tuple(fresh[:most]))
