"""What finished episodes show without words: how soon kinds may return, and which kinds were rated well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from billp.agents.overlap import FARTHEST, gap, kinds
from billp.catalogue import Item
from billp.errors import MemoryStoreError

_NONE = (0.0,) * (FARTHEST + 1)


@dataclass(frozen=True)
class Evidence:
    """Counts over episodes; those of several episodes are added up.

    `shown[g]` recommendations shared a kind with the one g + 1 steps before and with none since (g = FARTHEST: with
    none that far back), and `left[g]` of them made the user leave. `stars[kind]` is the number of ratings that items
    of a kind got, and their sum.
    """

    shown: tuple[float, ...] = _NONE
    left: tuple[float, ...] = _NONE
    stars: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_json(self) -> str:
        """As memory keeps it."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """From what memory kept; raises MemoryStoreError when that is no evidence."""
        try:
            evidence = _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise MemoryStoreError(f"Evidence {text[:40]!r} is none; it was not written by billp.") from error
        if len(evidence.shown) != len(_NONE) or len(evidence.left) != len(_NONE):
            raise MemoryStoreError("Evidence of another layout; import it with the version that wrote it.")
        return evidence

    def words(self) -> str:
        """The heart of one episode's evidence in a plain sentence, for where no LLM writes one."""
        quick = next((back for back in range(FARTHEST) if self.left[back]), None)
        rated = sorted(self.stars, key=lambda kind: (-self.stars[kind][1] / self.stars[kind][0], kind))
        liked = f" Best rated: {', '.join(rated[:3])}." if rated else ""
        if quick is not None:
            steps = "right after itself" if quick == 0 else f"{quick + 1} steps after it was last shown"
            return f"The user left when a kind came back {steps}.{liked}"
        if any(self.left):
            return f"The user left though nothing was repeated.{liked}"
        return f"The user stayed to the end.{liked}"


_ADAPTER = TypeAdapter(Evidence)


def evidence_of(items: Sequence[Item], rewards: Sequence[float], *, left: bool) -> Evidence:
    """The evidence of one episode: its items in order, the rewards, whether the last made the user leave."""
    shown, gone = list(_NONE), list(_NONE)
    stars: dict[str, tuple[float, float]] = {}
    for position, (item, reward) in enumerate(zip(items, rewards, strict=True)):
        if position:  # before the first one there was nothing to be repeated
            back = gap(item, items[:position])
            shown[back] += 1
            gone[back] += left and position == len(items) - 1
        for kind in item.categories or sorted(kinds(item)):
            count, total = stars.get(kind, (0.0, 0.0))
            stars[kind] = (count + 1, total + float(reward))
    return Evidence(tuple(shown), tuple(gone), stars)


def pooled(parts: Sequence[tuple[Evidence, float]]) -> Evidence:
    """The sum of evidence, each part times its weight."""
    shown, gone = list(_NONE), list(_NONE)
    stars: dict[str, tuple[float, float]] = {}
    for evidence, weight in parts:
        for back in range(FARTHEST + 1):
            shown[back] += weight * evidence.shown[back]
            gone[back] += weight * evidence.left[back]
        for kind, (count, total) in evidence.stars.items():
            before = stars.get(kind, (0.0, 0.0))
            stars[kind] = (before[0] + weight * count, before[1] + weight * total)
    return Evidence(tuple(shown), tuple(gone), stars)
