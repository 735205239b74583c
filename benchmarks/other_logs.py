"""Logs of other kinds than films: made up, in the files that people have, to try billp on what it was not tuned on.

    python -m benchmarks.other_logs FOLDER [KIND ...]

Writes the logs and the items of each kind to FOLDER and prints the command that adds them. Users and items have taste
vectors; those of items lie about the vectors of their categories. An item has a quality, to which its categories and
its popularity add. Users meet items by popularity and by taste, and rate them by quality, taste, their own mood and
chance. The same seed gives the same files. Nothing here was chosen by what any method earns.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FACTORS = 8
_SYLLABLES = ("ba", "den", "fi", "gor", "hul", "ka", "lem", "mir", "no", "pel", "ra", "sto", "tu", "ven", "wi", "zar")
_WORDS_OF_A_CATEGORY = 12


@dataclass(frozen=True)
class Kind:
    """Sizes and shape of one kind of log.

    `ratings` is how many a user has in the median, `own` the least and the most categories of an item, `skew` the
    exponent of popularity by rank, `usual` the mean rating. `taste`, `quality` and `by_category` are deviations in
    stars: of what one user likes more than others, of the items' quality, and of the categories' part in it. `far` is
    how far items of one category are apart in taste, in the distances of categories. `deep` categories come with their
    parents.
    """

    users: int
    items: int
    ratings: int
    categories: int
    own: tuple[int, int]
    skew: float = 0.8
    usual: float = 3.6
    taste: float = 0.6
    quality: float = 0.4
    by_category: float = 0.2
    far: float = 0.7
    deep: bool = False


KINDS = {
    "books": Kind(600, 2000, 50, 120, (2, 6), usual=4.1, quality=0.35),
    "music": Kind(700, 1000, 45, 25, (1, 1), skew=1.0),
    "goods": Kind(1800, 5000, 9, 300, (1, 1), skew=0.4, usual=4.2, taste=0.4, deep=True),
    "videos": Kind(600, 1500, 60, 30, (1, 2), quality=0.5),
    "news": Kind(700, 1200, 30, 20, (1, 1), skew=1.0, far=0.5),
    "shop": Kind(300, 60, 12, 8, (1, 1), skew=0.6),
    "games": Kind(700, 2500, 30, 40, (1, 5), skew=1.4),
    "one-category": Kind(600, 1000, 45, 1, (1, 1), far=1.0),
    "sparse": Kind(1500, 800, 6, 18, (1, 3)),
}


@dataclass(frozen=True)
class Made:
    """Items with their `categories`, `titles` and `years`, and the ratings in stars of `users` for `items`."""

    categories: list[list[str]]
    titles: list[str]
    years: NDArray[np.int64]
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    stars: Floats
    rng: np.random.Generator


def made(kind: Kind, seed: int) -> Made:
    """Returns the logs of one kind."""
    rng = np.random.default_rng(seed)
    words = list(dict.fromkeys("".join(rng.choice(_SYLLABLES, rng.integers(2, 4))) for _ in range(8000)))
    size = rng.zipf(1.6, kind.categories).clip(1, 50).astype(float)  # some categories have many items, most have few
    centres = rng.normal(0, 1, (kind.categories, _FACTORS))
    worth = rng.normal(0, kind.by_category, kind.categories)
    counts = rng.integers(kind.own[0], kind.own[1] + 1, kind.items).clip(1, kind.categories)
    owns = [rng.choice(kind.categories, count, replace=False, p=size / size.sum()) for count in counts]
    vectors = np.array([centres[own].mean(axis=0) for own in owns]) + rng.normal(0, kind.far, (kind.items, _FACTORS))
    popularity = (1 + rng.permutation(kind.items)) ** -kind.skew
    rank = np.argsort(np.argsort(popularity)) / kind.items - 0.5
    quality = rng.normal(0, kind.quality, kind.items) + np.array([worth[own].mean() for own in owns]) + 0.4 * rank
    tastes = rng.normal(0, 1, (kind.users, _FACTORS))
    liking = tastes @ vectors.T
    liking *= kind.taste / liking.std()
    amounts = (kind.ratings * rng.lognormal(0, 0.6, kind.users)).round().clip(3, kind.items // 2).astype(int)
    users = np.repeat(np.arange(kind.users), amounts)
    met = [
        rng.choice(kind.items, amount, replace=False, p=share / share.sum())
        for amount, share in zip(amounts, popularity * np.exp(2 * liking), strict=True)
    ]
    items = np.concatenate(met)
    mood = rng.normal(0, 0.3, kind.users)
    stars = kind.usual + mood[users] + quality[items] + liking[users, items] + rng.normal(0, 0.7, len(users))
    names = [name.capitalize() for name in words[: kind.categories]]
    for place in range(2, len(names), 3):
        names[place] += f" {words[1000 + place].capitalize()}"
    lexicons = rng.choice(words, (kind.categories, _WORDS_OF_A_CATEGORY))
    titles = [
        " ".join([*rng.choice(lexicons[own[0]], 2), *rng.choice(words, rng.integers(1, 3))]).title() for own in owns
    ]
    categories = [[names[place] for place in own] for own in owns]
    if kind.deep:  # category k is a leaf below k // 6 and k // 48
        parents = [(f"{names[own[0] // 48]} World", f"{names[own[0] // 6]} and more") for own in owns]
        categories = [[*above, *own] for above, own in zip(parents, categories, strict=True)]
    years = 2024 - rng.geometric(0.08, kind.items).clip(1, 70)
    return Made(categories, titles, years, users, items, stars, rng)


def write(name: str, folder: Path, seed: int) -> list[str]:
    """Writes the files of the kind `name` and returns the arguments of `billp data add` that read them."""
    kind = KINDS[name]
    log = made(kind, seed)
    order = log.rng.permutation(len(log.users))
    users, items = log.users[order], log.items[order]
    stars = log.stars[order]
    whole = stars.round().clip(1, 5).astype(int)
    when = 1_500_000_000 + np.sort(log.rng.integers(0, 10**8, len(order)))
    joined = {separator: [separator.join(own) for own in log.categories] for separator in ("|", ", ", ";")}
    logs, table = folder / f"{name}.csv", folder / f"{name}-items.csv"
    numbers = range(kind.items)
    if name == "books":
        _csv(logs, "user_id,book_id,rating,date_added", users, items, whole, when)
        _csv(table, "book_id,book_title,publication_year,tags", numbers, log.titles, log.years, joined[", "])
    elif name in ("music", "games"):
        plays = np.exp(1.2 * stars + log.rng.normal(0, 0.8, len(stars))).round().clip(0).astype(int)
        what = "artist" if name == "music" else "game"
        _csv(logs, f"user,{what}_id,{'plays' if name == 'music' else 'playtime_forever'}", users, items, plays)
        _csv(table, f"{what}_id,name,genres", numbers, log.titles, joined["|"])
    elif name == "goods":
        logs, table = logs.with_suffix(".jsonl"), table.with_suffix(".jsonl")
        rows = zip(users.tolist(), items.tolist(), whole.tolist(), when.tolist(), strict=True)
        _jsonl(logs, [{"reviewerID": f"A{u}", "asin": f"B{i:05d}", "overall": s, "unixReviewTime": t}
                      for u, i, s, t in rows])  # fmt: skip
        _jsonl(table, [{"asin": f"B{i:05d}", "title": log.titles[i], "categories": log.categories[i]} for i in numbers])
    elif name == "videos":
        _csv(logs, "user_id,video_id,liked,timestamp", users, items, (stars > 3.8).astype(int), when)
        _csv(table, "video_id,caption,topics", numbers, log.titles, joined[";"])
    elif name == "news":
        _csv(logs, "user_id,news_id,time", users, items, when)
        _csv(table, "news_id,title", numbers, log.titles)
    else:
        years = [str(year) if log.rng.random() < (0.4 if name == "sparse" else 1) else "" for year in log.years]
        _csv(logs, "user,item,rating,timestamp", users, items, whole, when)
        _csv(table, "item,title,year,category", numbers, log.titles, years, joined["|"])
    return [str(logs), "--items", str(table), "--name", name]


def _csv(file: Path, header: str, *columns: Sequence[object] | NDArray[np.int64] | range) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header.split(","))
        writer.writerows(zip(*columns, strict=True))


def _jsonl(file: Path, rows: list[dict[str, object]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Writes the kinds asked for and prints how to add them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all unless said")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.kinds or KINDS:
        sys.stdout.write(f"billp data add {shlex.join(write(name, asked.folder, asked.seed))}\n")


if __name__ == "__main__":
    main()
