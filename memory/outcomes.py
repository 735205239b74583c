"""One experience in numbers, and what all of them together let expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from memory.records import FieldValue


@dataclass(frozen=True, slots=True)
class Outcome:
    """The numbers of one actor experience, as in ActorExperience."""

    id: str
    relation: str
    item: int
    reward: float
    advantage: float
    liking: float
    preference: float

    @classmethod
    def of(cls, id_: str, fields: Mapping[str, FieldValue]) -> Self:
        """From a record's id and fields."""
        numbers = (float(fields[name]) for name in ("reward", "advantage", "liking", "preference"))
        return cls(id_, str(fields["relation"]), int(fields["item"]), *numbers)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What memory expects of one candidate, in stars, and from how much.

    `advantage` = `staying` + `liking`: the part that its relation to the steps before has in it, and the part that
    items like it have. `support` is the number of experiences of that relation, neighbours counting in part.
    """

    advantage: float
    staying: float
    liking: float
    support: float
