"""A made-up dataset and two quickly fitted worlds, for tests that need users but no files.

`python -m tests.fakes.worlds FOLDER` stores the worlds. Where TINY_WORLDS names such a folder they are read
from it instead of fitted, so that tests of worlds run where torch is not installed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from billp.catalogue import Catalogue, Item
from billp.settings import SimulatorSettings
from billp.simulators.data.dataset import Dataset
from billp.simulators.data.mapping import ColumnMapping
from billp.simulators.env.artifacts import load_worlds, save_worlds
from billp.simulators.env.building import build_worlds
from billp.simulators.env.world import Worlds

GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Western")
MAPPING = ColumnMapping(timestamp="timestamp", title="movie_title", categories="class", year="release_year")
TINY = SimulatorSettings.model_validate(
    {"model": "deepfm", "factors": 4, "epochs": 8, "horizon": 12, "test_share": 0.25}
)


def tiny_dataset(seed: int = 0, users: int = 40, items: int = 60) -> Dataset:
    """Users with a taste for some genres rate half of the items; titles are distinct, times ascend by user."""
    rng = np.random.default_rng(seed)
    belongs = np.zeros((items, len(GENRES)))
    for item in range(items):
        belongs[item, rng.choice(len(GENRES), size=1 + item % 2, replace=False)] = 1
    catalogue = Catalogue(
        "tiny",
        tuple(
            Item(
                index=item,
                key=f"i{item}",
                title=f"Film {item}, The",
                categories=tuple(GENRES[genre] for genre in np.flatnonzero(belongs[item])),
                year=1950 + item % 50 if item % 7 else None,
            )
            for item in range(items)
        ),
    )
    taste, quality = rng.normal(0, 1, (users, len(GENRES))), rng.normal(0, 0.7, items)
    rated = [np.sort(rng.choice(items, size=max(1, items // 2), replace=False)) for _ in range(users)]
    rows = np.concatenate([np.full(len(chosen), user) for user, chosen in enumerate(rated)])
    columns = np.concatenate([rng.permutation(chosen) for chosen in rated])
    liking = (taste @ belongs.T / belongs.sum(1))[rows, columns] + quality[columns] + rng.normal(0, 0.4, len(rows))
    return Dataset(
        name="tiny",
        catalogue=catalogue,
        user_keys=tuple(f"u{user}" for user in range(users)),
        users=rows.astype(np.int32),
        items=columns.astype(np.int32),
        ratings=np.clip(np.round(3.4 + liking), 1, 5).astype(np.float32),
        timestamps=np.arange(len(rows), dtype=np.int64),
        mapping=MAPPING,
        fingerprint=f"tiny-{seed}-{users}-{items}",
    )


def write_atomic(folder: Path, dataset: Dataset) -> None:
    """Writes NAME.inter and NAME.item as RecBole would."""
    log = zip(dataset.users, dataset.items, dataset.ratings, dataset.timestamps, strict=True)
    inter = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"] + [
        f"{dataset.user_keys[user]}\t{dataset.catalogue[int(item)].key}\t{rating:g}\t{time}"
        for user, item, rating, time in log
    ]
    item_lines = ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"] + [
        f"{item.key}\t{item.title}\t{item.year or ''}\t{' '.join(item.categories)}" for item in dataset.catalogue
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{dataset.name}.inter").write_text("\n".join(inter) + "\n", encoding="utf-8")
    (folder / f"{dataset.name}.item").write_text("\n".join(item_lines) + "\n", encoding="utf-8")


@cache
def tiny_worlds(seed: int = 0) -> Worlds:
    """Worlds fitted to `tiny_dataset()`, 30 train users and 10 test users; made once, as nothing changes them."""
    return fitted_to(tiny_dataset(), seed)


def fitted_to(dataset: Dataset, seed: int = 0) -> Worlds:
    """Worlds of `dataset`, which is `tiny_dataset()` or was read from its files."""
    stored = os.environ.get("TINY_WORLDS")
    if stored and seed == 0:
        return replace(load_worlds(Path(stored)), fingerprint=dataset.fingerprint)
    return build_worlds(dataset, TINY.model_copy(update={"seed": seed}))


if __name__ == "__main__":
    save_worlds(Path(sys.argv[1]), tiny_worlds())
