"""What one Chroma collection holds, and its name there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, get_args

from billp.errors import MemoryStoreError
from billp.memory.records import Kind

_FORMAT = 2


def short_name(dataset: str, memory: str) -> str:
    """Returns one word for a memory: another for each dataset and memory, and legal whatever their names."""
    names = json.dumps([dataset, memory])
    readable = re.sub(r"[^a-z0-9]+", "-", f"{dataset}-{memory}".lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(names.encode()).hexdigest()[:16]
    return "-".join(part for part in (readable, digest) if part)


@dataclass(frozen=True)
class Collection:
    """One kind of records of one memory of one dataset, with vectors of one embedder."""

    kind: Kind
    dataset: str
    memory: str
    embedder: str
    dimension: int

    def __post_init__(self) -> None:
        if not self.dataset.strip() or not self.memory.strip():
            raise MemoryStoreError("A memory needs the name of a dataset and a name of its own; give both.")

    @property
    def key(self) -> str:
        """Its name in Chroma: another for each dataset, memory and kind, and legal whatever their names."""
        return f"{self.kind}-{short_name(self.dataset, self.memory)}"

    @property
    def metadata(self) -> dict[str, str | int | float | bool]:
        """What Chroma stores with it, so that a memory says what it is."""
        return {"billp": _FORMAT, **asdict(self)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None) -> Self | None:
        """Returns the collection with this metadata, or None if another application made it."""
        values = dict(metadata or {})
        if values.pop("billp", None) != _FORMAT or values.get("kind") not in get_args(Kind):
            return None
        try:
            return cls(**values)
        except TypeError:
            return None

    def check(self, metadata: Mapping[str, Any] | None, where: str) -> None:
        """Raises MemoryStoreError unless the stored `metadata` is this one's, the embedder included."""
        stored = self.from_metadata(metadata)
        if stored is None:
            raise MemoryStoreError(f"Collection {self.key} at {where} has another layout; clear this memory.")
        if (stored.embedder, stored.dimension) != (self.embedder, self.dimension):
            raise MemoryStoreError(
                f"Memory {self.memory!r} of {self.dataset!r} was written with embedder {stored.embedder} "
                f"({stored.dimension} numbers), not {self.embedder} ({self.dimension}): "
                "use that embedder, name another memory, or clear this one."
            )
