"""What experiences add up to, under their relation and under their item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_ITEMS = 20_000  # best known items that are compared with a candidate, so that a step's cost is bounded
_HIGHEST_LEVEL = 3.0


class Sums:
    """Number, sum and sum of squares of what was added under each key."""

    def __init__(self) -> None:
        self.by_key: dict[object, list[float]] = {}

    def add(self, key: object, value: float) -> None:
        """Counts `value` under `key`."""
        sums = self.by_key.setdefault(key, [0.0, 0.0, 0.0])
        sums[0] += 1
        sums[1] += value
        sums[2] += value * value

    def table(self) -> NDArray[np.float64]:
        """(keys, 3), in the order in which keys came."""
        return np.array(list(self.by_key.values())).reshape(-1, 3)


@dataclass(frozen=True)
class Tables:
    """The sums as arrays, made once between two writes.

    `keys` (relations, 3) are relations as places, `counts` and `sums` what was added under each, `mean` and `deviation`
    that of all; `items` are catalogue indices, `item_counts` and `item_sums` their rewards, `usual` the mean reward.
    """

    keys: NDArray[np.float64]
    counts: NDArray[np.float64]
    sums: NDArray[np.float64]
    mean: float
    deviation: float
    items: NDArray[np.int64]
    item_counts: NDArray[np.float64]
    item_sums: NDArray[np.float64]
    usual: float


def tables_of(relations: Sums, items: Sums) -> Tables:
    """The sums under relations, and those under the best known items, as arrays."""
    by_relation, by_item = relations.table(), items.table()
    names = np.array(list(items.by_key), dtype=np.int64)
    if len(names) > _MOST_ITEMS:
        best = np.argsort(-by_item[:, 0], kind="stable")[:_MOST_ITEMS]
        names, by_item = names[best], by_item[best]
    total = by_relation.sum(axis=0)
    mean = total[1] / total[0] if len(by_relation) else 0.0
    variance = total[2] / total[0] - mean**2 if len(by_relation) else 0.0
    return Tables(
        keys=np.array([place_of(str(key)) for key in relations.by_key]),
        counts=by_relation[:, 0],
        sums=by_relation[:, 1],
        mean=float(mean),
        deviation=float(np.sqrt(max(variance, 0.0))),
        items=names,
        item_counts=by_item[:, 0],
        item_sums=by_item[:, 1],
        usual=float(by_item[:, 1].sum() / by_item[:, 0].sum()) if len(by_item) else 0.0,
    )


def place_of(relation: str) -> list[float]:
    """A relation as a place whose distance from others says how far they count for it."""
    return [int(digit) / _HIGHEST_LEVEL for digit in relation.split("-")]
