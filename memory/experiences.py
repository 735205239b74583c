"""Micro memory: what single steps taught the Actor and the Critic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from threading import Lock
from typing import ClassVar, Generic, Self, TypeVar

from billp.memory.records import FieldValue, Kind, Learned, Vector, fields_of
from billp.memory.store.protocol import Match, VectorStore


@dataclass(frozen=True, slots=True)
class Outcome:
    """The numbers of one actor experience, under the same names, without its vector and text."""

    id: str
    relation: str
    item: int
    reward: float
    advantage: float
    before: tuple[int, ...] = ()
    left: bool | None = None

    @classmethod
    def of(cls, id_: str, stored: Mapping[str, FieldValue]) -> Self:
        """Reads a record's id and fields; raises MemoryStoreError if it is no actor experience."""
        return cls(id=id_, **fields_of(cls, id_, stored))


@dataclass(frozen=True, eq=False)
class ActorExperience(Learned):
    """An item recommended in a state, and how that compared with what was expected.

    `vector` embeds `text`, which describes the state; `item` is a catalogue index, `advantage` and `reward` are in
    units of reward, `encouraged` is the sign of the advantage: whether to do it again. `relation` says how the item
    related to the steps before it, `before` which items these were (catalogue indices, oldest first, the last few), and
    `left` whether the user left over it; None in records of earlier versions, which do not say.
    """

    kind: ClassVar[Kind] = "actor"

    item: int
    item_title: str
    advantage: float
    encouraged: bool
    reward: float
    relation: str
    before: tuple[int, ...]
    left: bool | None = None

    @property
    def outcome(self) -> Outcome:
        """Its numbers."""
        return Outcome(**{each.name: getattr(self, each.name) for each in fields(Outcome)})


@dataclass(frozen=True, eq=False)
class CriticExperience(Learned):
    """A state and what it turned out to be worth, in units of (discounted) reward; `vector` embeds `text`."""

    kind: ClassVar[Kind] = "critic"

    value: float


_Experience = TypeVar("_Experience", ActorExperience, CriticExperience)


class _ExperienceMemory(Generic[_Experience]):
    def __init__(self, store: VectorStore, view: type[_Experience]) -> None:
        self.store = store
        self._view: type[_Experience] = view

    def similar(self, vector: Vector, k: int, max_distance: float | None = None) -> list[Match[_Experience]]:
        """Finds at most `k` experiences of similar states, nearest first; none beyond `max_distance` (squared L2)."""
        found = self.store.nearest(vector, k, max_distance)
        return [Match(self._view.from_record(match.record), match.distance) for match in found]

    def write(self, experiences: Sequence[_Experience]) -> None:
        """Writes `experiences`, each in place of the one with its id."""
        self.store.upsert([experience.to_record() for experience in experiences])


class ActorMemory(_ExperienceMemory[ActorExperience]):
    """Items recommended in past states, and whether to do so again."""

    def __init__(self, store: VectorStore) -> None:
        super().__init__(store, ActorExperience)
        self._outcomes: dict[str, Outcome] | None = None
        self._changes = 0
        self._adding = Lock()

    @property
    def changes(self) -> int:
        """A number that changes with the experiences."""
        return self._changes

    def outcomes(self) -> tuple[int, list[Outcome]]:
        """Returns `changes` and the outcomes of all experiences.

        The first call reads every experience, so it must not run on an event loop.
        """
        with self._adding:
            if self._outcomes is None:
                self._outcomes = {id_: Outcome.of(id_, stored) for id_, stored in self.store.fields()}
            return self._changes, list(self._outcomes.values())

    def write(self, experiences: Sequence[ActorExperience]) -> None:
        """Writes `experiences`, each in place of the one with its id, and updates the outcomes."""
        with self._adding:
            super().write(experiences)
            self._changes += 1
            if self._outcomes is not None:
                self._outcomes |= {experience.id: experience.outcome for experience in experiences}

    def forget(self, ids: Sequence[str]) -> None:
        """Forgets the experiences with these ids; an id without one is no error."""
        with self._adding:
            self.store.delete(ids)
            self._changes += 1
            if self._outcomes is not None:
                gone = set(ids)
                self._outcomes = {id_: each for id_, each in self._outcomes.items() if id_ not in gone}

    def reread(self) -> None:
        """Makes the next call read the outcomes again, because the store was changed directly."""
        with self._adding:
            self._outcomes = None
            self._changes += 1

    def refresh(self, count: int) -> None:
        """Does `reread` if the store's `count` of records shows that another process changed it."""
        with self._adding:
            if self._outcomes is not None and len(self._outcomes) != count:
                self._outcomes = None
                self._changes += 1


class CriticMemory(_ExperienceMemory[CriticExperience]):
    """Past states, and what they turned out to be worth."""

    def __init__(self, store: VectorStore) -> None:
        super().__init__(store, CriticExperience)
