"""A memory as it was at one moment, in arrays: small to send, searched exactly, and read without a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn, Self

import numpy as np

from billp.errors import MemoryStoreError
from billp.memory.agent_memory import AgentMemory
from billp.memory.embedding import Embedder
from billp.memory.records import KINDS, FieldValue, Kind, Origin, Record, Vector
from billp.memory.store.protocol import Match, as_query, rank

_ROUNDING = 1e-4  # more than the float32 error of squared distances of unit vectors


@dataclass(frozen=True)
class Rows:
    """Records as columns; `vectors` has shape (n, d)."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Vector
    fields: tuple[Mapping[str, FieldValue], ...]
    origins: tuple[Origin, ...]

    @classmethod
    def of(cls, records: Sequence[Record], dimension: int) -> Self:
        """Returns the columns of `records`."""
        vectors = np.array([record.vector for record in records], dtype=np.float32).reshape(len(records), dimension)
        return cls(
            ids=tuple(record.id for record in records),
            texts=tuple(record.text for record in records),
            vectors=vectors,
            fields=tuple(record.fields for record in records),
            origins=tuple(record.origin for record in records),
        )


@dataclass(frozen=True)
class FrozenMemory:
    """The records of a memory at one moment, in the parts in which they were read."""

    dataset: str
    name: str
    where: str
    dimension: int
    parts: Mapping[Kind, tuple[Rows, ...]]

    def agent_memory(self, embedder: Embedder) -> AgentMemory:
        """Returns the memory for reading; writing to it raises MemoryStoreError."""
        stores = {kind: FrozenStore(self.parts.get(kind, ()), self.dimension) for kind in KINDS}
        return AgentMemory(stores, embedder, dataset=self.dataset, name=self.name, where=self.where, close=lambda: None)


class Freezer:
    """Freezes one memory again and again; each time it reads only what is new.

    A record that was read once is not read again, since a run never rewrites it. If records were forgotten, all of
    their kind are read again.
    """

    def __init__(self, agent_memory: AgentMemory) -> None:
        self._memory = agent_memory
        self._parts: dict[Kind, tuple[Rows, ...]] = {}
        self._known: dict[Kind, set[str]] = {}

    def freeze(self, wanted: Sequence[Kind] = KINDS) -> FrozenMemory:
        """Returns the memory as it is now, with the `wanted` records alone; not on an event loop."""
        agent_memory = self._memory
        parts = {kind: self._read(kind) for kind in wanted}
        return FrozenMemory(
            agent_memory.dataset, agent_memory.name, agent_memory.where, agent_memory.embedder.dimension, parts
        )

    def _read(self, kind: Kind) -> tuple[Rows, ...]:
        store, known = self._memory.stores[kind], self._known.get(kind, set())
        ids = store.ids()
        if not known <= set(ids):
            known, self._parts[kind] = set(), ()
        new = [id_ for id_ in ids if id_ not in known]
        if new:
            rows = Rows.of(store.get(new), self._memory.embedder.dimension)
            self._parts[kind] = (*self._parts.get(kind, ()), rows)
        self._known[kind] = set(ids)
        return self._parts.get(kind, ())


class FrozenStore:
    """A `VectorStore` of records that do not change."""

    def __init__(self, parts: Sequence[Rows], dimension: int) -> None:
        self._parts, self._dimension = parts, dimension
        self._places = {id_: (part, row) for part in parts for row, id_ in enumerate(part.ids)}

    @cached_property
    def _vectors(self) -> Vector:
        rows = [part.vectors for part in self._parts]
        return np.concatenate(rows) if rows else np.empty((0, self._dimension), dtype=np.float32)

    @cached_property
    def _lengths(self) -> Vector:
        return np.asarray(np.square(self._vectors).sum(axis=1))

    @cached_property
    def _ids(self) -> list[str]:
        """The ids in the order of the vectors."""
        return [id_ for part in self._parts for id_ in part.ids]

    def nearest(self, vector: Vector, k: int, max_distance: float | None = None) -> list[Match[Record]]:
        """See `VectorStore`."""
        return self._nearest(as_query(vector, self._dimension), k, max_distance)

    def _nearest(self, query: Vector, k: int, max_distance: float | None) -> list[Match[Record]]:
        """Returns candidates found by quick arithmetic, ordered by the exact distance."""
        if k <= 0 or not self._places:
            return []
        distances = self._lengths - 2 * (self._vectors @ query) + float(query @ query)
        furthest = np.partition(distances, k - 1)[k - 1] if k < len(distances) else np.inf
        largest = float(self._lengths.max()) + float(query @ query)
        chosen = np.flatnonzero(distances <= furthest + _ROUNDING * max(1.0, largest))
        return rank(query, self.get([self._ids[row] for row in chosen]), k, max_distance)

    def largest(self, field: str, k: int) -> list[Record]:
        """See `VectorStore`."""
        numbers = {id_: value for id_, fields in self.fields() if type(value := fields.get(field)) is int}
        return self.get(sorted(numbers, key=lambda id_: (-int(numbers[id_]), id_))[: max(k, 0)])

    def get(self, ids: Sequence[str]) -> list[Record]:
        """See `VectorStore`."""
        found = []
        for id_ in ids:
            if id_ in self._places:
                part, row = self._places[id_]
                found.append(Record(id_, part.texts[row], part.vectors[row], part.fields[row], part.origins[row]))
        return found

    def ids(self) -> list[str]:
        """See `VectorStore`."""
        return sorted(self._places)

    def fields(self) -> Iterator[tuple[str, Mapping[str, FieldValue]]]:
        """See `VectorStore`."""
        for id_ in self.ids():
            part, row = self._places[id_]
            yield id_, part.fields[row]

    def all(self) -> Iterator[Record]:
        """See `VectorStore`."""
        yield from self.get(self.ids())

    def count(self) -> int:
        """See `VectorStore`."""
        return len(self._places)

    def upsert(self, records: Sequence[Record]) -> None:
        """Raises MemoryStoreError."""
        self._refuse()

    def delete(self, ids: Sequence[str]) -> None:
        """Raises MemoryStoreError."""
        self._refuse()

    def clear(self) -> None:
        """Raises MemoryStoreError."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise MemoryStoreError("This memory is a copy to be read; write to the memory itself.")
