"""What all actor experiences say together: the advantage to expect of a candidate, from every experience at once.

Nearest neighbours give a candidate a few dozen experiences at best, too few to tell a relation after which one user in
a hundred leaves from one after which five do. So experiences are added up under what makes them comparable: their
relation to the steps before (what keeps users or bores them) and their item (what is rated well). The sums are a view
of the records in the store and are made from them anew when a memory is opened, so nothing is counted twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memory.outcomes import Estimate, Outcome
from memory.records import Vector
from memory.sums import Sums, Tables, place_of, tables_of

_WIDTH = 0.15  # of the kernel between relations whose digits are scaled to 0..1: neighbours count a hundredth
_ITEM_WIDTH = 0.4  # of the kernel between items, in squared L2 distance of their text vectors
_DOUBT = 1.0  # experiences' worth of doubt in a relation
_ITEM_DOUBT = 2.0  # the same in an item
_TRUST_DOUBT = 4.0  # squared nats of preference it takes to believe the measured trust as much as the given one
_MEASURED = 8  # choices after which the LLM's reach goes by them


class Ledger:
    """The sums over experiences. May be read from several threads; `add` is one writer's."""

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        self._relations = Sums()
        self._items = Sums()
        self._preferred = self._products = self._squares = 0.0
        self._beyond = np.zeros(3)  # number, sum and sum of squares of what rewards held beyond what memory expected
        self._known: tuple[Tables, Vector] | None = None
        self.add(outcomes)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._ids

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count `outcomes`; those counted before are passed over."""
        with self._lock:
            for outcome in outcomes:
                if outcome.id in self._ids:
                    continue
                self._ids.add(outcome.id)
                self._relations.add(outcome.relation, outcome.advantage - outcome.reward)
                self._items.add(outcome.item, outcome.reward)
                # What the LLM preferred, against what memory had not foreseen in the reward.
                self._preferred += outcome.preference
                beyond = outcome.reward - outcome.liking
                self._products += outcome.preference * beyond
                self._squares += outcome.preference**2
                if outcome.preference:
                    self._beyond += (1.0, beyond, beyond * beyond)
            self.__dict__.pop("_tables", None)

    def estimate(
        self, relations: Sequence[str], items: Sequence[int], vectors: Vector, caution: float
    ) -> list[Estimate]:
        """What to expect of each candidate: `relations[k]` to the steps before, and item `items[k]`.

        `vectors` (n_items, d) are the unit text vectors of all items. `staying` is the mean over experiences of that
        relation of what followed beyond the reward, less its mean over all, shrunk where they are few, less `caution`
        standard errors; `liking` the mean reward of similar items, less that of all, shrunk likewise. Nothing is
        expected where nothing is known.
        """
        with self._lock:
            tables = self._tables
        if not len(tables.keys):
            return [Estimate(0.0, 0.0, 0.0, 0.0) for _ in items]
        asked = np.array([place_of(relation) for relation in relations])
        apart = np.square(asked[:, None] - tables.keys[None]).sum(axis=2)
        weights = _near(apart)
        support = weights @ tables.counts
        staying = weights @ (tables.sums - tables.mean * tables.counts) / (support + _DOUBT)
        staying -= caution * tables.deviation / np.sqrt(support + 1)
        liking = self._liking(tables, items, vectors)
        columns = (column.tolist() for column in (staying + liking, staying, liking, support))
        return [Estimate(*row) for row in zip(*columns, strict=True)]

    def doubt(self, relation: str) -> float:
        """The standard error, in stars, of what experiences say about a candidate of `relation`; 0 without any."""
        with self._lock:
            tables = self._tables
        if not len(tables.keys):
            return 0.0
        return float(tables.deviation / np.sqrt(_support(tables, np.array(place_of(relation))) + 1))

    def staying_parts(self, relation: str, outcomes: Sequence[Outcome]) -> list[float]:
        """Stars that each of `outcomes`, counted before, adds to the `staying` of a candidate of `relation`.

        Those of all outcomes add up to what `estimate` gives without caution.
        """
        with self._lock:
            tables = self._tables
        if not outcomes or not len(tables.keys):
            return [0.0 for _ in outcomes]
        place = np.array(place_of(relation))
        support = _support(tables, place)
        apart = np.square(place - np.array([place_of(outcome.relation) for outcome in outcomes])).sum(axis=1)
        beyond = np.array([outcome.advantage - outcome.reward for outcome in outcomes]) - tables.mean
        parts: list[float] = (_near(apart) * beyond / (support + _DOUBT)).tolist()
        return parts

    def liking_parts(self, item: int, vectors: Vector) -> dict[int, tuple[int, float, float]]:
        """For every item with experiences their number, their mean reward, and the stars they add to `item`'s `liking`.

        `vectors` as in `estimate`; the stars of all items add up to the liking.
        """
        with self._lock:
            tables = self._tables
        if not len(tables.items):
            return {}
        weights = self._alike(tables, [item], vectors)[0]
        better = tables.item_sums - tables.usual * tables.item_counts
        stars = weights * better / (weights @ tables.item_counts + _ITEM_DOUBT)
        means = tables.item_sums / tables.item_counts
        columns = (column.tolist() for column in (tables.item_counts.astype(int), means, stars))
        return dict(zip(tables.items.tolist(), zip(*columns, strict=True), strict=True))

    def trust(self, prior: float, caution: float) -> float:
        """Stars for each nat by which the LLM prefers a candidate: `prior` at first, then what choices showed.

        The slope, by least squares, of the reward beyond what memory had expected on the LLM's preference, held to
        `prior` as by `_TRUST_DOUBT` squared nats of experience, less `caution` standard errors of that; never negative.
        """
        with self._lock:
            usual = self._tables.usual
            products = self._products - usual * self._preferred
            weight = _TRUST_DOUBT + self._squares
            trust = (_TRUST_DOUBT * prior + products) / weight
            count, total, squares = self._beyond
            left = squares - 2 * usual * total + usual**2 * count - 2 * trust * products + trust**2 * self._squares
            error = np.sqrt(max(left, 0.0) / max(count, 1.0) * self._squares) / weight
            return float(max(0.0, trust - caution * error))

    def reach(self, prior: float) -> float:
        """Nats by which the LLM usually prefers its favourite to the candidate it likes least; `prior` at first.

        Six draws from a normal distribution span 2.5 of its standard deviations.
        """
        with self._lock:
            count = self._beyond[0]
            return float(2.5 * np.sqrt(self._squares / count)) if count >= _MEASURED else prior

    def _liking(self, tables: Tables, items: Sequence[int], vectors: Vector) -> NDArray[np.float64]:
        weights = self._alike(tables, items, vectors)
        better = weights @ (tables.item_sums - tables.usual * tables.item_counts)
        return np.asarray(better / (weights @ tables.item_counts + _ITEM_DOUBT))

    def _alike(self, tables: Tables, items: Sequence[int], vectors: Vector) -> NDArray[np.float64]:
        """(items, known items) in 0..1: how far what is known of one item counts for another."""
        known = self._known
        if known is None or known[0] is not tables:  # gathered once between two writes, not at every step
            self._known = known = (tables, np.ascontiguousarray(vectors[tables.items].T))
        closeness = vectors[list(items)] @ known[1]
        return np.asarray(np.exp(-(2.0 - 2.0 * np.clip(closeness.astype(np.float64), -1, 1)) / _ITEM_WIDTH))

    @cached_property
    def _tables(self) -> Tables:
        return tables_of(self._relations, self._items)


def _support(tables: Tables, place: NDArray[np.float64]) -> float:
    """Number of experiences of the relation at `place`, neighbours counting in part."""
    return float(_near(np.square(place - tables.keys).sum(axis=1)) @ tables.counts)


def _near(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far experiences count for a relation whose squared distance from theirs is `apart`."""
    return np.asarray(np.exp(-apart / _WIDTH**2))
