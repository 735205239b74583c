"""Logs of one's own: what is kept, counted and refused on the way to a registered dataset."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from billp.agents.grounding import nearest_item
from billp.errors import DataError
from billp.simulators.data.dataset import Dataset
from billp.simulators.data.import_report import ColumnSpec, ImportReport, Rules
from billp.simulators.data.importers.text_table import TextForm
from billp.simulators.data.registry import (
    add_folder,
    add_tables,
    dataset_folder,
    list_datasets,
    load_dataset,
    read_intake,
)
from tests.fakes.embedder import HashEmbedder
from tests.fakes.worlds import tiny_dataset, write_atomic

ITEMS = "item_id,title,genres,year\ni1,Star Wars,Action|Sci-Fi,1977\ni2,Heat,Crime|Film Noir,1995-12-15\ni3,Odd,,\n"
LOG = "user_id,item_id,rating,timestamp\na,i1,5,20\na,i2,4,10\nb,i1,2,5\nb,i3,3,6\n"
ALL = Rules(min_user=0, min_item=0)


def add(
    folder: Path,
    log: str = LOG,
    items: str = ITEMS,
    columns: ColumnSpec | None = None,
    rules: Rules = ALL,
) -> tuple[Dataset, ImportReport]:
    (folder / "mine.csv").write_text(log, encoding="utf-8")
    (folder / "items.csv").write_text(items, encoding="utf-8")
    added = add_tables(folder, folder / "mine.csv", folder / "items.csv", columns=columns, rules=rules)
    dataset, intake = load_dataset(folder, "mine"), read_intake(folder, "mine")
    assert intake is not None
    assert dataset.fingerprint == added.fingerprint
    return dataset, intake


def cells(dataset: Dataset) -> list[tuple[str, str, float, int]]:
    columns = dataset.users.tolist(), dataset.items.tolist(), dataset.ratings.tolist(), dataset.timestamps.tolist()
    return [
        (dataset.user_keys[user], dataset.catalogue[item].key, rating, time)
        for user, item, rating, time in zip(*columns, strict=True)
    ]


def test_a_log_and_its_items_become_a_dataset(tmp_path):
    dataset, intake = add(tmp_path)
    assert [item.text for item in dataset.catalogue] == [
        "Star Wars (1977) [Action, Sci-Fi]",
        "Heat (1995) [Crime, Film Noir]",
        "Odd",
    ]
    assert cells(dataset) == [("a", "i2", 4, 10), ("a", "i1", 5, 20), ("b", "i1", 2, 5), ("b", "i3", 3, 6)]
    assert dataset.negatives is None
    assert (intake.feedback, intake.rows, intake.categories_separated_by) == ("ratings", 4, "|")
    assert intake.sources == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("mine.csv", "items.csv")
    }
    assert sorted(path.name for path in dataset_folder(tmp_path, "mine").iterdir()) == [
        "dataset.json",
        "mine.inter",
        "mine.item",
    ]


@pytest.mark.parametrize(("liked", "left_aside"), [("True", "False"), ("yes", "no"), ("1", "0"), ("1.0", "0.0")])
def test_true_and_false_are_liked_and_not_liked(tmp_path, liked, left_aside):
    log = f"user_id,item_id,liked,timestamp\na,i1,{liked},20\na,i2,{left_aside},10\nb,i3,{liked},30\n"
    dataset, intake = add(tmp_path, log)
    assert intake.feedback == "likes"
    assert cells(dataset) == [("a", "i2", 2, 10), ("a", "i1", 4, 20), ("b", "i3", 4, 30)]


def test_zero_and_one_are_ratings_on_a_scale_that_is_given(tmp_path):
    log = "user_id,item_id,rating,timestamp\na,i1,1,20\na,i2,0,10\nb,i3,1,30\n"
    dataset, intake = add(tmp_path, log, columns=ColumnSpec(rating_min=0, rating_max=1))
    assert (intake.feedback, [stars for _, _, stars, _ in cells(dataset)]) == ("ratings", [1, 5, 5])


@pytest.mark.parametrize("mark", ["1", "true"])
def test_a_column_that_says_liked_in_every_row_says_no_more_than_presence(tmp_path, mark):
    log = f"user_id,item_id,rating,timestamp\na,i1,{mark},20\na,i2,{mark},10\nb,i3,{mark},30\n"
    dataset, intake = add(tmp_path, log)
    assert (intake.feedback, [stars for _, _, stars, _ in cells(dataset)]) == ("presence", [4, 4, 4])
    assert dataset.negatives is not None


def test_parquet_becomes_the_same_dataset(tmp_path):
    csv, _ = add(tmp_path)
    log = {"user_id": list("aabb"), "item_id": ["i1", "i2", "i1", "i3"], "rating": [5, 4, 2, 3]}
    items = {
        "item_id": ["i1", "i2", "i3"],
        "title": ["Star Wars", "Heat", "Odd"],
        "genres": [["Action", "Sci-Fi"], ["Crime", "Film Noir"], None],
        "year": [1977, 1995, None],
    }
    parquet.write_table(pa.table(log | {"timestamp": [20, 10, 5, 6]}), tmp_path / "log.parquet")
    parquet.write_table(pa.table(items), tmp_path / "items.parquet")
    dataset = add_tables(tmp_path, tmp_path / "log.parquet", tmp_path / "items.parquet", "p", rules=ALL)
    assert dataset.catalogue.items == csv.catalogue.items
    assert cells(dataset) == cells(csv)


def test_columns_of_any_name_times_as_dates_and_another_scale(tmp_path):
    log = "Who;x,What,Liked,When\na, i1,10,2026-01-31\na,i2 ,0,2026-01-30T23:00:00+01:00\nb,i1,5,0\n"
    items = ITEMS.replace("item_id,title,genres", "Code,Heading,Kind")
    columns = ColumnSpec(
        user="Who;x",
        item="What",
        rating="Liked",
        timestamp="When",
        item_key="Code",
        title="Heading",
        categories="Kind",
        rating_min=0,
        rating_max=10,
    )
    dataset, intake = add(tmp_path, log, items, columns)
    assert cells(dataset) == [("a", "i2", 1, 1769810400), ("a", "i1", 5, 1769817600), ("b", "i1", 3, 0)]
    assert dataset.catalogue[0].categories == ("Action", "Sci-Fi")
    assert intake.columns["item_key"] == "Code"


def test_names_are_guessed_whatever_their_capitals(tmp_path):
    log = "userId,movieId,rating,timestamp\n1,1,5,1\n2,2,5,1\n2,1,5,1\n"
    items = "movieId,title,genres\n1,A,Drama\n2,B,(no genres listed)\n"
    _, intake = add(tmp_path, log, items)
    assert intake.columns == {
        "user": "userId",
        "item": "movieId",
        "rating": "rating",
        "timestamp": "timestamp",
        "item_key": "movieId",
        "title": "title",
        "categories": "genres",
    }


@pytest.mark.parametrize(
    ("cell", "separator", "names"),
    [
        ("Action Sci-Fi", "space", ("Action", "Sci-Fi")),
        ("Film Noir", None, ("Film Noir",)),
        ('"Film Noir, Sci-Fi"', None, ("Film Noir", "Sci-Fi")),
        ("Film Noir|Sci-Fi", None, ("Film Noir", "Sci-Fi")),
        ("Film Noir;Sci-Fi", ";", ("Film Noir", "Sci-Fi")),
        ("Film Noir", "none", ("Film Noir",)),
        ('"Film Noir, Drama"', "space", ("Film", "Noir,", "Drama")),
        ("Film Noir", "comma", ("Film Noir",)),
    ],
)
def test_categories_are_separated_as_the_column_tells_or_as_asked(tmp_path, cell, separator, names):
    items = f"item_id,title,genres\ni1,A,{cell}\ni2,B,\ni3,C,\n"
    dataset, _ = add(tmp_path, items=items, columns=ColumnSpec(category_separator=separator))
    assert [item.categories for item in dataset.catalogue] == [names, (), ()]


def test_of_repeated_pairs_the_latest_rating_stands(tmp_path):
    dataset, intake = add(tmp_path, LOG + "a,i1,1,19\nb,i3,1,6\n")
    assert intake.repeated == 2
    assert len(dataset) == 4
    assert ("a", "i1", 5, 20) in cells(dataset)
    assert ("b", "i3", 1, 6) in cells(dataset), "of rows at the same time the last one stands"


def test_users_and_items_with_too_few_interactions_are_dropped_and_counted(tmp_path):
    pairs = [(user, item) for user in "abcd" for item in ("i1", "i2", "i3")]
    rows = "".join(f"{user},{item},4,1\n" for user, item in [*pairs, ("e", "i1"), ("e", "i2"), ("a", "i4")])
    items = ITEMS + "i4,Seldom,,\ni5,Never,,\n"
    log = "user_id,item_id,rating,timestamp\n" + rows
    dataset, intake = add(tmp_path, log, items, rules=Rules())
    assert dataset.user_keys == ("a", "b", "c", "d")
    assert [item.key for item in dataset.catalogue] == ["i1", "i2", "i3"]
    assert (intake.dropped_users, intake.dropped_items, intake.dropped_rows) == (1, 2, 3)
    assert (intake.min_user, intake.min_item) == (3, 3)
    everything, intake = add(tmp_path, log, items)
    assert (len(everything), len(everything.catalogue), intake.dropped_rows) == (15, 5, 0)


def test_hours_become_stars_and_what_was_left_aside_is_drawn(tmp_path):
    log = "user_id,item_id,hours\na,i1,90\na,i2,0\nb,i1,1\nb,i3,0.5\nb,i1,2\n"
    dataset, intake = add(tmp_path, log)
    assert [(user, item, rating) for user, item, rating, _ in cells(dataset)] == [
        ("a", "i1", 4),
        ("a", "i2", 2),
        ("b", "i3", 3),
        ("b", "i1", 5),
    ]
    assert intake.feedback == "hours"
    assert (intake.repeated, intake.negatives) == (1, 2)
    assert dataset.negatives is not None
    assert dataset.negatives.users.tolist() == [0, 1]
    assert dataset.negatives.items.tolist() == [2, 1], "the one item that the other user alone has met"
    assert dataset.negatives.ratings.tolist() == [2, 2]
    assert add(tmp_path, log)[0].fingerprint == dataset.fingerprint


def test_negatives_are_in_no_history_count_or_popularity(tmp_path):
    dataset, _ = add(tmp_path, "user_id,item_id\na,i1\na,i2\nb,i1\nb,i3\nb,i3\n")
    assert len(dataset) == 4
    assert dataset.history(0, 9) == [0, 1]
    assert dataset.history(1, 9) == [0, 2]
    assert dataset.popularity(dataset.users).tolist() == [2, 1, 1]
    assert sorted(dataset.ratings.tolist()) == [4, 4, 4, 5], "met again, liked more"
    assert dataset.negatives is not None
    assert len(dataset.negatives) == 2


def test_without_negatives_or_with_another_seed_other_pairs_are_drawn(tmp_path):
    items = "item_id,title\n" + "".join(f"i{n},Item {n}\n" for n in range(30))
    log = "user_id,item_id\n" + "".join(f"u{n % 10},i{n}\n" for n in range(30))
    none, _ = add(tmp_path, log, items, rules=Rules(0, 0, negatives=0))
    assert none.negatives is None
    first, _ = add(tmp_path, log, items)
    double, intake = add(tmp_path, log, items, rules=Rules(0, 0, negatives=2))
    other, _ = add(tmp_path, log, items, rules=Rules(0, 0, seed=1))
    assert first.negatives is not None
    assert double.negatives is not None
    assert other.negatives is not None
    assert (len(first.negatives), len(double.negatives), intake.negatives) == (30, 60, 60)
    assert first.negatives.items.tolist() != other.negatives.items.tolist()


def test_rows_of_unknown_items_are_passed_over_only_when_asked(tmp_path):
    log = LOG + "a,i9,5,1\n"
    with pytest.raises(DataError, match=r"mine\.csv line 6: item 'i9' is not in the item table.*--skip-unknown-items"):
        add(tmp_path, log)
    dataset, intake = add(tmp_path, log, rules=Rules(0, 0, skip_unknown_items=True))
    assert (len(dataset), intake.rows, intake.unknown_items) == (4, 5, 1)


def test_a_log_none_of_whose_items_is_known_is_told_with_an_id_of_each_side(tmp_path):
    log = LOG.replace("i1", "x-1").replace("i2", "x-2").replace("i3", "x-3")
    for rules in (ALL, Rules(0, 0, skip_unknown_items=True), Rules(0, 0, skip_bad_rows=0.5)):
        with pytest.raises(DataError) as caught:
            add(tmp_path, log, rules=rules)
        assert str(caught.value) == (
            "mine.csv: none of its items is in the item table; the log's column 'item_id' says 'x-1', "
            "the item table's column 'item_id' says 'i1'; give --item-col and --item-key-col columns with the same ids."
        )
    assert list_datasets(tmp_path) == []


def test_the_first_unknown_item_is_named_once_another_is_known(tmp_path):
    log = "user_id,item_id,rating,timestamp\na,i9,5,20\n" + LOG.partition("\n")[2]
    with pytest.raises(DataError, match=r"mine\.csv line 2: item 'i9' is not in the item table"):
        add(tmp_path, log)


@pytest.mark.parametrize(
    ("of_log", "of_table"),
    [("7.0", "7"), ("7", "7.0"), ("007", "7"), ("7", "0007"), ("034545104X", "34545104X"), ("7.00", "07")],
)
def test_ids_that_differ_by_zeros_alone_are_matched_and_told(tmp_path, of_log, of_table):
    dataset, intake = add(tmp_path, LOG.replace("i1", of_log), ITEMS.replace("i1", of_table))
    assert [key for _, key, _, _ in cells(dataset)].count(of_table) == 2
    assert (intake.matched_ids, intake.matched_example) == (2, (of_log, of_table))


def test_an_id_that_could_be_two_of_the_table_is_not_matched(tmp_path):
    items = ITEMS + "7,Seven,,\n007,Bond,,\n"
    with pytest.raises(DataError, match=r"line 6: item '7\.0' is not in the item table"):
        add(tmp_path, LOG + "a,7.0,5,1\n", items)
    dataset, intake = add(tmp_path, LOG + "a,7,5,1\na,007,4,1\n", items)
    assert (len(dataset), intake.matched_ids, intake.matched_example) == (6, 0, None)


DIRTY_LOG = LOG + "a,i9,5,1\nb,i2,0,1\nb,i2\n,i2,5,1\nb,i2,5,soon\n"
DIRTY_ITEMS = ITEMS + "i1,Again,,\ni4,,Drama,\n,No id,,\n"


def test_bad_rows_are_left_out_and_counted_by_reason(tmp_path):
    dataset, intake = add(tmp_path, DIRTY_LOG, DIRTY_ITEMS, rules=Rules(0, 0, skip_bad_rows=0.6))
    clean, _ = add(tmp_path)
    assert cells(dataset) == cells(clean)
    assert dataset.catalogue.items == clean.catalogue.items
    assert intake.rows == 9
    assert intake.skipped == {
        "mine.csv": {
            "unknown item": 1,
            "rating off the scale": 1,
            "unreadable row": 1,
            "no usable user": 1,
            "time unreadable": 1,
        },
        "items.csv": {"repeated id": 1, "empty title": 1, "no usable id": 1},
    }


def test_more_bad_rows_than_the_share_are_refused_with_the_reasons(tmp_path):
    with pytest.raises(DataError) as caught:
        add(tmp_path, DIRTY_LOG, rules=Rules(0, 0, skip_bad_rows=0.5))
    assert str(caught.value) == (
        "mine.csv: 5 of 9 rows cannot be used, more than the share of 0.5 that may be skipped: "
        "unknown item 1 (first: line 6), rating off the scale 1 (first: line 7), unreadable row 1 (first: line 8), "
        "no usable user 1 (first: line 9), time unreadable 1 (first: line 10); mend them, or raise --skip-bad-rows."
    )
    with pytest.raises(DataError, match=r"items\.csv: 3 of 6 rows cannot be used, more than the share of 0\.4"):
        add(tmp_path, items=DIRTY_ITEMS, rules=Rules(0, 0, skip_bad_rows=0.4))
    with pytest.raises(DataError, match="A share of 1 cannot be skipped"):
        add(tmp_path, rules=Rules(0, 0, skip_bad_rows=1))
    assert list_datasets(tmp_path) == []


def test_unknown_items_that_may_be_passed_over_are_no_bad_rows(tmp_path):
    log = LOG + "a,i9,5,1\n" * 9
    dataset, intake = add(tmp_path, log, rules=Rules(0, 0, skip_unknown_items=True, skip_bad_rows=0.0))
    assert (len(dataset), intake.unknown_items, intake.skipped) == (4, 9, {})


def test_a_log_of_unknown_items_and_bad_rows_alone_is_refused(tmp_path):
    log = "user_id,item_id,rating\na,i9,5\nb,i1,9\n"
    with pytest.raises(DataError, match="none of its 2 rows can be used"):
        add(tmp_path, log, rules=Rules(0, 0, skip_unknown_items=True, skip_bad_rows=0.5))


def test_logs_and_items_as_amazon_writes_them(tmp_path):
    """Reviews with asin and parent_asin, items by parent_asin alone, times in milliseconds, lists of categories."""
    reviews = [
        {"rating": 5.0, "asin": f"V{n}", "parent_asin": f"P{n % 3}", "user_id": f"u{n}", "timestamp": 1588687728923 + n}
        for n in range(6)
    ]
    meta = [
        {"parent_asin": f"P{n}", "title": f"Thing {n}", "categories": ["Video Games", f"Kind {n}"], "price": "None"}
        for n in range(3)
    ]
    for name, rows in (("reviews.jsonl.gz", reviews), ("meta.jsonl", meta)):
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    dataset = add_tables(tmp_path, tmp_path / "reviews.jsonl.gz", tmp_path / "meta.jsonl", rules=ALL)
    assert (dataset.name, len(dataset)) == ("reviews", 6)
    assert dataset.catalogue[2].categories == ("Video Games", "Kind 2")
    assert dataset.timestamps.max() == 1588687728
    intake = read_intake(tmp_path, "reviews")
    assert intake is not None
    assert (intake.columns["item"], intake.columns["item_key"]) == ("parent_asin", "parent_asin")
    assert (intake.times, intake.categories_separated_by) == ("in milliseconds", "lists")


def test_movielens_as_grouplens_packs_it(tmp_path):
    """`::` between cells, no header, Latin-1."""
    (tmp_path / "ratings.dat").write_bytes(b"1::10::5::978300760\n1::20::3::978302109\n2::10::4::978301968\n")
    (tmp_path / "movies.dat").write_bytes("10::Café, Le (1995)::Drama|War\n20::Heat (1995)::Crime\n".encode("latin-1"))
    forms = TextForm(columns=("user", "item", "rating", "time")), TextForm(columns=("item", "title", "categories"))
    dataset = add_tables(tmp_path, tmp_path / "ratings.dat", tmp_path / "movies.dat", rules=ALL, forms=forms)
    assert [item.text for item in dataset.catalogue] == ["Café, Le (1995) [Drama, War]", "Heat (1995) [Crime]"]
    intake = read_intake(tmp_path, "ratings")
    assert intake is not None
    assert intake.read_as["ratings.dat"] == "separated by ::, without a header"
    assert intake.read_as["movies.dat"].startswith("separated by ::, in cp1252 (Windows, Western European; if letters")


@pytest.mark.parametrize(
    ("log_columns", "item_columns", "told"),
    [
        (
            "user,item,raiting,time",
            "item,title,genres",
            "'raiting' is taken for nothing; write - for it in --columns to ",
        ),
        (
            "user,item,rating,time",
            "item,title,genrse",
            "'genrse' .* in --item-columns to leave it out, or name it as cat",
        ),
    ],
)
def test_a_misspelt_name_of_a_column_without_a_header_is_refused(tmp_path, log_columns, item_columns, told):
    (tmp_path / "log.csv").write_text("a,1,5,20\nb,2,4,10\n")
    (tmp_path / "items.csv").write_text("1,A,War\n2,B,War\n")
    forms = (TextForm(columns=tuple(log_columns.split(","))), TextForm(columns=tuple(item_columns.split(","))))
    with pytest.raises(DataError, match=told):
        add_tables(tmp_path, tmp_path / "log.csv", tmp_path / "items.csv", rules=ALL, forms=forms)
    assert not (tmp_path / "datasets").exists() or not list((tmp_path / "datasets").iterdir())


def test_a_file_without_a_header_is_told_how_to_name_its_columns(tmp_path):
    both = r"user or the item; say which ones do with --user-col and --item-col, or name all with --columns user,item,"
    with pytest.raises(DataError, match=both):
        add(tmp_path, "a,i1,5,20\nb,i2,4,10\n")
    with pytest.raises(DataError, match=r"with --title-col, or name all with --item-columns item,title,categories if"):
        add(tmp_path, items="item_id,heading\ni1,A\n")


def test_columns_that_are_taken_for_nothing_are_told(tmp_path):
    _, report = add(tmp_path, LOG.replace("timestamp", "moment"), ITEMS.replace("year", "made"))
    assert report.unused == {"mine.csv": ("moment",), "items.csv": ("made",)}
    assert "timestamp" not in report.columns
    _, report = add(tmp_path, LOG, ITEMS)
    assert report.unused == {}


def test_titles_that_repeat_stay_apart(tmp_path):
    dataset, _ = add(tmp_path, items=ITEMS.replace("Heat,Crime|Film Noir,1995-12-15", "Star Wars,Action|Sci-Fi,1977"))
    texts = [item.text for item in dataset.catalogue]
    assert texts[0] == texts[1]
    assert [item.key for item in dataset.catalogue] == ["i1", "i2", "i3"]
    embedder = HashEmbedder()
    vectors, (said,) = embedder.embed(texts), embedder.embed([texts[0]])
    assert nearest_item(vectors, said, masked=[]) == 0
    assert nearest_item(vectors, said, masked=[0]) == 1, "the twin is found once the first was shown"


def test_a_title_over_two_lines_becomes_one(tmp_path):
    dataset, _ = add(tmp_path, items=ITEMS.replace("Star Wars", '"Star\n\tWars, ""IV"""'))
    assert dataset.catalogue[0].title == 'Star Wars, "IV"'


@pytest.mark.parametrize(
    ("log", "items", "columns", "says"),
    [
        (LOG + "b,i2,nan,1\n", ITEMS, {}, "mine.csv line 6: rating 'nan' is no number from 1 to 5"),
        (LOG + "b,i2,inf,1\n", ITEMS, {}, "mine.csv line 6: rating 'inf' is no number from 1 to 5"),
        (LOG + "b,i2,,1\n", ITEMS, {}, "mine.csv line 6: rating '' is no number"),
        (LOG + "b,i2,7,1\n", ITEMS, {}, "mine.csv line 6: rating '7' is no number from 1 to 5"),
        (LOG + "b,i2,3,soon\n", ITEMS, {}, "mine.csv line 6: time 'soon' is neither a number nor a date"),
        (LOG + "b,i2,3,nan\n", ITEMS, {}, "mine.csv line 6: time 'nan' is neither"),
        (LOG + " ,i2,3,1\n", ITEMS, {}, "mine.csv line 6: '' cannot be a user's id"),
        (LOG + '"b\n",i2,3,1\n"b\nc",i2,3,1\n', ITEMS, {}, "mine.csv line 8: 'b\\nc' cannot be a user's id"),
        (LOG + "b,i2,3\n", ITEMS, {}, "mine.csv line 6: 3 cells where line 1 names 4 columns"),
        (LOG + "b,i2,3,1", ITEMS, {}, "mine.csv line 6: the last line has no line break"),
        (LOG, ITEMS + "i1,Again,,\n", {}, "items.csv line 5: item id 'i1' appears twice"),
        (LOG, ITEMS + " ,No id,,\n", {}, "items.csv line 5: '' cannot be an item's id"),
        (LOG, ITEMS + "i9, ,,\n", {}, "items.csv line 5: item 'i9' has no title"),
        (LOG, ITEMS, {"rating": "stars"}, "mine.csv line 1: no column 'stars' among user_id, item_id, rating, times"),
        (LOG, ITEMS, {"title": "name"}, "items.csv line 1: no column 'name' among item_id, title, genres, year; g"),
        (LOG, ITEMS.replace("title", "heading"), {}, "items.csv line 1: no column among item_id, heading, genres, ye"),
        (LOG.replace("user_id", "x"), ITEMS, {}, "mine.csv line 1: no column among x, item_id, rating, timest"),
        (LOG, ITEMS, {"rating": "rating", "hours": "timestamp"}, "A log has ratings or hours, not both"),
        (LOG, ITEMS, {"rating_max": 1.0}, "Ratings from 1 to 1 are no scale"),
        (LOG, ITEMS, {"rating_min": float("nan")}, "Ratings from nan to 5 are no scale"),
        (LOG.replace("rating", "hours") + "b,i2,-1,1\n", ITEMS, {}, "mine.csv line 6: hours '-1' are no number from 0"),
        (LOG.replace("rating", "hours") + "b,i2,inf,1\n", ITEMS, {}, "mine.csv line 6: hours 'inf' are no number"),
        (LOG, ITEMS, {"category_separator": ","}, "items.csv line 2: a category holds '|' beside the separator ','"),
        (LOG.replace("b,", "a,"), ITEMS, {}, "Dataset mine has 1 users and 3 items, and a simulator needs two"),
        ("user_id,item_id\na,i1\nb,i1\n", "item_id,title\ni1,One\n", {}, "Dataset mine has 2 users and 1 items"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_registered(tmp_path, log, items, columns, says):
    with pytest.raises(DataError) as caught:
        add(tmp_path, log, items, ColumnSpec(**columns))
    message = str(caught.value)
    assert message.startswith(says)
    assert ";" in message, "no remedy"
    assert list_datasets(tmp_path) == []


def test_a_log_in_which_everybody_has_too_few_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no row is left when every user needs 3 interactions and every item 3"):
        add(tmp_path, rules=Rules())
    with pytest.raises(DataError, match=r"no row is left.* item 9; ask for fewer with --min-user"):
        add(tmp_path, rules=Rules(0, 9))


@pytest.mark.parametrize("negatives", [-1.0, 101.0, float("nan")])
def test_refuses_a_number_of_negatives_that_cannot_be(tmp_path, negatives):
    with pytest.raises(DataError, match="negatives an interaction cannot be; ask for 0 to 100"):
        add(tmp_path, rules=Rules(0, 0, negatives=negatives))


def test_a_folder_is_copied_unless_something_is_to_change(tmp_path):
    source = tmp_path / "source"
    write_atomic(source, tiny_dataset())
    (source / "tiny.user").write_text("user_id:token\tage:token\nu0\t33\n")
    copied = add_folder(tmp_path, source)
    assert read_intake(tmp_path, "tiny") is None
    few = add_folder(tmp_path, source, rules=Rules(min_item=25))
    intake = read_intake(tmp_path, "tiny")
    assert intake is not None
    assert (intake.min_user, intake.min_item) == (0, 25)
    assert 0 < len(few.catalogue) == len(copied.catalogue) - intake.dropped_items < len(copied.catalogue)
    assert len(few) == len(copied) - intake.dropped_rows
    assert {item.text for item in few.catalogue} <= {item.text for item in copied.catalogue}
    assert (dataset_folder(tmp_path, "tiny") / "tiny.user").read_bytes() == (source / "tiny.user").read_bytes()


def test_a_folder_with_repeated_pairs_or_without_ratings_is_converted(tmp_path):
    source = tmp_path / "source"
    write_atomic(source, tiny_dataset())
    path = source / "tiny.inter"
    header, first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(header + first + "".join(rest) + first.replace("\t0\n", "\t99999\n"))
    dataset = add_folder(tmp_path, source)
    intake = read_intake(tmp_path, "tiny")
    assert intake is not None
    assert (len(dataset), intake.repeated, intake.feedback) == (1200, 1, "ratings")
    assert load_dataset(tmp_path, "tiny").timestamps.max() == 99999
    path.write_text(path.read_text().replace("rating:float", "hours:float", 1))
    hours = add_folder(tmp_path, source)
    assert hours.negatives is not None
    assert set(hours.ratings.tolist()) <= {2, 3, 4, 5}
    assert hours.catalogue.items == dataset.catalogue.items


def test_bad_rows_of_a_folder_are_left_out_and_counted(tmp_path):
    source = tmp_path / "source"
    write_atomic(source, tiny_dataset())
    clean = add_folder(tmp_path, source, "clean")
    with (source / "tiny.inter").open("a") as file:
        file.write("u1\tnowhere\t5\t1\nu1\ti1\nu1\ti1\t0\t1\n")
    with (source / "tiny.item").open("a") as file:
        file.write("i1\tAgain\t1990\tDrama\ni99\t \t1990\tDrama\n")
    dirty = add_folder(tmp_path, source, "dirty", rules=Rules(skip_bad_rows=0.1))
    assert cells(dirty) == cells(clean)
    assert dirty.catalogue.items == clean.catalogue.items
    intake = read_intake(tmp_path, "dirty")
    assert intake is not None
    assert intake.skipped == {
        "tiny.inter": {"unknown item": 1, "unreadable row": 1, "rating off the scale": 1},
        "tiny.item": {"repeated id": 1, "empty title": 1},
    }


def test_a_year_is_found_in_dates_of_parquet_as_in_dates_of_text(tmp_path):
    dates = [datetime(1977, 5, 25, tzinfo=UTC), datetime(1995, 12, 15, tzinfo=UTC), None]
    items = {"item_id": ["i1", "i2", "i3"], "title": ["Star Wars", "Heat", "Odd"], "genres": ["Action", "Crime", ""]}
    log = {"user_id": list("aabb"), "item_id": ["i1", "i2", "i1", "i3"], "rating": [5, 4, 2, 3]}
    moments = [datetime(2026, 1, 31, tzinfo=UTC), None, None, None]
    for number, kind in enumerate((pa.date32(), pa.timestamp("ns", "UTC"), pa.timestamp("s"))):
        table = pa.table(items | {"release_date": pa.array(dates, pa.timestamp("us", "UTC")).cast(kind)})
        parquet.write_table(table, tmp_path / "items.parquet")
        when = pa.array([moments[0]] * 4, pa.timestamp("us", "UTC")).cast(kind)
        parquet.write_table(pa.table(log | {"timestamp": when}), tmp_path / "log.parquet")
        dataset = add_tables(tmp_path, tmp_path / "log.parquet", tmp_path / "items.parquet", f"p{number}", rules=ALL)
        assert [item.year for item in dataset.catalogue] == [1977, 1995, None]
        assert set(dataset.timestamps.tolist()) == {1769817600}
