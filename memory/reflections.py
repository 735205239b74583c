"""Macro memory: what finished episodes taught."""

from __future__ import annotations

from collections.abc import Sequence

from billp.memory.experience_records import Reflection
from billp.memory.records import Vector
from billp.memory.store.protocol import Match, VectorStore


class ReflectionMemory:
    """The reflections of one memory."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store

    def similar(self, vector: Vector, k: int) -> list[Match[Reflection]]:
        """The `k` reflections whose episodes began in the most similar states, nearest first."""
        return [Match(Reflection.from_record(m.record), m.distance) for m in self.store.nearest(vector, k)]

    def latest(self, k: int) -> list[Reflection]:
        """The `k` reflections with the highest ordinals, highest first."""
        return [Reflection.from_record(record) for record in self.store.largest("ordinal", k)]

    def write(self, reflections: Sequence[Reflection]) -> None:
        """Remember `reflections`; one written before is replaced, so writing twice is writing once."""
        self.store.upsert([reflection.to_record() for reflection in reflections])
