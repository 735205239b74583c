"""A log of one's own, from a small file to an episode with its simulated users."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Billp
from tests.fakes.worlds import tiny_dataset


def write_tables(folder: Path) -> None:
    """ratings.csv, plays.csv (the same rows with hours in place of stars) and items.csv: 40 users and 60 items."""
    dataset = tiny_dataset()
    ratings, plays = ["who,what,stars,time"], ["who,what,hours,time"]
    for user, item, rating, time in zip(dataset.users, dataset.items, dataset.ratings, dataset.timestamps, strict=True):
        pair = f"{dataset.user_keys[user]},{dataset.catalogue[int(item)].key}"
        ratings.append(f"{pair},{rating:g},{time}")
        plays.append(f"{pair},{rating**2 / 10:g},{time}")
    items = ["what,title,genres,year"] + [
        f'{item.key},"{item.title}","{", ".join(item.categories)}",{item.year or ""}' for item in dataset.catalogue
    ]
    for name, lines in (("ratings", ratings), ("plays", plays), ("items", items)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("log", "flag", "column", "said_of_ratings"),
    [("ratings", "--rating-col", "stars", "as given"), ("plays", "--hours-col", "hours", "from hours played")],
)
def test_a_csv_becomes_a_working_simulator(
    *, billp: Billp, own_folders: Path, hashed: None, log: str, flag: str, column: str, said_of_ratings: str
):
    write_tables(own_folders)
    named = ["--user-col", "who", "--item-col", "what", flag, column]
    added = billp("data", "add", f"{log}.csv", "--items", "items.csv", *named)
    assert added.code == 0, added.words
    assert f"{log} is in" in added.words
    assert said_of_ratings in added.words
    assert "separated by commas" in added.words
    assert "0 users and 0 items with fewer than 3 and 3 interactions" in added.words
    assert ("negatives" in added.words) == (log == "plays")

    described = billp("data", "info", log, "--json").json
    assert (described["users"], described["items"], described["interactions"]) == (40, 60, 1200)
    assert described["negatives"] == (1200 if log == "plays" else 0)
    assert sum(described["rating_histogram"].values()) == 1200, "what was sampled is no rating"
    assert described["intake"]["sources"].keys() == {f"{log}.csv", "items.csv"}
    assert "rows read" in billp("data", "info", log).words

    built = billp("simulator", "build", log, "--set", "simulator.epochs=5", "--set", "simulator.factors=4")
    assert built.code == 0, built.words
    worlds = billp("simulator", "info", log, "--json").json
    assert worlds["train"]["interactions"] + worlds["test"]["interactions"] == 1200
    ended = billp("episode", "--user", "u3", "--dataset", log, "--method", "random", "--json")
    assert ended.code == 0, ended.words
    assert ended.json["length"] == len(ended.json["steps"]) >= 1
    rows = described["rating_histogram"]
    assert rows["1"] == 0 or log == "ratings", "hours are worth two stars and more"
    stranger = billp("episode", "--user", "u41", "--dataset", log, "--method", "random")
    assert stranger.code == 2
    assert f"Dataset {log} has no user 'u41'; ids like it are u" in stranger.words


def test_what_is_dropped_is_counted_and_shown(billp: Billp, own_folders: Path):
    write_tables(own_folders)
    named = ["--user-col", "who", "--item-col", "what"]
    added = billp("data", "add", "ratings.csv", "--items", "items.csv", *named, "--min-item", "20", "--json")
    assert added.code == 0, added.words
    intake = added.json["intake"]
    assert intake["dropped_items"] > 0
    assert added.json["items"] == 60 - intake["dropped_items"]
    assert added.json["interactions"] == 1200 - intake["dropped_rows"]
    assert billp("data", "info", "ratings", "--json").json == added.json
    assert f"{intake['dropped_items']} items with fewer than 3 and 20" in billp("data", "info", "ratings").words


def test_a_log_cut_in_the_middle_is_named_by_line(billp: Billp, own_folders: Path):
    write_tables(own_folders)
    whole = (own_folders / "ratings.csv").read_bytes()
    (own_folders / "ratings.csv").write_bytes(whole[: len(whole) // 2])
    said = billp("data", "add", "ratings.csv", "--items", "items.csv", "--user-col", "who", "--item-col", "what")
    assert said.code == 2
    assert f"ratings.csv line {whole[: len(whole) // 2].count(10) + 1}: the last line has no line break" in said.words
    assert len(said.err.strip().splitlines()) == 1
    assert billp("data", "list").out == ""
