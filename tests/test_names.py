"""Ids like one that is not there."""

from __future__ import annotations

import re
import time

import pytest

from billp import names
from billp.errors import BadInputError
from billp.names import checked_name, nearest


def test_numbers_are_compared_as_numbers():
    known = [str(number) for number in range(1, 2000, 10)]
    assert nearest("500", known) == ["501", "491", "511"]
    assert nearest("999999", known) == ["1991", "1981", "1971"]


def test_words_are_compared_by_letters():
    assert nearest("jon", ["mary", "john", "zoe"])[0] == "john"
    assert nearest("", ["a", "b", "c", "d"]) != []
    assert nearest("anna", ["5", "7"]) != []
    assert nearest("x", []) == []


def test_a_number_among_words_and_an_endless_one_are_no_hindrance():
    assert nearest("12", ["u11", "u12", "u13"])[0] == "u12"
    assert len(nearest("9" * 10_000, ["1", "2", "3", "4"])) == 3


@pytest.mark.parametrize(
    "name",
    ["", " ", " one", "one ", "..", "a/b", "a\\b", "-x", "~x", "a\0b", "a\u202eb", "\udcff", "x" * 201, "🎬" * 51],
)
def test_a_name_that_no_folder_can_have_is_refused(name: str):
    with pytest.raises(BadInputError, match="cannot be the name of a run"):
        checked_name("run", name)


@pytest.mark.parametrize("name", ["one", "con", "a b?c#d&e=é", "оne", "🎬" * 50])
def test_a_name_that_a_folder_can_have_is_taken(name: str):
    assert checked_name("run", name) == name


@pytest.mark.parametrize("name", ["CON", "nul.txt", "com1", "a.", "a:b", "a*b", 'a"b'])
def test_a_name_that_windows_has_for_a_device_or_takes_in_no_folder_is_refused_there(
    monkeypatch: pytest.MonkeyPatch, name: str
):
    assert checked_name("run", name) == name
    monkeypatch.setattr(names, "_UNFIT", re.compile(names._WINDOWS, re.IGNORECASE))
    with pytest.raises(BadInputError, match="cannot be the name of a run"):
        checked_name("run", name)
    assert checked_name("run", "console-nul.v10") == "console-nul.v10"


def test_many_ids_take_little_time():
    names, numbers = ([f"{mark}{number}" for number in range(10**6)] for mark in ("user-", ""))
    started = time.thread_time()
    assert "user-12345" in nearest("user-12345x", names)
    assert "12345" not in nearest("-1", numbers)
    assert time.thread_time() - started < 20, "comparing the letters of a million ids takes minutes"
