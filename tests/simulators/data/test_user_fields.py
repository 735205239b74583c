"""What is read of NAME.user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.errors import DataError
from billp.simulators.data.dataset import read_dataset
from billp.simulators.data.user_fields import BUCKETS, MOST_VALUES, bucketed, read_user_fields
from tests.fakes.worlds import tiny_dataset, write_atomic

KEYS = tuple(f"u{user}" for user in range(30))


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_words_are_coded_and_what_is_not_known_is_zero(tmp_path):
    rows = ["u2\tF", "u0\tM", "stranger\tX", "u1\t "]
    path = write(tmp_path / "d.user", "user_id:token\tgender:token", rows)
    (field,) = read_user_fields(path, "user_id", KEYS[:4])
    assert (field.name, field.codes.tolist(), field.size) == ("gender", [2, 0, 1, 0], 3)


def test_numbers_are_put_in_buckets_of_like_size(tmp_path):
    rows = [f"u{user}\t{20 + user}" for user in range(30)]
    (field,) = read_user_fields(write(tmp_path / "d.user", "user_id:token\tage:token", rows), "user_id", KEYS)
    assert field.size == BUCKETS + 1
    assert np.bincount(field.codes).tolist() == [0] + [3] * BUCKETS
    assert (np.diff(field.codes) >= 0).all()


def test_fields_that_group_nobody_are_left_out(tmp_path):
    keys = tuple(f"u{user}" for user in range(MOST_VALUES + 1))
    rows = [f"{key}\tZ{key}\tyes\tfilms books\t0.5" for key in keys]
    header = "user_id:token\tzip:token\tmember:token\tlikes:token_seq\tscore:float"
    assert read_user_fields(write(tmp_path / "d.user", header, rows), "user_id", keys) == ()
    (field,) = read_user_fields(write(tmp_path / "d.user", header, rows[:-1]), "user_id", keys)
    assert (field.name, field.size) == ("zip", MOST_VALUES + 1)


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [
        ("id:token\tage:token", ["u0\t3"], r"d\.user line 1: no column 'user_id' among id, age; add it or remove"),
        ("user_id:token\tage:token", ["u0\t3", "u0\t4"], r"d\.user line 3: user id 'u0' appears twice; give every"),
        ("user_id:token\tage:token", ["\t3"], r"d\.user line 2: the user id is empty; give every user"),
        ("user_id:token\tage:token", ["u0"], r"d\.user line 2: 1 fields"),
    ],
)
def test_refuses_a_file_that_does_not_say_whom_it_means(tmp_path, header, rows, says):
    with pytest.raises(DataError, match=says):
        read_user_fields(write(tmp_path / "d.user", header, rows), "user_id", KEYS)


def test_a_dataset_carries_the_fields_of_its_users(tmp_path):
    write_atomic(tmp_path, tiny_dataset())
    assert read_dataset(tmp_path, "tiny", tiny_dataset().mapping).user_fields == ()
    write(tmp_path / "tiny.user", "user_id:token\tsex:token", [f"u{user}\t{'FM'[user % 2]}" for user in range(40)])
    dataset = read_dataset(tmp_path, "tiny", tiny_dataset().mapping)
    (field,) = dataset.user_fields
    assert field.codes.tolist() == [1 + int(key[1:]) % 2 for key in dataset.user_keys]


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-1e9, 1e9)), max_size=60))
def test_buckets_keep_the_order_of_the_numbers(values):
    numbers = np.array(values, dtype=np.float64)
    codes, size = bucketed(numbers)
    assert size <= BUCKETS + 1 or not np.isfinite(numbers).any()
    assert ((codes >= 0) & (codes < size)).all()
    assert ((codes == 0) == np.isnan(numbers)).all()
    known = ~np.isnan(numbers)
    assert (np.diff(codes[known][np.argsort(numbers[known])]) >= 0).all()
