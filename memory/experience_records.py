"""The kinds of records as what they mean: reflection, actor experience, critic experience, uses of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from billp.errors import MemoryStoreError
from billp.memory.outcomes import Outcome, before_of
from billp.memory.records import ByValue, FieldValue, Kind, Origin, Record, Vector


@dataclass(frozen=True, eq=False)
class _Lesson(ByValue):
    kind: ClassVar[Kind]

    @property
    def id(self) -> str:
        """The id of its record."""
        origin: Origin = getattr(self, "origin")  # noqa: B009 -- every view has one
        return origin.id(self.kind)

    @classmethod
    def _check(cls, record: Record) -> Record:
        if record.id != record.origin.id(cls.kind):
            raise MemoryStoreError(f"Record {record.id} is not of kind {cls.kind!r}; look for it in another memory.")
        return record


@dataclass(frozen=True, eq=False)
class Reflection(_Lesson):
    """What one finished episode taught (macro memory).

    `vector` embeds the user's state when the episode began, `ended` says why it ended, `length` is in steps,
    `reward` is the sum over the episode, `ordinal` counts the reflections of a memory in the order of writing,
    `evidence` is what the episode shows in numbers, as JSON whose meaning is the Planner's, and `claim` why the user
    left, as JSON whose meaning is the Reflector's; empty where nobody claimed anything, as in earlier versions.
    """

    kind: ClassVar[Kind] = "reflections"

    text: str
    vector: Vector
    ended: str
    length: int
    reward: float
    ordinal: int
    evidence: str
    origin: Origin
    claim: str = ""

    def to_record(self) -> Record:
        """This reflection as the store keeps it."""
        values: dict[str, FieldValue] = {"ended": self.ended, "length": self.length, "evidence": self.evidence}
        values |= {"claim": self.claim} if self.claim else {}
        values |= {"reward": float(self.reward), "ordinal": self.ordinal}
        return Record(self.origin.id(self.kind), self.text, self.vector, values, self.origin)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The reflection in `record`; raises MemoryStoreError when it holds none."""
        r = cls._check(record)
        return cls(
            text=r.text,
            vector=r.vector,
            ended=r.field("ended", str),
            length=r.field("length", int),
            reward=r.field("reward", float),
            ordinal=r.field("ordinal", int),
            evidence=r.field("evidence", str),
            origin=r.origin,
            claim=r.field("claim", str) if "claim" in r.fields else "",
        )


@dataclass(frozen=True, eq=False)
class ActorExperience(_Lesson):
    """An item recommended in a state, and how that compared with what was expected (micro memory).

    `vector` embeds `state_text`, `item` is a catalogue index, `advantage` and `reward` are in units of reward,
    `encouraged` is the sign of the advantage: whether to do it again. `relation` says how the item related to the steps
    before it, `before` which items these were (catalogue indices, oldest first, the last few), and `left` whether the
    user left over it; earlier versions did not say, then it is None.
    """

    kind: ClassVar[Kind] = "actor"

    state_text: str
    vector: Vector
    item: int
    item_title: str
    advantage: float
    encouraged: bool
    reward: float
    relation: str
    before: tuple[int, ...]
    left: bool | None
    origin: Origin

    @property
    def outcome(self) -> Outcome:
        """Its numbers."""
        return Outcome(self.id, self.relation, self.item, self.reward, self.advantage, self.before, self.left)

    def to_record(self) -> Record:
        """This experience as the store keeps it."""
        values: dict[str, FieldValue] = {"item": self.item, "item_title": self.item_title, "reward": float(self.reward)}
        values |= {"advantage": float(self.advantage), "encouraged": self.encouraged, "relation": self.relation}
        values |= {"before": " ".join(map(str, self.before))}
        values |= {} if self.left is None else {"left": self.left}
        return Record(self.origin.id(self.kind), self.state_text, self.vector, values, self.origin)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The experience in `record`; raises MemoryStoreError when it holds none."""
        r = cls._check(record)
        return cls(
            state_text=r.text,
            vector=r.vector,
            item=r.field("item", int),
            item_title=r.field("item_title", str),
            advantage=r.field("advantage", float),
            encouraged=r.field("encouraged", bool),
            reward=r.field("reward", float),
            relation=r.field("relation", str),
            before=before_of(r.fields),
            left=r.field("left", bool) if "left" in r.fields else None,
            origin=r.origin,
        )


@dataclass(frozen=True, eq=False)
class CriticExperience(_Lesson):
    """A state and what it turned out to be worth, in units of (discounted) reward; `vector` embeds `state_text`."""

    kind: ClassVar[Kind] = "critic"

    state_text: str
    vector: Vector
    value: float
    origin: Origin

    def to_record(self) -> Record:
        """This experience as the store keeps it."""
        values = {"value": float(self.value)}
        return Record(self.origin.id(self.kind), self.state_text, self.vector, values, self.origin)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The experience in `record`; raises MemoryStoreError when it holds none."""
        r = cls._check(record)
        return cls(r.text, r.vector, r.field("value", float), r.origin)


@dataclass(frozen=True, eq=False)
class Uses(_Lesson):
    """What one learned episode used of memory, and how it went; receipts (`memory.receipts`) are added up from it.

    `reward`, `length`, `ended` and `ordinal` are the episode's as in Reflection; `used` is JSON that
    `memory.receipts.Used` reads. `vector` embeds the user's state when the episode began.
    """

    kind: ClassVar[Kind] = "uses"

    vector: Vector
    ended: str
    length: int
    reward: float
    ordinal: int
    used: str
    origin: Origin

    def to_record(self) -> Record:
        """These uses as the store keeps them."""
        values: dict[str, FieldValue] = {"ended": self.ended, "length": self.length, "used": self.used}
        values |= {"reward": float(self.reward), "ordinal": self.ordinal}
        text = f"A return of {self.reward:g} in {self.length} steps, ended: {self.ended}"
        return Record(self.origin.id(self.kind), text, self.vector, values, self.origin)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """The uses in `record`; raises MemoryStoreError when it holds none."""
        r = cls._check(record)
        return cls(
            vector=r.vector,
            ended=r.field("ended", str),
            length=r.field("length", int),
            reward=r.field("reward", float),
            ordinal=r.field("ordinal", int),
            used=r.field("used", str),
            origin=r.origin,
        )
