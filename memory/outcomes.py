"""One experience in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from billp.errors import MemoryStoreError
from billp.memory.records import FieldValue


@dataclass(frozen=True, slots=True)
class Outcome:
    """The numbers of one actor experience, as in ActorExperience; `left` is None where it does not say."""

    id: str
    relation: str
    item: int
    reward: float
    advantage: float
    before: tuple[int, ...] = ()
    left: bool | None = None

    @classmethod
    def of(cls, id_: str, fields: Mapping[str, FieldValue]) -> Self:
        """From a record's id and fields."""
        left = fields.get("left")
        return cls(
            id_,
            str(fields["relation"]),
            int(fields["item"]),
            float(fields["reward"]),
            float(fields["advantage"]),
            before=before_of(fields),
            left=None if left is None else bool(left),
        )


def before_of(fields: Mapping[str, FieldValue]) -> tuple[int, ...]:
    """The items recommended before, oldest first, from a record's fields; none where it does not say.

    Raises MemoryStoreError where they are no numbers.
    """
    told = str(fields.get("before", ""))
    try:
        return tuple(int(item) for item in told.split())
    except ValueError as error:
        raise MemoryStoreError(f"Items before {told[:40]!r} are no numbers; it was not written by billp.") from error
