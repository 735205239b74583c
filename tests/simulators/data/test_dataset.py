"""Reading atomic files: what is kept, and what is refused with file, line and remedy."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.errors import DataError
from billp.simulators.data.atomic_files import read_rows
from billp.simulators.data.dataset import read_dataset
from billp.simulators.data.mapping import ColumnMapping, guess_mapping
from tests.fakes.worlds import MAPPING, tiny_dataset, write_atomic

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
GOOD_INTER = INTER + "a\t1\t5\t20\na\t2\t4\t10\nb\t1\t2\t5\n"
GOOD_ITEM = ITEM + "1\tStar Wars\t1977\tAction Sci-Fi\n2\tUsual Suspects, The\t1995\tCrime\n3\todd one\tV\tunknown\n"


def write(folder: Path, inter: str | bytes = GOOD_INTER, item: str | bytes = GOOD_ITEM) -> Path:
    for suffix, text in ((".inter", inter), (".item", item)):
        (folder / f"d{suffix}").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_reads_items_users_and_rows_sorted_by_user_and_time(tmp_path):
    dataset = read_dataset(write(tmp_path), "d", MAPPING)
    assert [item.text for item in dataset.catalogue] == [
        "Star Wars (1977) [Action, Sci-Fi]",
        "Usual Suspects, The (1995) [Crime]",
        "odd one",
    ]
    assert dataset.user_keys == ("a", "b")
    assert dataset.users.tolist() == [0, 0, 1]
    assert dataset.items.tolist() == [1, 0, 0]
    assert dataset.ratings.tolist() == [4, 5, 2]
    assert dataset.timestamps.tolist() == [10, 20, 5]
    columns = dataset.users, dataset.items, dataset.ratings, dataset.timestamps
    assert [str(column.dtype) for column in columns] == ["int32", "int32", "float32", "int64"]


def test_columns_cannot_be_written_to(tmp_path):
    dataset = read_dataset(write(tmp_path), "d", MAPPING)
    with pytest.raises(ValueError, match="read-only"):
        dataset.ratings[0] = 1


def test_windows_line_ends_and_a_byte_order_mark_are_no_hindrance(tmp_path):
    plain = read_dataset(write(tmp_path), "d", MAPPING)
    item = b"\xef\xbb\xbf" + GOOD_ITEM.replace("\n", "\r\n").encode()
    dataset = read_dataset(write(tmp_path, GOOD_INTER.replace("\n", "\r\n"), item), "d", MAPPING)
    assert dataset.catalogue == plain.catalogue
    assert dataset.timestamps.tolist() == plain.timestamps.tolist()
    assert next(read_rows(tmp_path / "d.item")) == (2, ["1", "Star Wars", "1977", "Action Sci-Fi"])


@pytest.mark.parametrize(
    ("inter", "item", "says"),
    [
        (GOOD_INTER.replace("rating:float", "stars:float"), GOOD_ITEM, "d.inter line 1: no column 'rating'"),
        (GOOD_INTER, GOOD_ITEM.replace("movie_title", "heading"), "d.item line 1: no column 'movie_title'"),
        (GOOD_INTER + "b\t9\t3\t6\n", GOOD_ITEM, "d.inter line 5: item '9' is not in d.item"),
        (GOOD_INTER + "b\t2\t6\t6\n", GOOD_ITEM, "d.inter line 5: the rating is not within 1 to 5"),
        (GOOD_INTER + "b\t2\t0.5\t6\n", GOOD_ITEM, "d.inter line 5: the rating is not within 1 to 5"),
        (GOOD_INTER + "b\t2\tnan\t6\n", GOOD_ITEM, "d.inter line 5: the rating is not within 1 to 5"),
        (GOOD_INTER + "b\t2\tinf\t6\n", GOOD_ITEM, "d.inter line 5: the rating is not within 1 to 5"),
        (GOOD_INTER + "b\t2\tgood\t6\n", GOOD_ITEM, "d.inter line 5: could not convert string to float: 'good'"),
        (GOOD_INTER + "b\t2\t\t6\n", GOOD_ITEM, "d.inter line 5: could not convert"),
        (GOOD_INTER + "b\t2\t3\tinf\n", GOOD_ITEM, "d.inter line 5: the timestamp is not a finite number"),
        (GOOD_INTER + "\t2\t3\t6\n", GOOD_ITEM, "d.inter line 5: the user id is empty"),
        (GOOD_INTER, GOOD_ITEM + "4\t \t1990\tDrama\n", "d.item line 5: item '4' has no title"),
        (GOOD_INTER, GOOD_ITEM + "1\tAgain\t1990\tDrama\n", "d.item line 5: item id '1' appears twice"),
        (GOOD_INTER, GOOD_ITEM + "\tNo id\t1990\tDrama\n", "d.item line 5: the item id is empty"),
        (GOOD_INTER, GOOD_ITEM.encode() + b"4\tCaf\xe9\t1990\tDrama\n", "d.item line 5: not UTF-8 text"),
        (b"\xff" + GOOD_INTER.encode(), GOOD_ITEM, "d.inter line 1: not UTF-8 text"),
        (GOOD_INTER[:-3], GOOD_ITEM, "d.inter line 4: the last line has no line break"),
        (GOOD_INTER + "b\t2\t3\n", GOOD_ITEM, "d.inter line 5: 3 fields where the header names 4"),
        (GOOD_INTER + "b\t2\t3\t6\t7\n", GOOD_ITEM, "d.inter line 5: 5 fields where the header names 4"),
        (GOOD_INTER + "\n", GOOD_ITEM, "d.inter line 5: 1 fields where the header names 4"),
        ("", GOOD_ITEM, "d.inter line 1: the file is empty"),
        (INTER, GOOD_ITEM, "d.inter line 1: no rows follow the header"),
        (GOOD_INTER, ITEM, "d.item line 1: no rows follow the header"),
        (GOOD_INTER.replace("user_id:token", "user_id"), GOOD_ITEM, "d.inter line 1: column 'user_id' is not field:t"),
        (GOOD_INTER.replace(":float", ":int", 1), GOOD_ITEM, "d.inter line 1: column 'rating:int' is not field:type"),
        (GOOD_INTER.replace("timestamp", "rating"), GOOD_ITEM, "d.inter line 1: field 'rating' appears twice"),
    ],
)
def test_refuses_a_bad_file_naming_file_line_and_remedy(tmp_path, inter, item, says):
    with pytest.raises(DataError) as caught:
        read_dataset(write(tmp_path, inter, item), "d", MAPPING)
    message = str(caught.value)
    assert message.startswith(says)
    assert ";" in message, "no remedy"
    assert message.endswith(".")


@pytest.mark.parametrize("suffix", [".inter", ".item"])
def test_refuses_a_missing_file(tmp_path, suffix):
    (write(tmp_path) / f"d{suffix}").unlink()
    with pytest.raises(DataError, match=rf"d\{suffix} cannot be opened \(No such file or directory\); check"):
        read_dataset(tmp_path, "d", MAPPING)


def test_refuses_a_malformed_user_file(tmp_path):
    (write(tmp_path) / "d.user").write_text("user_id:token\tage:token\na\n")
    with pytest.raises(DataError, match=r"d\.user line 2: 1 fields"):
        read_dataset(tmp_path, "d", MAPPING)


def test_history_holds_the_last_liked_items_oldest_first(tmp_path):
    rows = "".join(f"a\t{item}\t{stars}\t{time}\n" for item, stars, time in ((3, 5, 30), (1, 4, 10), (2, 3, 40)))
    dataset = read_dataset(write(tmp_path, INTER + rows + "b\t2\t1\t2\nb\t3\t2\t1\n"), "d", MAPPING)
    assert dataset.history(0, 5) == [0, 2]
    assert dataset.history(0, 1) == [2]
    assert dataset.history(0, 0) == []
    assert dataset.history(1, 5) == [2, 1], "who liked nothing has a history of what was rated"
    for user in (-1, 2):
        with pytest.raises(DataError, match=f"no user {user}; ask for one from 0 to 1"):
            dataset.history(user, 1)


def test_another_rating_scale_is_brought_to_one_to_five(tmp_path):
    mapping = MAPPING.model_copy(update={"rating_min": 0.0, "rating_max": 10.0})
    dataset = read_dataset(write(tmp_path, INTER + "a\t1\t0\t1\na\t2\t5\t2\na\t3\t10\t3\n"), "d", mapping)
    assert dataset.ratings.tolist() == [1, 3, 5]


def test_without_times_and_categories_the_order_of_the_file_stands(tmp_path):
    mapping = ColumnMapping(title="movie_title")
    dataset = read_dataset(write(tmp_path), "d", mapping)
    assert dataset.items.tolist() == [0, 1, 0]
    assert {item.categories for item in dataset.catalogue} == {()}


def test_the_fingerprint_follows_files_and_mapping(tmp_path):
    first = read_dataset(write(tmp_path), "d", MAPPING).fingerprint
    assert read_dataset(tmp_path, "d", MAPPING).fingerprint == first
    assert read_dataset(tmp_path, "d", MAPPING.model_copy(update={"year": None})).fingerprint != first
    assert read_dataset(write(tmp_path, GOOD_INTER.replace("\t5\t", "\t4\t")), "d", MAPPING).fingerprint != first


def test_reading_tells_how_far_it_is(tmp_path):
    path = tmp_path / "d.inter"
    path.write_text(INTER + "a\t1\t5\t1\n" * 200_000)
    shares: list[float] = []
    assert sum(1 for _ in read_rows(path, shares.append)) == 200_000
    assert len(shares) == 3
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 25))
def test_what_was_written_is_read(seed, users, items):
    dataset = tiny_dataset(seed, users, items)
    with tempfile.TemporaryDirectory() as folder:
        write_atomic(Path(folder), dataset)
        read = read_dataset(Path(folder), "tiny", MAPPING)
    assert read.catalogue == dataset.catalogue
    assert read.user_keys == dataset.user_keys
    for column in ("users", "items", "ratings", "timestamps"):
        assert np.array_equal(getattr(read, column), getattr(dataset, column)), column


def test_the_mapping_is_guessed_from_headers():
    headers = "d", ["user_id", "product_id", "rating", "name"], ["product_id", "app_name", "genres", "tags"]
    guessed = guess_mapping(*headers)
    assert guessed == ColumnMapping(item="product_id", title="app_name", categories="genres")
    assert guess_mapping(*headers, categories="tags", rating_max=10, title=None).categories == "tags"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"genre": "x"}, "Column mapping genre is no name that is known"),
        ({"rating_min": 5}, "Column mapping rating scale"),
        ({"rating_max": float("inf")}, "Column mapping rating scale"),
        ({"rating_min": float("nan")}, "Column mapping rating scale"),
    ],
)
def test_refuses_a_mapping_that_cannot_be(overrides, says):
    with pytest.raises(DataError) as caught:
        guess_mapping("d", ["user_id", "item_id", "rating"], ["item_id", "title"], **overrides)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("log", "items", "says"),
    [
        (["user_id", "item_id", "rating", "title"], ["item_id", "heading"],
         "d.item line 1: no column among item_id, heading tells by its name that it holds the title; "
         "say which one does with --title-col."),
        (["who", "item_id", "rating"], ["item_id", "title"],
         "d.inter line 1: no column among who, item_id, rating tells by its name that it holds the user; "
         "say which one does with --user-col."),
    ],
)  # fmt: skip
def test_a_column_that_no_name_tells_is_asked_for_by_file_and_flag(log, items, says):
    with pytest.raises(DataError) as caught:
        guess_mapping("d", log, items)
    assert str(caught.value) == says


def test_a_column_that_is_not_there_is_named_with_the_flag_that_names_another(tmp_path):
    mapping = MAPPING.model_copy(update={"timestamp": "when"})
    with pytest.raises(DataError, match=r"d\.inter line 1: no column 'when' among .*; rename .* with --time-col\."):
        read_dataset(write(tmp_path), "d", mapping)
