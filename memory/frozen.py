"""A memory as it was at one moment, in arrays: small to send, searched exactly, and read without a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import NoReturn, Self

import numpy as np

from billp.errors import MemoryStoreError
from billp.memory.agent_memory import AgentMemory
from billp.memory.embedding import Embedder
from billp.memory.records import KINDS, FieldValue, Kind, Origin, Record, Vector
from billp.memory.store.protocol import Match, as_query, rank

_AT_HAND = 20_000
_ROUNDING = 1e-4  # more than the float32 error of squared distances of unit vectors


@dataclass(frozen=True, eq=False)
class Rows:
    """Records as columns, equal to themselves alone; `vectors` has shape (n, d).

    `rows` gives the row of each id, `lengths` (n,) are the vectors' squared lengths, and `longest` is the largest.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Vector
    fields: tuple[Mapping[str, FieldValue], ...]
    origins: tuple[Origin, ...]

    @classmethod
    def of(cls, records: Sequence[Record], dimension: int, strings: dict[str, str] | None = None) -> Self:
        """Returns the columns of `records`; strings that they share, with `strings` too, are kept once."""
        vectors = np.array([record.vector for record in records], dtype=np.float32).reshape(len(records), dimension)
        kept = {} if strings is None else strings

        def one(string: str) -> str:
            return kept.setdefault(string, string)

        def shared(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
            return {one(name): one(value) if isinstance(value, str) else value for name, value in fields.items()}

        return cls(
            ids=tuple(record.id for record in records),
            texts=tuple(one(record.text) for record in records),
            vectors=vectors,
            fields=tuple(shared(record.fields) for record in records),
            origins=tuple(
                replace(origin, run=one(origin.run), episode=one(origin.episode), user=one(origin.user))
                for origin in (record.origin for record in records)
            ),
        )

    def joined(self, other: Rows) -> Rows:
        """Returns these rows and then those of `other`."""
        return Rows(
            ids=self.ids + other.ids,
            texts=self.texts + other.texts,
            vectors=np.concatenate([self.vectors, other.vectors]),
            fields=self.fields + other.fields,
            origins=self.origins + other.origins,
        )

    @cached_property
    def rows(self) -> Mapping[str, int]:
        return {id_: row for row, id_ in enumerate(self.ids)}

    @cached_property
    def lengths(self) -> Vector:
        return np.asarray(np.einsum("ij,ij->i", self.vectors, self.vectors))

    @cached_property
    def longest(self) -> float:
        return float(self.lengths.max())

    def record(self, row: int) -> Record:
        """Returns the record in `row`."""
        return Record(self.ids[row], self.texts[row], self.vectors[row], self.fields[row], self.origins[row])


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
        agent_memory, strings = self._memory, dict[str, str]()
        for kind in wanted:
            self._read(kind, strings)
        self._parts |= _sharing_vectors({kind: self._parts.get(kind, ()) for kind in wanted})
        parts = {kind: self._parts[kind] for kind in wanted}
        return FrozenMemory(
            agent_memory.dataset, agent_memory.name, agent_memory.where, agent_memory.embedder.dimension, parts
        )

    def _read(self, kind: Kind, strings: dict[str, str]) -> None:
        store, known = self._memory.stores[kind], self._known.get(kind, set())
        ids = store.ids()
        new = [id_ for id_ in ids if id_ not in known]
        if len(ids) - len(new) < len(known):
            known, self._parts[kind], new = set(), (), ids
        if new:
            rows = Rows.of(store.get(new), self._memory.embedder.dimension, strings)
            self._parts[kind] = _joined_small((*self._parts.get(kind, ()), rows))
            known |= set(rows.ids)
        self._known[kind] = known


def _sharing_vectors(parts: Mapping[Kind, tuple[Rows, ...]]) -> dict[Kind, tuple[Rows, ...]]:
    """Returns `parts`, of which those with equal vectors have the same array: a step teaches Actor and Critic."""
    met: dict[int, Vector] = {}

    def shared(rows: Rows) -> Rows:
        vectors = met.setdefault(len(rows.ids), rows.vectors)
        return (
            rows
            if vectors is rows.vectors or not np.array_equal(vectors, rows.vectors)
            else replace(rows, vectors=vectors)
        )

    return {kind: tuple(shared(rows) for rows in each) for kind, each in parts.items()}


def _joined_small(parts: tuple[Rows, ...]) -> tuple[Rows, ...]:
    """Returns `parts` with the last ones joined until each is at least twice as large as the next.

    So their number grows with the logarithm of that of the records, and so does how often a record is copied.
    """
    while len(parts) > 1 and len(parts[-2].ids) < 2 * len(parts[-1].ids):
        parts = (*parts[:-2], parts[-2].joined(parts[-1]))
    return parts


class FrozenStore:
    """A `VectorStore` of records that do not change."""

    def __init__(self, parts: Sequence[Rows], dimension: int) -> None:
        self._parts, self._dimension = [part for part in parts if part.ids], dimension
        self._made: dict[int, Record] = {}  # episodes side by side mostly find the same ones

    def nearest(self, vector: Vector, k: int, max_distance: float | None = None) -> list[Match[Record]]:
        """See `VectorStore`."""
        return self._nearest(as_query(vector, self._dimension), k, max_distance)

    def _nearest(self, query: Vector, k: int, max_distance: float | None) -> list[Match[Record]]:
        """Returns candidates found by quick arithmetic, ordered by the exact distance."""
        if k <= 0 or not self._parts:
            return []
        square = float(query @ query)
        distances = np.concatenate([part.lengths - 2 * (part.vectors @ query) for part in self._parts]) + square
        furthest = np.partition(distances, k - 1)[k - 1] if k < len(distances) else np.inf
        largest = max(part.longest for part in self._parts) + square
        chosen = np.flatnonzero(distances <= furthest + _ROUNDING * max(1.0, largest))
        return rank(query, [self._record(int(place)) for place in chosen], k, max_distance)

    def _record(self, place: int) -> Record:
        """Returns the record at `place` among all, part after part."""
        if (record := self._made.get(place)) is None:
            row = place
            for part in self._parts:
                if row < len(part.ids):
                    break
                row -= len(part.ids)
            record = self._made[place] = part.record(row)
        return record

    @property
    def at_hand(self) -> bool:
        """Whether there are so few records that a search takes less than a millisecond."""
        return self.count() <= _AT_HAND

    def largest(self, field: str, k: int) -> list[Record]:
        """See `VectorStore`."""
        numbers = {id_: value for id_, fields in self.fields() if type(value := fields.get(field)) is int}
        return self.get(sorted(numbers, key=lambda id_: (-int(numbers[id_]), id_))[: max(k, 0)])

    def get(self, ids: Sequence[str]) -> list[Record]:
        """See `VectorStore`."""
        places = ((part, part.rows.get(id_)) for id_ in ids for part in self._parts)
        return [part.record(row) for part, row in places if row is not None]

    def ids(self) -> list[str]:
        """See `VectorStore`."""
        return sorted(id_ for part in self._parts for id_ in part.ids)

    def fields(self) -> Iterator[tuple[str, Mapping[str, FieldValue]]]:
        """See `VectorStore`."""
        rows = (row for part in self._parts for row in zip(part.ids, part.fields, strict=True))
        yield from sorted(rows, key=itemgetter(0))

    def all(self) -> Iterator[Record]:
        """See `VectorStore`."""
        yield from self.get(self.ids())

    def count(self) -> int:
        """See `VectorStore`."""
        return sum(len(part.ids) for part in self._parts)

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
