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
    assert f"billp simulator build {log}" in added.out
    assert said_of_ratings in added.words
    assert "separated by commas" in added.words
    assert "0 users with fewer than 3 interactions and 0 items with fewer than 3; 0 rows in all" in added.words
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


def test_files_without_a_header_are_added_and_how_they_were_read_is_said(billp: Billp, own_folders: Path):
    dataset = tiny_dataset()
    log = [
        f"{dataset.user_keys[user]}::{dataset.catalogue[int(item)].key}::{rating:g}::{time}"
        for user, item, rating, time in zip(
            dataset.users, dataset.items, dataset.ratings, dataset.timestamps, strict=True
        )
    ]
    items = [f"{item.key}::Café {item.title}::{'|'.join(item.categories)}" for item in dataset.catalogue]
    (own_folders / "ratings.dat").write_text("\n".join([*log, "u1::i1::99::0"]) + "\n", encoding="utf-8")
    (own_folders / "movies.dat").write_text("\n".join(items) + "\n", encoding="latin-1")
    named = ["--columns", "user,item,rating,time", "--item-columns", "item,title,categories"]
    refused = billp("data", "add", "ratings.dat", "--items", "movies.dat", *named)
    assert (refused.code, "ratings.dat line 1201: rating '99' is no number from 1 to 5" in refused.words) == (2, True)
    added = billp("data", "add", "ratings.dat", "--items", "movies.dat", *named, "--skip-bad-rows", "0.01")
    assert added.code == 0, added.words
    for words in (
        "ratings.dat is separated by ::, without a header",
        "movies.dat is separated by ::, in cp1252",
        "skipped in ratings.dat 1 rows: rating off the scale 1",
        "categories found 6: ",
    ):
        assert words in added.words
    assert "torn apart?" not in added.words


def test_the_log_alone_says_nothing_of_titles_and_a_name_must_be_a_name(billp: Billp, own_folders: Path):
    write_tables(own_folders)
    (own_folders / "a b.csv").write_bytes((own_folders / "ratings.csv").read_bytes())
    alone = billp("data", "add", "ratings.csv")
    assert (alone.code, "ratings.csv says nothing of the items' titles; give" in alone.words) == (2, True)
    spaced = billp("data", "add", "a b.csv", "--items", "items.csv")
    assert (spaced.code, "Dataset name 'a b' is not usable" in spaced.words) == (2, True)
    outside = billp("data", "add", "ratings.csv", "--items", "items.csv", "--name", "../elsewhere")
    assert (outside.code, "Dataset name '../elsewhere' is not usable" in outside.words) == (2, True)


def test_categories_that_look_torn_apart_are_shown(billp: Billp, own_folders: Path):
    write_tables(own_folders)
    items = own_folders / "items.csv"
    items.write_text(items.read_text().replace("Western", "Wild West").replace(", ", " "), encoding="utf-8")
    named = ["--user-col", "who", "--item-col", "what"]
    added = billp("data", "add", "ratings.csv", "--items", "items.csv", *named)
    assert added.code == 0, added.words
    assert "torn apart? 'Wild' and 'West' come only together; if so, say what separates them" in added.words
    assert added.words.count("categories found") == 1


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
    assert f"{intake['dropped_items']} items with fewer than 20" in billp("data", "info", "ratings").words


def test_a_log_cut_in_the_middle_is_named_by_line(billp: Billp, own_folders: Path):
    write_tables(own_folders)
    whole = (own_folders / "ratings.csv").read_bytes()
    (own_folders / "ratings.csv").write_bytes(whole[: len(whole) // 2])
    said = billp("data", "add", "ratings.csv", "--items", "items.csv", "--user-col", "who", "--item-col", "what")
    assert said.code == 2
    assert f"ratings.csv line {whole[: len(whole) // 2].count(10) + 1}: the last line has no line break" in said.words
    assert len(said.err.strip().splitlines()) == 1
    assert billp("data", "list").out == ""
