"""One collection of records in Chroma.

A record's text, fields and origin are one JSON text in its row. Chroma keeps a row of its own, with two indexes, for
each entry of metadata, and a full-text index of documents; nothing here searches them, and they cost more than a third
of each write. Memories of earlier versions have one entry for each field, and the text as document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from billp.memory.records import FieldValue, Origin, Record, Vector
from billp.memory.store.calls import Connection
from billp.memory.store.collection import Collection
from billp.memory.store.protocol import Match, as_query, check_records, rank

if TYPE_CHECKING:
    from chromadb import Collection as ChromaCollection
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.types import Include

PAGE = 500
LIGHT_PAGE = 5000  # rows without vectors
SPARE = 4  # neighbours asked for beyond k, so that near ties can be ordered exactly
# A wide search: Chroma's default misses some true neighbours from about 1,000 records on, and is no faster. How the
# index is built stays at the default: twice the work for each record written would find one more neighbour in 5,000.
HNSW: CreateHNSWConfiguration = {"space": "l2", "ef_search": 400}
ORIGIN = "origin."  # prefix of the metadata of earlier versions that belong to a record's origin
RECORD = "billp.record"  # the entry of metadata that holds the JSON
COLUMNS: Include = ["documents", "embeddings", "metadatas"]
SORTED = "ordinal"  # the field that has an entry of its own besides, by which Chroma finds the largest


class ChromaStore:
    """A `VectorStore` in Chroma; the first write makes the collection, so reading leaves no trace.

    Raises MemoryStoreError if it was written with another embedder, and for every failure of Chroma.
    """

    def __init__(self, connection: Connection, collection: Collection) -> None:
        self.collection = collection
        self._connection = connection
        self._handle: ChromaCollection | None = None
        self._handle_of: Client | None = None
        self._highest = 0  # number in SORTED that was met
        self._found()

    def upsert(self, records: Sequence[Record]) -> None:
        """See `VectorStore`."""
        rows = check_records(records, self.collection.dimension)
        if not rows:
            return
        with self._connection.writing(self.collection.key):
            there = self._found()
            handle = there or self._made()
            size = self._connection.client.get_max_batch_size()
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                handle.upsert(
                    ids=[record.id for record in part],
                    embeddings=np.stack([record.vector for record in part]),
                    metadatas=[_metadata(record) for record in part],
                )
            if there is None:
                self._connection.made()

    def nearest(self, vector: Vector, k: int, max_distance: float | None = None) -> list[Match[Record]]:
        """See `VectorStore`."""
        query = as_query(vector, self.collection.dimension)
        with self._connection.at_index(self.collection.key):
            handle = self._found()
            if handle is None or k <= 0:
                return []
            near = self._connection.searched(lambda: _neighbours(handle, query, k))
            return rank(query, near, k, max_distance)

    @property
    def at_hand(self) -> bool:
        """Never: it is a database."""
        return False

    def largest(self, field: str, k: int) -> list[Record]:
        """See `VectorStore`."""
        with self._connection.talking():
            handle = self._found()
            if handle is None or k <= 0:
                return []
            # Chroma cannot sort. Numbers that count records are mostly near their count, or near the highest one that
            # was met; only if too few are found there, all are read.
            numbers: dict[str, int] = {}
            if field == SORTED:
                numbers = _numbers(handle, field, at_least=max(handle.count(), self._highest) - 2 * k)
        if len(numbers) < k:
            numbers = {id_: value for id_, fields in self.fields() if type(value := fields.get(field)) is int}
        if field == SORTED:
            self._highest = max(numbers.values(), default=0)
        return self.get(sorted(numbers, key=lambda id_: (-numbers[id_], id_))[:k])

    def get(self, ids: Sequence[str]) -> list[Record]:
        """See `VectorStore`."""
        records: dict[str, Record] = {}
        with self._connection.at_index(self.collection.key):
            handle = self._found()
            if handle is None:
                return []
            for start in range(0, len(ids), PAGE):
                page = list(dict.fromkeys(ids[start : start + PAGE]))
                answer: Mapping[str, Any] = handle.get(ids=page, include=COLUMNS)
                columns = (answer[name] for name in ("ids", *COLUMNS))
                records |= {row[0]: _record_of(*row) for row in zip(*columns, strict=True)}
        return [records[id_] for id_ in ids if id_ in records]

    def ids(self) -> list[str]:
        """See `VectorStore`."""
        with self._connection.talking():
            handle = self._found()
            return [] if handle is None else sorted(handle.get(include=[])["ids"])

    def fields(self) -> Iterator[tuple[str, Mapping[str, FieldValue]]]:
        """See `VectorStore`."""
        ids = self.ids()
        for start in range(0, len(ids), LIGHT_PAGE):
            with self._connection.talking():
                handle = self._found()
                if handle is None:
                    return
                answer: Mapping[str, Any] = handle.get(ids=ids[start : start + LIGHT_PAGE], include=["metadatas"])
            rows = dict(zip(answer["ids"], answer["metadatas"], strict=True))
            for id_ in ids[start : start + LIGHT_PAGE]:
                if id_ in rows:
                    yield id_, _fields_of(rows[id_])

    def all(self) -> Iterator[Record]:
        """See `VectorStore`."""
        ids = self.ids()
        for start in range(0, len(ids), PAGE):
            yield from self.get(ids[start : start + PAGE])

    def count(self) -> int:
        """See `VectorStore`."""
        from chromadb.errors import NotFoundError  # noqa: PLC0415

        with self._connection.talking():
            handle = self._found()
            try:
                return 0 if handle is None else handle.count()
            except NotFoundError:  # another process cleared it, and may have made it again
                self._handle = None
                return self.count()

    def delete(self, ids: Sequence[str]) -> None:
        """See `VectorStore`."""
        for start in range(0, len(ids), PAGE):
            with self._connection.writing(self.collection.key):  # others come between two pages
                if (handle := self._found()) is not None:
                    handle.delete(ids=list(ids[start : start + PAGE]))

    def clear(self) -> None:
        """See `VectorStore`; the collection itself is removed, so another embedder may write it next."""
        with self._connection.writing(self.collection.key):
            if self._found() is not None:
                self._connection.client.delete_collection(self.collection.key)
            self._handle = None

    def _found(self) -> ChromaCollection | None:
        """Returns the collection in Chroma, None if it is missing; another process of a server may make it later."""
        with self._connection.talking():
            client = self._connection.client
            if self._handle is None or self._handle_of is not client:
                from chromadb.errors import NotFoundError  # noqa: PLC0415

                self._handle = None
                try:
                    handle = client.get_collection(self.collection.key, embedding_function=None)
                except NotFoundError:
                    return None
                self.collection.check(handle.metadata, self._connection.where)
                self._handle, self._handle_of = handle, client
            return self._handle

    def _made(self) -> ChromaCollection:
        self._handle_of = self._connection.client
        self._handle = self._handle_of.get_or_create_collection(
            self.collection.key,
            metadata=self.collection.metadata,
            configuration={"hnsw": HNSW},
            embedding_function=None,  # the default one would download a model
        )
        self.collection.check(self._handle.metadata, self._connection.where)
        return self._handle


def collections_in(connection: Connection) -> list[Collection]:
    """Returns our collections at `connection`; others may be there, too."""
    with connection.talking():
        found = (Collection.from_metadata(stored.metadata) for stored in connection.client.list_collections())
        return [collection for collection in found if collection is not None]


def _neighbours(handle: ChromaCollection, query: Vector, k: int) -> list[Record]:
    """Returns somewhat more than the `k` records nearest to `query`.

    Chroma picks at random among records at the same distance, so the search widens until no record it left out could
    tie with the last one taken. Neighbours and their rows come from one call, since each call costs milliseconds.
    """
    take = k + SPARE
    while True:
        answer: Mapping[str, Any] = handle.query(
            query_embeddings=query[None],
            n_results=take,
            include=["distances", *COLUMNS],
        )
        (distances,) = answer["distances"]
        if len(distances) < take or distances[-1] > distances[k - 1]:
            columns = (answer[name][0] for name in ("ids", *COLUMNS))
            return [_record_of(*values) for values in zip(*columns, strict=True)]
        take *= 4


def _numbers(handle: ChromaCollection, field: str, at_least: int) -> dict[str, int]:
    """Returns the whole numbers in `field` from `at_least` on, by id."""
    where: Any = {field: {"$gte": at_least}}  # its type is invariant, so no literal fits it
    answer: Mapping[str, Any] = handle.get(where=where, include=["metadatas"])
    found = zip(answer["ids"], (_fields_of(metadata).get(field) for metadata in answer["metadatas"]), strict=True)
    return {id_: number for id_, number in found if type(number) is int}  # reals are compared, too


def _metadata(record: Record) -> dict[str, FieldValue]:
    """Returns the metadata of a row. Entries that only the replaced row had stay in Chroma, and are not read."""
    whole = {"text": record.text, "fields": record.fields, "origin": asdict(record.origin)}
    ordered = {SORTED: record.fields[SORTED]} if SORTED in record.fields else {}
    return {RECORD: json.dumps(whole, ensure_ascii=False, separators=(",", ":")), **ordered}


def _record_of(id_: str, document: str | None, vector: ArrayLike, metadata: Mapping[str, Any]) -> Record:
    """Makes the record of a row, as Chroma returns it."""
    if (stored := metadata.get(RECORD)) is not None:
        whole = json.loads(stored)
    else:
        origin = {name.removeprefix(ORIGIN): value for name, value in metadata.items() if name.startswith(ORIGIN)}
        whole = {"text": document, "fields": _fields_of(metadata), "origin": origin}
    vector = np.asarray(vector, dtype=np.float32)
    return Record(id_, whole["text"], vector, whole["fields"], Origin(**whole["origin"]))


def _fields_of(metadata: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Returns the fields of a record with this metadata."""
    if (stored := metadata.get(RECORD)) is not None:
        fields: dict[str, FieldValue] = json.loads(stored)["fields"]
        return fields
    return {name: value for name, value in metadata.items() if not name.startswith(ORIGIN)}
