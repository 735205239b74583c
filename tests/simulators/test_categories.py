"""Categories in a cell."""

from __future__ import annotations

import pytest

from simulators.categories import guessed_separator, split_categories


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["Action Sci-Fi", "Drama", ""], " "),
        (["Film Noir, Drama", "Crime"], ","),
        (["Film Noir|Drama", "Crime, true"], "|"),
        ([], " "),
    ],
)
def test_a_bar_is_more_telling_than_a_comma_and_a_comma_than_a_space(cells, separator):
    assert guessed_separator(cells) == separator


@pytest.mark.parametrize(
    ("cell", "separator", "names"),
    [
        ("Action  Sci-Fi Action", " ", ("Action", "Sci-Fi")),
        ("Film Noir, Drama,", ",", ("Film Noir", "Drama")),
        ("Film  Noir| Drama ", "|", ("Film Noir", "Drama")),
        ("a;b", ";", ("a", "b")),
        ("Film Noir, Drama", None, ("Film Noir, Drama",)),
        ("unknown|Drama", "|", ("Drama",)),
        ("(no genres listed)", "|", ()),
        ("  ", " ", ()),
        ("", None, ()),
    ],
)
def test_categories_are_kept_whole_and_once(cell, separator, names):
    assert split_categories(cell, separator) == names
