"""The usage log: what episodes used of a memory, and the usage statistics of its records.

Every learned episode leaves one entry under the id of its run and episode, so writing it twice changes nothing, and the
statistics, which are sums over the entries, count nothing twice. What followed a use:

- An episode used a reflection where it recalled it. What followed is the episode's return less what was to be expected:
  the mean return of the `_LATELY` episodes learned before it in its run. The first of a run expects nothing.
- A step used an Actor experience where the LLM read it for that state. What followed is the step's advantage, less the
  mean of that over all steps of this memory.
- A step used a Critic experience where its state was valued with it, and mostly with others. What followed is the
  step's advantage, which is how much more came than the state's value, less the mean of that over all steps
  whose states were valued from this memory.

Steps of one episode resemble each other, so means and standard errors are over episodes.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, pstdev
from threading import Lock
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from billp.errors import MemoryStoreError
from billp.memory.records import FieldValue, Kind, Learned
from billp.memory.store.protocol import VectorStore

_LATELY = 20
_CHANCE = 0.025  # with which, of records that do no harm, any is taken for harmful
_DOUBT = 4.0  # uses after which what followed a reflection counts half
_RECENT = 1000  # learned episodes from which reflections are weighed, so that a large memory does not cost more

Row = tuple[str, Mapping[str, FieldValue]]
"""Id and fields of the record of an entry."""


@dataclass(frozen=True)
class EpisodeUsage:
    """What one episode used: the reflections recalled, and for each experience the steps and their advantages added up.

    Keys of `used` are ids of Actor experiences, those of `valued` of Critic experiences. `steps` and `surprise` are the
    number and the advantages, in stars, of all judged steps; `valued_steps` and `advantage` the same of those whose
    state was valued with any experience.
    """

    recalled: tuple[str, ...] = ()
    steps: int = 0
    surprise: float = 0.0
    valued_steps: int = 0
    advantage: float = 0.0
    used: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    valued: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the JSON that memory keeps."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str, *, steps: bool = True) -> EpisodeUsage:
        """Reads the JSON that memory kept, without `steps` only what was recalled.

        Raises MemoryStoreError if it is something else.
        """
        try:
            return _ADAPTER.validate_json(text) if steps else cls(_RECALLED.validate_json(text).recalled)
        except ValidationError as error:
            raise MemoryStoreError(f"Usage {text[:40]!r} cannot be read; it was not written by billp.") from error


@dataclass(frozen=True)
class _Recalled:
    """The part of `EpisodeUsage` that reflections are weighed by; the rest is by far the larger one."""

    recalled: tuple[str, ...] = ()


_ADAPTER, _RECALLED = TypeAdapter(EpisodeUsage), TypeAdapter(_Recalled)


@dataclass(frozen=True, eq=False)
class UsageEntry(Learned):
    """What one learned episode used of memory, and how it went.

    `text` says how it went in words, `vector` embeds the user's state when the episode began, `reward`, `length`,
    `ended` and `ordinal` are the episode's as in Reflection, `used` is the JSON of an `EpisodeUsage`.
    """

    kind: ClassVar[Kind] = "uses"

    ended: str
    length: int
    reward: float
    ordinal: int
    used: str


class UsageStatistics(BaseModel):
    """How often a record was used (reflections: in episodes, all else: in steps), in how many episodes, what followed.

    `change` is the mean over episodes in stars, `error` its standard error; None where nothing, or one episode alone,
    says it.
    """

    model_config = ConfigDict(frozen=True)

    uses: int = 0
    episodes: int = 0
    change: float | None = None
    error: float | None = None

    def words(self) -> str:
        """Says the statistics in a few words."""
        if not self.uses:
            return "never used"
        often = f"used {self.uses} times in {self.episodes} episodes" if self.uses > 1 else "used once"
        if self.change is None:
            return f"{often}; nothing to compare with"
        return f"{often}; then {self.change:+.2f}" + ("" if self.error is None else f" ± {self.error:.2f}") + " stars"


class UsageTable:
    """The usage statistics of all records of one memory, summed over the entries of its usage log."""

    def __init__(self, entries: Iterable[Row], *, steps: bool = True) -> None:
        """Sums over `entries`; without `steps` only reflections are counted, which is faster."""
        self._uses: dict[str, int] = defaultdict(int)
        self._episodes: dict[str, int] = defaultdict(int)
        self._changes: dict[str, list[float]] = defaultdict(list)
        rows = [(id_, fields, EpisodeUsage.from_json(str(fields["used"]), steps=steps)) for id_, fields in entries]
        surprise = sum(used.surprise for *_, used in rows) / max(sum(used.steps for *_, used in rows), 1)
        advantage = sum(used.advantage for *_, used in rows) / max(sum(used.valued_steps for *_, used in rows), 1)
        before: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_LATELY))
        for id_, fields, used in sorted(rows, key=lambda row: (int(row[1]["ordinal"]), row[0])):
            run = id_.split("/")[1]
            returned, lately = float(fields["reward"]), before[run]
            for recalled in used.recalled:
                change = returned - sum(lately) / len(lately) if lately else None
                self._count(recalled, 1, change)
            lately.append(returned)
            for keys, usual in ((used.used, surprise), (used.valued, advantage)) if steps else ():
                for key, (count, total) in keys.items():
                    self._count(key, count, total / count - usual)

    def of(self, key: str) -> UsageStatistics:
        """Returns the statistics of the record with this id; zeros if it was never used."""
        changes = self._changes.get(key, [])
        mean = sum(changes) / len(changes) if changes else None
        error = None
        if mean is not None and len(changes) > 1:
            error = math.sqrt(sum((change - mean) ** 2 for change in changes) / (len(changes) - 1) / len(changes))
        return UsageStatistics(
            uses=self._uses.get(key, 0), episodes=self._episodes.get(key, 0), change=mean, error=error
        )

    def harmful(self, collections: Sequence[str], least: int) -> dict[str, UsageStatistics]:
        """Returns the records of `collections`, used in at least `least` episodes, that did harm beyond chance, by id.

        One of forty harmless records lies two standard errors low by luck, so the bound gets stricter with the number
        of records: the probability that any harmless one is named is `_CHANCE` (Student's t, Bonferroni's bound).
        """
        from scipy.special import stdtrit  # noqa: PLC0415  # takes a while to load, and only pruning needs it

        ids = [key for key in self._uses if key.partition("/")[0] in collections and self._episodes[key] >= least]
        found: dict[str, UsageStatistics] = {}
        for id_ in sorted(ids):
            usage, count = self.of(id_), len(self._changes.get(id_, []))
            if usage.change is None or usage.error is None:
                continue
            if usage.change + float(stdtrit(count - 1, 1 - _CHANCE / len(ids))) * usage.error < 0:
                found[id_] = usage
        return found

    def weight(self, reflection: str) -> float:
        """Returns how much the reflection of this id counts, between 0 and 2; 1 if nothing is known of it.

        It is 2 / (1 + exp(-z)). z is how many standard errors what followed it lies above what followed all
        reflections, times n / (n + `_DOUBT`) after n episodes. Comparing with all reflections takes out the rise of
        returns that comes from learning as such.
        """
        changes = self._changes.get(reflection, [])
        usual, spread = self._reflections
        if not changes or not spread:
            return 1.0
        error = spread / math.sqrt(len(changes))
        certain = len(changes) / (len(changes) + _DOUBT)
        return 2 / (1 + math.exp(-certain * (sum(changes) / len(changes) - usual) / error))

    @cached_property
    def _reflections(self) -> tuple[float, float]:
        """Mean and standard deviation of what followed the recalls of any reflection, in stars."""
        followed = [each for key, all_ in self._changes.items() if key.startswith("reflections/") for each in all_]
        return (fmean(followed), pstdev(followed)) if followed else (0.0, 0.0)

    def _count(self, key: str, uses: int, change: float | None) -> None:
        self._uses[key] += uses
        self._episodes[key] += 1
        if change is not None:
            self._changes[key].append(change)


class UsageLog:
    """The entries of the episodes that one memory learned from."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store
        self._latest: dict[str, Mapping[str, FieldValue]] | None = None  # without what single steps used
        self._table: UsageTable | None = None
        self._count = 0
        self._adding = Lock()

    def write(self, entries: Sequence[UsageEntry]) -> None:
        """Writes what episodes used, each entry in place of an earlier one of its episode."""
        records = [entry.to_record() for entry in entries]
        with self._adding:
            self.store.upsert(records)
            self._table = None
            if self._latest is not None:
                written = {record.id: _without_steps(record.fields) for record in records}
                self._count += len(written.keys() - self._latest.keys())
                self._latest = _latest({**self._latest, **written})

    def reread(self) -> None:
        """Makes the next call read the entries again, because the store was changed."""
        with self._adding:
            self._latest = self._table = None

    def refresh(self, count: int) -> None:
        """Does `reread` if the store's `count` of records shows that another process changed it."""
        with self._adding:
            if self._latest is not None and self._count != count:
                self._latest = self._table = None

    def recent(self) -> UsageTable:
        """Returns the statistics of reflections over the latest episodes; summed once between two writes."""
        with self._adding:  # episodes that begin together wait for one sum instead of making one each
            if self._latest is None:
                self._count = self.store.count()
                records = self.store.largest("ordinal", _RECENT)
                self._latest = {record.id: _without_steps(record.fields) for record in records}
            if self._table is None:
                self._table = UsageTable(self._latest.items(), steps=False)
            return self._table

    def recent_of(self, known: Callable[[str], bool]) -> UsageTable:
        """Returns what `recent` gave when there were only the entries whose ids `known` accepts."""
        rows = {id_: _without_steps(fields) for id_, fields in self.store.fields() if known(id_)}
        return UsageTable(_latest(rows).items(), steps=False)

    def table(self) -> UsageTable:
        """Returns the statistics of all records as of now."""
        return UsageTable(self.store.fields())


def ids_of_episode(id_: str, fields: Mapping[str, FieldValue]) -> list[str]:
    """Returns the ids of all that an episode may have taught, given its entry."""
    _, run, episode, _ = id_.split("/")
    steps = [
        f"{kind}/{run}/{episode}/{step:04d}"
        for kind in ("actor", "critic")
        for step in range(1, int(fields["length"]) + 1)
    ]
    return [id_, f"reflections/{run}/{episode}/-001", *steps]


def _without_steps(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Returns the fields that weigh reflections; what single steps used is by far the largest part of an entry."""
    used = EpisodeUsage.from_json(str(fields["used"]), steps=False)
    return {"ordinal": fields["ordinal"], "reward": fields["reward"], "used": used.to_json()}


def _latest(rows: Mapping[str, Mapping[str, FieldValue]]) -> dict[str, Mapping[str, FieldValue]]:
    """Returns the entries of the latest episodes, latest first."""
    ordered = sorted(rows.items(), key=lambda row: (-int(row[1]["ordinal"]), row[0]))
    return dict(ordered[:_RECENT])
