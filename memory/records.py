"""What memory holds: records with a vector, plain fields and an origin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeVar, get_args
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from billp.errors import MemoryStoreError

Vector = NDArray[np.float32]
FieldValue = str | int | float | bool
Kind = Literal["reflections", "actor", "critic", "uses"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_Value = TypeVar("_Value", str, int, float, bool)


def as_vector(values: Vector | Sequence[float]) -> Vector:
    """`values` as one read-only float32 row of shape (d,); refuses another shape, NaN and infinity."""
    vector = np.array(values, dtype=np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise MemoryStoreError(f"A vector of shape {vector.shape} is no row of finite numbers; check the embedder.")
    vector.flags.writeable = False
    return vector


@dataclass(frozen=True, slots=True)
class Origin:
    """The moment something was learned: enough to play that episode again.

    `step` is the number of the step in the episode, from 1, and -1 for what was learned from the episode as a whole.
    """

    run: str
    episode: str
    user: str
    step: int
    seed: int

    def id(self, kind: str) -> str:
        """The one id of what `kind` of memory learned at this moment, so that a repeated write changes nothing."""
        # Quoted, because a slash in a run name must not make two origins meet; padded, so that ids sort by step.
        return f"{kind}/{quote(self.run, safe='')}/{quote(self.episode, safe='')}/{self.step:04d}"


class ByValue:
    """Equality field by field; the generated one cannot compare arrays."""

    __hash__ = None  # type: ignore[assignment]  # arrays cannot be hashed, so neither can their owners

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@dataclass(frozen=True, eq=False)
class Record(ByValue):
    """One thing remembered: a text, its vector of shape (d,), plain fields and where it came from.

    Raises MemoryStoreError on a field the store could not give back unchanged.
    """

    id: str
    text: str
    vector: Vector
    fields: Mapping[str, FieldValue]
    origin: Origin

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", as_vector(self.vector))
        object.__setattr__(self, "fields", dict(self.fields))
        for name, value in [*self.fields.items(), ("step", self.origin.step), ("seed", self.origin.seed)]:
            # Chroma turns both of these into something else without a word.
            infinite = isinstance(value, float) and not math.isfinite(value)
            too_long = isinstance(value, int) and not -(2**63) <= value < 2**63
            if infinite or too_long:
                raise MemoryStoreError(f"Field {name!r} of {self.id} is {value}; give a finite number of 64 bits.")

    def field(self, name: str, kind: type[_Value]) -> _Value:
        """The field `name`, which must be a `kind`; raises MemoryStoreError when it is missing or is not."""
        value = self.fields.get(name)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise MemoryStoreError(f"Record {self.id} has no {kind.__name__} {name!r}; it was not written by billp.")
        return value
