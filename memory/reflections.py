"""Macro memory: what finished episodes taught, found by similar states, and merged where it says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from billp.memory.records import Kind, Learned, Vector
from billp.memory.store.protocol import Match, VectorStore

_ALIKE = 0.75  # cosine of two texts' vectors from which on they say the same


@dataclass(frozen=True, eq=False)
class Reflection(Learned):
    """What one finished episode taught.

    `vector` embeds the user's state when the episode began, `ended` says why it ended, `length` is in steps,
    `reward` is the sum over the episode, `ordinal` counts the reflections of a memory in the order of writing,
    `evidence` is what the episode shows in numbers, as JSON that the Planner reads, and `claim` why the user left, as
    JSON that the Reflector reads; empty without a claim, as in earlier versions.
    """

    kind: ClassVar[Kind] = "reflections"

    ended: str
    length: int
    reward: float
    ordinal: int
    evidence: str
    claim: str = ""


class ReflectionMemory:
    """The reflections of one memory."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store

    def similar(self, vector: Vector, k: int) -> list[Match[Reflection]]:
        """Finds the `k` reflections whose episodes began in the most similar states, nearest first."""
        return [Match(Reflection.from_record(m.record), m.distance) for m in self.store.nearest(vector, k)]

    def latest(self, k: int) -> list[Reflection]:
        """Returns the `k` reflections with the highest ordinals, highest first."""
        return [Reflection.from_record(record) for record in self.store.largest("ordinal", k)]

    def write(self, reflections: Sequence[Reflection]) -> None:
        """Writes `reflections`, each in place of the one with its id."""
        self.store.upsert([reflection.to_record() for reflection in reflections])


@dataclass(frozen=True)
class Merged:
    """Reflections that say the same.

    `first` comes from the most similar user, and its words stand for all; `others` are the other ids; `weight` is
    the sum of all weights.
    """

    first: Match[Reflection]
    others: tuple[str, ...]
    weight: float


def merge(found: Sequence[Match[Reflection]], vectors: Vector, weights: Sequence[float], k: int) -> list[Merged]:
    """Merges the reflections `found` (nearest first) that say the same; returns the `k` weightiest groups.

    `vectors` (n, d) embed the texts with unit length, `weights` are their `UsageTable.weight`. A reflection joins the
    first before it that says the same, so what many similar users taught outweighs what one did; of equal groups, the
    one from the nearest user comes first.
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
