"""A record as a row of a Chroma collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from billp.memory.records import FieldValue, Origin, Record

if TYPE_CHECKING:
    from chromadb import Collection as ChromaCollection

ORIGIN = "origin."  # prefix of the metadata that belong to a record's origin


def replacing(handle: ChromaCollection, records: list[Record]) -> list[Any]:
    """The metadata of `records`, with None for fields only their predecessors have: Chroma merges where we replace."""
    answer = handle.get(ids=[record.id for record in records], include=["metadatas"])
    before = dict(zip(answer["ids"], answer["metadatas"] or [], strict=True))
    return [dict.fromkeys(before.get(record.id) or ()) | _metadata(record) for record in records]


def _metadata(record: Record) -> dict[str, FieldValue]:
    return {**record.fields, **{ORIGIN + name: value for name, value in asdict(record.origin).items()}}


def record_of(id_: str, text: str, vector: ArrayLike, metadata: Mapping[str, Any]) -> Record:
    """The record with these columns, as Chroma gives them back."""
    origin: dict[str, Any] = {
        name.removeprefix(ORIGIN): value for name, value in metadata.items() if name.startswith(ORIGIN)
    }
    return Record(id_, text, np.asarray(vector, dtype=np.float32), fields_of(metadata), Origin(**origin))


def fields_of(metadata: Mapping[str, Any]) -> dict[str, FieldValue]:
    """The fields of a record with this metadata."""
    return {name: value for name, value in metadata.items() if not name.startswith(ORIGIN)}
