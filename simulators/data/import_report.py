"""Importing a log: the options of an import, and the report of what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

Feedback = Literal["ratings", "likes", "hours", "presence"]
"""What a row of a log says of user and item: stars, liked or not, hours played, or only that they occur together."""

FEWEST = 3
"""Interactions that a user, and an item, of a table needs by default.

It is the least number of points that says more than one comparison does, and small enough for a log of some dozen
users.
"""


@dataclass(frozen=True)
class ColumnSpec:
    """Names of columns, None for those to be guessed, and how the cells are read.

    `item` is the item's id in the log and `item_key` the same id in the item table. `category_separator` separates an
    item's categories. `rating_min` and `rating_max` are the ends of the ratings' scale.
    """

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    hours: str | None = None
    timestamp: str | None = None
    item_key: str | None = None
    title: str | None = None
    categories: str | None = None
    year: str | None = None
    category_separator: str | None = None
    rating_min: float | None = None
    rating_max: float | None = None

    @property
    def scale(self) -> tuple[float, float]:
        """Lowest and highest rating; 1 and 5 by default."""
        return 1.0 if self.rating_min is None else self.rating_min, 5.0 if self.rating_max is None else self.rating_max


@dataclass(frozen=True)
class Rules:
    """Which users and items are kept, and how many negatives are drawn.

    Users with fewer than `min_user` and items with fewer than `min_item` interactions are dropped, repeatedly, until no
    user or item has fewer; None is FEWEST for tables and 0 for folders of atomic files. `negatives` is the number of
    sampled negatives per interaction of a user of an implicit log, drawn with `seed`. `skip_bad_rows` is the largest
    share of a table's rows that may be skipped because they cannot be used; None refuses the first one.
    """

    min_user: int | None = None
    min_item: int | None = None
    skip_unknown_items: bool = False
    skip_bad_rows: float | None = None
    negatives: float = 1.0
    seed: int = 0

    @property
    def asked(self) -> bool:
        """Whether a rule is given that leaves out rows of a folder of atomic files."""
        given = (self.min_user, self.min_item, self.skip_bad_rows)
        return self.skip_unknown_items or any(value is not None for value in given)


class ImportReport(BaseModel):
    """How a log was imported; part of the dataset's record.

    `sources` has the SHA-256 of each file by name; `columns` the column that was taken for each role. `rows` counts the
    rows read; `unknown_items` those skipped because the item table lacks their item; `repeated` those merged into
    another row of the same user and item; `dropped_rows` those dropped with their user or item. `negatives` counts the
    sampled pairs. `categories_separated_by` is None if no column holds categories, or nothing separates them. `read_as`
    says by file how it was understood, `times` how times were read; `skipped` counts the rows left out by file and
    reason. `matched_ids` counts the rows whose item id differs from the item table's by leading zeros or a final `.0`;
    `matched_example` is the first such id and the table's. `unused` has the columns of each file that were taken for
    nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, str]
    columns: dict[str, str]
    feedback: Feedback
    categories_separated_by: str | None
    rows: int
    unknown_items: int
    repeated: int
    min_user: int
    min_item: int
    dropped_users: int
    dropped_items: int
    dropped_rows: int
    negatives: int
    seed: int
    read_as: dict[str, str] = {}
    times: str | None = None
    skipped: dict[str, dict[str, int]] = {}
    matched_ids: int = 0
    matched_example: tuple[str, str] | None = None
    unused: dict[str, tuple[str, ...]] = {}
