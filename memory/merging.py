"""Similar reflections as one: said once, counted, and weighed by what followed where they were recalled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from billp.memory.experience_records import Reflection
from billp.memory.records import Vector
from billp.memory.store.protocol import Match

_ALIKE = 0.75  # cosine of two texts' vectors from which on they say the same


@dataclass(frozen=True)
class Merged:
    """Reflections that say the same.

    `first` is the one whose user was most alike and whose words stand for all, `others` are the ids of the rest,
    `weight` is the sum of their weights.
    """

    first: Match[Reflection]
    others: tuple[str, ...]
    weight: float


def merge(found: Sequence[Match[Reflection]], vectors: Vector, weights: Sequence[float], k: int) -> list[Merged]:
    """The `k` weightiest of what `found` (nearest first) says; of equals the one learned from the nearest user.

    `vectors` (n, d) embed the texts with unit length, `weights` are their `Receipts.weight`. One joins the first
    before it that says the same, so that what many similar users taught comes before what one did.
    """
    leaders: list[int] = []
    members: dict[int, list[int]] = {}
    for position in range(len(found)):
        leader = next((at for at in leaders if float(vectors[at] @ vectors[position]) >= _ALIKE), position)
        if leader == position:
            leaders.append(position)
        members.setdefault(leader, []).append(position)
    groups = [
        Merged(
            first=found[leader],
            others=tuple(found[position].record.id for position in members[leader][1:]),
            weight=sum(weights[position] for position in members[leader]),
        )
        for leader in leaders
    ]
    return sorted(groups, key=lambda group: -round(group.weight, 9))[:k]
