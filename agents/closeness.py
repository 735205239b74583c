"""Closeness of items by several measures, the causes of leaving that a principle may name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from billp.agents.measures import Indices, Levels, Measure
from billp.agents.recommender import NO_ITEM

_KEPT_BYTES = 64 * 2**20  # rows kept for items shown again
_CONTENT = ("categories", "text")  # measures of what items are about


class Closeness:
    """Levels of closeness between items by each of several measures.

    `names` are the measures, `steps` the number of levels above 0 of each. Memory grows with the number of items and
    not with its square: the row of an item is computed when it is asked for, and cached while there is room.
    """

    def __init__(self, items: int, measures: Sequence[Measure]) -> None:
        """Takes the number of items in the catalogue, and the measures."""
        self._measures = tuple(measures)
        self.names: tuple[str, ...] = tuple(measure.name for measure in measures)
        self.steps: tuple[int, ...] = tuple(measure.steps for measure in measures)
        self._content = [place for place, name in enumerate(self.names) if name in _CONTENT]
        self._rows: OrderedDict[int, Levels] = OrderedDict()
        self._room = max(16, _KEPT_BYTES // max(1, len(self.names) * items))
        self._lock = Lock()

    def to(self, item: int) -> Levels:
        """Returns how close every item is to `item`, by each measure; shape (measures, items)."""
        with self._lock:
            if (row := self._rows.get(item)) is not None:
                self._rows.move_to_end(item)
                return row
        row = np.stack([measure.to(item) for measure in self._measures])
        with self._lock:
            self._rows[item] = row
            while len(self._rows) > self._room:
                self._rows.popitem(last=False)
        return row

    def alike(self, item: int) -> NDArray[np.bool_]:
        """Returns whether each item, (items,), is close to `item` in what both are about: categories or texts."""
        return np.asarray((self.to(item)[self._content] > 0).any(axis=0))

    def between(self, items: Indices, others: Indices) -> Levels:
        """Returns how close `items[k]` is to `others[k]` by each measure, shape (n, measures); 0 for NO_ITEM."""
        levels = np.zeros((len(items), len(self._measures)), dtype=np.uint8)
        here = np.flatnonzero((items != NO_ITEM) & (others != NO_ITEM))
        for column, measure in enumerate(self._measures):
            levels[here, column] = measure.between(items[here], others[here])
        return levels
