"""The interface of one collection of records: Chroma's, a frozen memory's and the tests' exact store have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from billp.errors import MemoryStoreError
from billp.memory.records import FieldValue, Record, Vector

T = TypeVar("T")


@dataclass(frozen=True)
class Match(Generic[T]):
    """Something found, and its squared L2 distance from what was looked for."""

    record: T
    distance: float


class VectorStore(Protocol):
    """One collection of records with unique ids.

    Reads see every write that returned before. Vectors have shape (d,). Raises MemoryStoreError for
    another d, and for every failure of the store behind.
    """

    def upsert(self, records: Sequence[Record]) -> None:
        """Writes `records`, each in place of the one with its id; the last of several with one id counts."""

    def nearest(self, vector: Vector, k: int, max_distance: float | None = None) -> list[Match[Record]]:
        """Finds at most `k` records by squared L2 distance, then id; none further away than `max_distance`."""

    @property
    def at_hand(self) -> bool:
        """Whether `nearest` takes so little time that an event loop can wait for it."""

    def largest(self, field: str, k: int) -> list[Record]:
        """Returns at most `k` records whose `field` is a whole number, largest first, then by id."""

    def get(self, ids: Sequence[str]) -> list[Record]:
        """Returns the records with these ids, in this order; an id without a record is left out."""

    def ids(self) -> list[str]:
        """Returns every id, sorted."""

    def fields(self) -> Iterator[tuple[str, Mapping[str, FieldValue]]]:
        """Yields every record's id and fields in the order of ids, without the heavy texts and vectors."""

    def all(self) -> Iterator[Record]:
        """Yields every record in the order of ids, read page by page."""

    def count(self) -> int:
        """Counts the records; afterwards a collection that another process removed counts as empty."""

    def delete(self, ids: Sequence[str]) -> None:
        """Forgets the records with these ids; an id without a record is no error."""

    def clear(self) -> None:
        """Forgets every record."""


def as_query(vector: ArrayLike, dimension: int) -> Vector:
    """Returns `vector` as float32 of shape (dimension,); raises MemoryStoreError for another shape and for NaN."""
    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (dimension,) or not np.isfinite(query).all():
        raise MemoryStoreError(f"A vector of shape {query.shape} does not fit ({dimension},); use the same embedder.")
    return query


def check_records(records: Sequence[Record], dimension: int) -> list[Record]:
    """Returns the last of `records` for each id; raises MemoryStoreError for another dimension."""
    for record in records:
        if record.vector.shape != (dimension,):
            raise MemoryStoreError(
                f"Record {record.id} has {record.vector.shape[0]} numbers, not {dimension}; use the same embedder."
            )
    return list({record.id: record for record in records}.values())


def rank(query: Vector, records: Sequence[Record], k: int, max_distance: float | None) -> list[Match[Record]]:
    """Returns the `k` of `records` nearest to `query`, by distance, then id.

    Distances are summed in float64 from the stored numbers, so they do not depend on which store was asked.
    """
    if not records or k <= 0:
        return []
    stored = np.stack([record.vector for record in records]).astype(np.float64)
    distances = np.square(stored - query.astype(np.float64)).sum(axis=1)
    matches = [Match(record, float(distance)) for record, distance in zip(records, distances, strict=True)]
    matches.sort(key=lambda match: (match.distance, match.record.id))
    return [match for match in matches[:k] if max_distance is None or match.distance <= max_distance]
