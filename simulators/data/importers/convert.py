"""Converts tables to checked atomic files: filters users and items, computes stars, writes the files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billp.catalogue import Item
from billp.errors import DataError
from billp.simulators.data.distinct_pairs import folded, k_core
from billp.simulators.data.implicit import NEGATIVE, sample_negatives, stars_of_hours, stars_of_presence
from billp.simulators.data.import_report import FEWEST, ColumnSpec, Feedback, ImportReport, Rules
from billp.simulators.data.importers.atomic_table import AtomicTable
from billp.simulators.data.importers.categories import LISTS, SPACE
from billp.simulators.data.importers.columns import ITEM_ROLES, LOG_ROLES, chosen_columns, unused_columns
from billp.simulators.data.importers.log_rows import (
    Interactions,
    interactions_of,
    item_index,
    items_of,
    likes_in,
)
from billp.simulators.data.importers.table import Faults, Table
from billp.simulators.data.mapping import ColumnMapping
from billp.simulators.progress import Progress

_SEPARATORS = {"space": SPACE, "comma": ",", "none": None, "semicolon": ";", "bar": "|"}
_STORED_SEPARATOR = "|"
_BLOCK = 1 << 16  # rows written at once: enough to forget what a call costs, few enough for memory
_MOST_NEGATIVES = 100  # for every interaction; far beyond what fitting is served by


def convert(
    log: Table, items: Table, stem: Path, columns: ColumnSpec, rules: Rules, *, progress: Progress | None = None
) -> tuple[ColumnMapping, ImportReport]:
    """Writes `stem`.inter and `stem`.item; returns the mapping to read them with and the report of the import.

    Rows of one pair of user and item are merged: the latest rating is kept, hours are added up, occurrences are
    counted. Then users and items with too few pairs are dropped, and implicit logs get stars and negatives
    (`simulators.data.implicit`). Raises DataError, naming file and row, at the first fault, and if no row is left.
    """
    if not 0 <= rules.negatives <= _MOST_NEGATIVES:  # NaN fails as well
        raise DataError(f"{rules.negatives:g} negatives an interaction cannot be; ask for 0 to {_MOST_NEGATIVES}.")
    if rules.skip_bad_rows is not None and not 0 <= rules.skip_bad_rows < 1:
        raise DataError(f"A share of {rules.skip_bad_rows:g} cannot be skipped; give --skip-bad-rows 0 to below 1.")
    columns = chosen_columns(log, items, columns)
    feedback = _feedback(log, columns)
    if feedback == "presence":
        columns = replace(columns, rating=None)
    bad_items, bad_rows = (Faults(table, rules.skip_bad_rows) for table in (items, log))
    index = item_index(items, columns, bad_items)
    separator = _separator(items, columns, index.separator)
    met = interactions_of(
        log,
        columns,
        index,
        bad_rows,
        skip_unknown_items=rules.skip_unknown_items,
        likes=feedback == "likes",
        progress=progress,
    )
    n_items = len(index.rows)
    fewest = 0 if isinstance(log, AtomicTable) else FEWEST
    least = fewest if rules.min_user is None else rules.min_user, fewest if rules.min_item is None else rules.min_item
    pairs = folded(met.users, met.items, met.times, met.values)
    kept, stays = k_core(met.users[pairs.rows], met.items[pairs.rows], n_items, *least)
    if not kept.any():
        raise DataError(
            f"{log.path.name}: no row is left when every user needs {least[0]} interactions and every item {least[1]}; "
            "ask for fewer with --min-user and --min-item."
        )
    rows = pairs.rows[kept]
    users, shown = met.users[rows], met.items[rows]
    stars, negatives = met.values[rows], None
    if feedback in ("hours", "presence"):
        hours = feedback == "hours"
        stars = stars_of_hours(users, pairs.totals[kept]) if hours else stars_of_presence(pairs.counts[kept])
        negatives = sample_negatives(users, shown, n_items, rules.negatives, rules.seed)

    keys = list(index.rows)
    _write_items(stem, items_of(items, columns, index, separator), stays)
    _write_log(stem, met, keys=keys, rows=rows, stars=stars, negatives=negatives)
    scale = columns.scale if columns.rating else (1.0, 5.0)
    mapping = ColumnMapping(
        title="title",
        timestamp="timestamp" if columns.timestamp else None,
        categories="categories" if columns.categories else None,
        year="year" if columns.year else None,
        sampled=None if negatives is None else "sampled",
        category_separator=_STORED_SEPARATOR,
        rating_min=scale[0],
        rating_max=scale[1],
    )
    return mapping, ImportReport(
        sources={},
        columns={role: name for role in (*LOG_ROLES, *ITEM_ROLES) if (name := getattr(columns, role)) is not None},
        feedback=feedback,
        categories_separated_by=separator if columns.categories else None,
        rows=met.read + bad_rows.counts["unreadable row"],
        unknown_items=met.unknown,
        repeated=len(met.users) - len(pairs.rows),
        min_user=least[0],
        min_item=least[1],
        dropped_users=len(met.user_keys) - len(np.unique(users)),
        dropped_items=int((~stays).sum()),
        dropped_rows=int((~kept).sum()),
        negatives=0 if negatives is None else len(negatives[0]),
        seed=rules.seed,
        read_as={table.path.name: table.read_as for table in (log, items) if table.read_as},
        times=None if met.time_form is None else met.time_form.words,
        skipped={faults.file: dict(faults.listed) for faults in (bad_rows, bad_items) if faults.total},
        matched_ids=index.matched,
        matched_example=index.example,
        unused=unused_columns(log, items, columns),
    )


def _feedback(log: Table, columns: ColumnSpec) -> Feedback:
    """Returns what the log's rows say; a rating column that says nothing but "liked" says no more than presence."""
    if columns.rating is None:
        return "hours" if columns.hours else "presence"
    said = likes_in(log, columns.rating) if columns.rating_min is columns.rating_max is None else None
    return "ratings" if not said else "presence" if said == {True} else "likes"


def _separator(items: Table, columns: ColumnSpec, guessed: str | None) -> str | None:
    """Returns what separates the categories of an item; None if a cell holds one category."""
    if columns.category_separator is not None:
        return _SEPARATORS.get(columns.category_separator, columns.category_separator)
    if isinstance(items, AtomicTable) and guessed != LISTS:  # which says whether a field holds several words
        return SPACE if columns.categories and items.types[columns.categories] == "token_seq" else None
    return guessed


def _write_items(stem: Path, items: Iterable[Item], stays: NDArray[np.bool_]) -> None:
    with stem.with_name(f"{stem.name}.item").open("w", encoding="utf-8", newline="\n") as file:
        file.write("item_id:token\ttitle:token_seq\tcategories:token_seq\tyear:token\n")
        for item in items:
            if stays[item.index]:
                year = "" if item.year is None else item.year
                file.write(f"{item.key}\t{item.title}\t{_STORED_SEPARATOR.join(item.categories)}\t{year}\n")


def _write_log(
    stem: Path,
    met: Interactions,
    *,
    keys: list[str],
    rows: NDArray[np.int64],
    stars: NDArray[np.float64],
    negatives: tuple[NDArray[np.int32], NDArray[np.int32]] | None,
) -> None:
    sampled, end = ("", "\n") if negatives is None else ("\tsampled:float", "\t0\n")
    with stem.with_name(f"{stem.name}.inter").open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"user_id:token\titem_id:token\trating:float\ttimestamp:float{sampled}\n")
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            chosen = rows[block]
            columns = met.users[chosen].tolist(), met.items[chosen].tolist(), stars[block].tolist()
            for user, item, star, time in zip(*columns, met.times[chosen].tolist(), strict=True):
                file.write(f"{met.user_keys[user]}\t{keys[item]}\t{star!r}\t{time!r}{end}")
        if negatives is not None:
            for user, item in zip(*(column.tolist() for column in negatives), strict=True):
                file.write(f"{met.user_keys[user]}\t{keys[item]}\t{NEGATIVE}\t0\t1\n")
