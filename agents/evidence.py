"""Counts over finished episodes: how soon categories came back, when users left, and how categories were rated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from billp.agents.overlap import FARTHEST, categories_of, steps_since_category
from billp.catalogue import Item
from billp.errors import MemoryStoreError

_NONE = (0.0,) * (FARTHEST + 1)


@dataclass(frozen=True)
class Evidence:
    """Counts of one episode, or the sum over several.

    `shown[g]` recommendations shared a category with the one g + 1 steps before and with none since (g = FARTHEST: with
    none that far back), and `left[g]` of them made the user leave. `stars[category]` is the number of ratings that
    items of that category got, and their sum.
    """

    shown: tuple[float, ...] = _NONE
    left: tuple[float, ...] = _NONE
    stars: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the counts as memory keeps them."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    @lru_cache(1024)  # an episode reads that of some hundred reflections, and the next one mostly of the same
    def from_json(text: str) -> Evidence:
        """Reads what memory kept; raises MemoryStoreError if it is not evidence."""
        try:
            evidence = _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise MemoryStoreError(f"Evidence {text[:40]!r} cannot be read; it was not written by billp.") from error
        if len(evidence.shown) != len(_NONE) or len(evidence.left) != len(_NONE):
            raise MemoryStoreError("Evidence of another layout; import it with the version that wrote it.")
        return evidence

    def words(self) -> str:
        """Returns one episode's evidence as a sentence, for reflections that no LLM writes."""
        quick = next((back for back in range(FARTHEST) if self.left[back]), None)
        rated = sorted(self.stars, key=lambda category: (-self.stars[category][1] / self.stars[category][0], category))
        liked = f" Best rated: {', '.join(rated[:3])}." if rated else ""
        if quick is not None:
            steps = "right after itself" if quick == 0 else f"{quick + 1} steps after it was last shown"
            return f"The user left when a kind came back {steps}.{liked}"
        if any(self.left):
            return f"The user left though nothing was repeated.{liked}"
        return f"The user stayed to the end.{liked}"


_ADAPTER = TypeAdapter(Evidence)


def evidence_of(items: Sequence[Item], rewards: Sequence[float], *, left: bool) -> Evidence:
    """Returns the evidence of one episode: its items in order, their rewards, and if the last made the user leave."""
    shown, gone = list(_NONE), list(_NONE)
    stars: dict[str, tuple[float, float]] = {}
    for position, (item, reward) in enumerate(zip(items, rewards, strict=True)):
        if position:  # the first item repeats nothing
            back = steps_since_category(item, items[:position])
            shown[back] += 1
            gone[back] += left and position == len(items) - 1
        for category in item.categories or sorted(categories_of(item)):
            count, total = stars.get(category, (0.0, 0.0))
            stars[category] = (count + 1, total + float(reward))
    return Evidence(tuple(shown), tuple(gone), stars)


def pooled(parts: Sequence[tuple[Evidence, float]]) -> Evidence:
    """Returns the sum of evidence, each part multiplied by its weight."""
    shown, gone = list(_NONE), list(_NONE)
    stars: dict[str, tuple[float, float]] = {}
    for evidence, weight in parts:
        for back in range(FARTHEST + 1):
            shown[back] += weight * evidence.shown[back]
            gone[back] += weight * evidence.left[back]
        for category, (count, total) in evidence.stars.items():
            before = stars.get(category, (0.0, 0.0))
            stars[category] = (before[0] + weight * count, before[1] + weight * total)
    return Evidence(tuple(shown), tuple(gone), stars)
