"""Receipts: how often a memory was used, and what followed.

Every learned episode leaves one record of what it used (`memory.lessons.Uses`), under the id of its run and episode;
so writing it twice is writing it once, and a receipt, which is added up from these records when it is asked for, counts
nothing twice. What follows a use is measured for each episode:

- a reflection was used where the episode recalled it; what followed is the episode's return less what was to be
  expected, the mean return of the `_LATELY` episodes learned before it in its run. The first of a run expects nothing.
- an Actor experience was used in the steps for whose state the LLM read it. What followed is the step's advantage, less
  the mean of that over all steps of this memory.
- a Critic experience was used in the steps whose state was valued with it, and mostly with others. What followed is the
  step's advantage, which is how much more came than the state's value (with `critic.eligibility` later steps count,
  too), less the mean of that over all steps whose states were valued from this memory.

Steps of one episode resemble each other, so a receipt's mean and its standard error are over episodes.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, pstdev

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from billp.errors import MemoryStoreError
from billp.memory.records import FieldValue

_LATELY = 20
_CHANCE = 0.025  # with which, of records that do no harm, any is taken for harmful
_DOUBT = 4.0  # uses' worth of doubt whether what followed a reflection was owed to it


@dataclass(frozen=True)
class Used:
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
        """As memory keeps it."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Used:
        """From what memory kept; raises MemoryStoreError when that is none of it."""
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise MemoryStoreError(f"Uses {text[:40]!r} are none; they were not written by billp.") from error


_ADAPTER = TypeAdapter(Used)


class Receipt(BaseModel):
    """How often something was used (reflections: in episodes, all else: in steps), in how many episodes, what followed.

    `change` is the mean over episodes in stars, `error` its standard error; None where nothing, or one episode alone,
    says it.
    """

    model_config = ConfigDict(frozen=True)

    uses: int = 0
    episodes: int = 0
    change: float | None = None
    error: float | None = None

    def words(self) -> str:
        """The receipt in a few words."""
        if not self.uses:
            return "never used"
        often = f"used {self.uses} times in {self.episodes} episodes" if self.uses > 1 else "used once"
        if self.change is None:
            return f"{often}; nothing to compare with"
        return f"{often}; then {self.change:+.2f}" + ("" if self.error is None else f" ± {self.error:.2f}") + " stars"


class Receipts:
    """The receipts of one memory, added up from its records of uses."""

    def __init__(self, uses: Iterable[tuple[str, Mapping[str, FieldValue]]], *, steps: bool = True) -> None:
        """`uses` are ids and fields of the records; without `steps` only reflections are counted, which is quicker."""
        self._uses: dict[str, int] = defaultdict(int)
        self._episodes: dict[str, int] = defaultdict(int)
        self._changes: dict[str, list[float]] = defaultdict(list)
        rows = [(id_, fields, Used.from_json(str(fields["used"]))) for id_, fields in uses]
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

    def of(self, key: str) -> Receipt:
        """The receipt of a record's id; an empty one where it was never used."""
        changes = self._changes.get(key, [])
        mean = sum(changes) / len(changes) if changes else None
        error = None
        if mean is not None and len(changes) > 1:
            error = math.sqrt(sum((change - mean) ** 2 for change in changes) / (len(changes) - 1) / len(changes))
        return Receipt(uses=self._uses.get(key, 0), episodes=self._episodes.get(key, 0), change=mean, error=error)

    def harmful(self, kinds: Sequence[str], least: int) -> dict[str, Receipt]:
        """Ids of these kinds, sorted, used in at least `least` episodes, after which it went worse than by chance.

        As of forty harmless records one lies two standard errors low by luck, the more are looked at the lower it has
        to be: with a chance of `_CHANCE` any harmless one is named (Student's t with Bonferroni's bound).
        """
        from scipy.special import stdtrit  # noqa: PLC0415  # takes a while to load, and only pruning needs it

        ids = [key for key in self._uses if key.partition("/")[0] in kinds and self._episodes[key] >= least]
        found: dict[str, Receipt] = {}
        for id_ in sorted(ids):
            receipt, count = self.of(id_), len(self._changes.get(id_, []))
            if receipt.change is None or receipt.error is None:
                continue
            if receipt.change + float(stdtrit(count - 1, 1 - _CHANCE / len(ids))) * receipt.error < 0:
                found[id_] = receipt
        return found

    def weight(self, reflection: str) -> float:
        """How much the reflection of this id counts, between 0 and 2; 1 where nothing is known of it.

        It is 2 / (1 + exp(-z)), z being how many standard errors what followed it lies above what followed reflections
        on the whole (which rises with everything that is learned), less the fewer episodes say so.
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
