"""A store without Chroma: a dictionary, searched exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from billp.memory import KINDS, AgentMemory, Embedder, Match, Record, Vector
from billp.memory.records import FieldValue
from billp.memory.store.protocol import as_query, check_records, rank
from tests.fakes.embedder import HashEmbedder


class InMemoryStore:
    """A `VectorStore` that forgets everything with the process."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.contents: dict[str, Record] = {}

    def upsert(self, records: Sequence[Record]) -> None:
        self.contents |= {record.id: record for record in check_records(records, self.dimension)}

    def nearest(self, vector: Vector, k: int, max_distance: float | None = None) -> list[Match[Record]]:
        return rank(as_query(vector, self.dimension), list(self.contents.values()), k, max_distance)

    @property
    def at_hand(self) -> bool:
        return False

    def largest(self, field: str, k: int) -> list[Record]:
        numbers = {id_: n for id_, r in self.contents.items() if type(n := r.fields.get(field)) is int}
        return self.get(sorted(numbers, key=lambda id_: (-numbers[id_], id_))[: max(k, 0)])

    def get(self, ids: Sequence[str]) -> list[Record]:
        return [self.contents[id_] for id_ in ids if id_ in self.contents]

    def ids(self) -> list[str]:
        return sorted(self.contents)

    def fields(self) -> Iterator[tuple[str, Mapping[str, FieldValue]]]:
        return iter([(id_, self.contents[id_].fields) for id_ in self.ids()])

    def all(self) -> Iterator[Record]:
        return iter(self.get(self.ids()))

    def count(self) -> int:
        return len(self.contents)

    def delete(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self.contents.pop(id_, None)

    def clear(self) -> None:
        self.contents.clear()


def fake_memory(embedder: Embedder | None = None) -> AgentMemory:
    """An empty memory that lives in this process."""
    embedder = embedder or HashEmbedder()
    stores = {kind: InMemoryStore(embedder.dimension) for kind in KINDS}
    return AgentMemory(stores, embedder, dataset="tiny", name="fake", where="nowhere", close=lambda: None)
