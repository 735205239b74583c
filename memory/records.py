"""What memory holds: records with a vector, plain fields and an origin, and the dataclasses that they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache, lru_cache
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args, get_origin, get_type_hints
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
    """Returns `values` as a read-only float32 row of shape (d,); refuses another shape, NaN and infinity."""
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
        """Returns the one id of a record of `kind` learned at this moment, so writing it again changes nothing."""
        # Quoted, so that a slash in a run name cannot make two ids equal; padded, so that ids sort by step.
        return f"{kind}/{_quoted(self.run)}/{_quoted(self.episode)}/{self.step:04d}"


@lru_cache(4096)
def _quoted(name: str) -> str:
    return quote(name, safe="")


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

    Raises MemoryStoreError for a field that the store could not give back unchanged.
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
            # Chroma silently turns both of these into something else.
            infinite = isinstance(value, float) and not math.isfinite(value)
            too_long = isinstance(value, int) and not -(2**63) <= value < 2**63
            if infinite or too_long:
                raise MemoryStoreError(f"Field {name!r} of {self.id} is {value}; give a finite number of 64 bits.")

    def field(self, name: str, kind: type[_Value]) -> _Value:
        """Returns the field `name`; raises MemoryStoreError if it is missing or not of type `kind`."""
        return _field(self.id, self.fields, name, kind)


@dataclass(frozen=True, eq=False)
class Learned(ByValue):
    """Something that was learned; subclasses are plain dataclasses, one for each kind of record.

    `vector` has shape (d,). Each further field of a subclass is stored under its name, by its type: str, int, float,
    bool, and tuples of whole numbers as text ("3 9 5"). A field at its default is not stored, so that records of
    earlier versions, which lack it, read as the default.
    """

    kind: ClassVar[Kind]

    text: str
    vector: Vector
    origin: Origin

    @property
    def id(self) -> str:
        """The id of its record."""
        return self.origin.id(self.kind)

    @property
    def stored(self) -> dict[str, FieldValue]:
        """The fields of its record."""
        values: dict[str, FieldValue] = {}
        view: Any = type(self)  # an Any, for mypy takes classes of unhashable objects for unhashable
        for name, type_, default in _columns(view):
            value = getattr(self, name)
            if value != default:
                values[name] = " ".join(map(str, value)) if type_ is tuple else type_(value)
        return values

    def to_record(self) -> Record:
        """Returns the record that the store keeps."""
        return Record(self.id, self.text, self.vector, self.stored, self.origin)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Reads `record`; raises MemoryStoreError if it is of another kind or lacks a field."""
        if record.id != record.origin.id(cls.kind):
            raise MemoryStoreError(f"Record {record.id} is not of kind {cls.kind!r}; look for it in another memory.")
        values = fields_of(cls, record.id, record.fields)
        return cls(text=record.text, vector=record.vector, origin=record.origin, **values)


def fields_of(view: type, id_: str, stored: Mapping[str, FieldValue]) -> dict[str, Any]:
    """Reads the fields that the dataclass `view` declares from those `stored` for the record `id_`.

    Raises MemoryStoreError if one is missing or of another type.
    """
    values: dict[str, Any] = {}
    for name, type_, default in _columns(view):
        if type_ is tuple:
            values[name] = _numbers(str(stored.get(name, "")))  # earlier versions stored none
        elif name in stored or default is MISSING:
            values[name] = _field(id_, stored, name, type_)
    return values


@cache
def _columns(view: type) -> tuple[tuple[str, Any, Any], ...]:
    """Returns name, plain type and default (or MISSING) of each field that a record keeps in its fields."""
    hints, found = get_type_hints(view), []
    for each in fields(view):
        if each.name not in ("id", "text", "vector", "origin"):
            hint = hints[each.name]
            plain = tuple if get_origin(hint) is tuple else (get_args(hint) or (hint,))[0]  # of `bool | None`: bool
            found.append((each.name, plain, each.default))
    return tuple(found)


def _field(id_: str, stored: Mapping[str, FieldValue], name: str, kind: type[_Value]) -> _Value:
    value = stored.get(name)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise MemoryStoreError(f"Record {id_} has no {kind.__name__} {name!r}; it was not written by billp.")
    return value


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split())
    except ValueError as error:
        raise MemoryStoreError(f"Items before {text[:40]!r} are no numbers; it was not written by billp.") from error
