"""Categories in a cell."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.simulators.data.importers.categories import LISTS, guessed_separator, split_categories, torn_apart


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["Action Comedy", "Action Drama", "Comedy Drama", "Drama", ""], " "),
        (["Rock", "Hip Hop", "Hard Rock", "Home & Garden", ""], None),
        (["Home > Kitchen > Knives, sharp", "Garden"], ">"),
        (["Film Noir, Drama", "Crime"], ","),
        (["Film Noir|Drama", "Crime, true"], "|"),
        (["Film Noir; Drama", "Crime, true"], ";"),
        ([], None),
        (["['Drama', 'War']", "['Drama']", "[]", ""], LISTS),
        (["'Beauty', 'Hair Care'", "\"Men's\", 'Shampoos'", "'Beauty'"], LISTS),
        (['["Drama"]', '[{"id": 1, "name": "War"}]'], LISTS),
        (["[27,9]", "[a,b]"], LISTS),
        (["Children's Comedy", "Men's Wear"], None),
        (["[Live] Rock, Pop", "Pop"], ","),
    ],
)
def test_the_whole_column_tells_how_categories_are_written(cells, separator):
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
        ("['Drama', 'War']", LISTS, ("Drama", "War")),
        ("['Drama' 'War'\n 'Crime']", LISTS, ("Drama", "War", "Crime")),
        ("'Beauty', 'Hair Care'", LISTS, ("Beauty", "Hair Care")),
        ("\"Men's\", 'Hair Care'", LISTS, ("Men's", "Hair Care")),
        ("'Beauty'", LISTS, ("Beauty",)),
        ("{'b', 'a'}", LISTS, ("a", "b")),
        ('["Books", "Sci-Fi & Fantasy"]', LISTS, ("Books", "Sci-Fi & Fantasy")),
        ('[["Books", "Comics"], ["Books"]]', LISTS, ("Books", "Comics")),
        ('[{"id": 1, "name": "War"}, {"id": 2, "name": "Drama"}]', LISTS, ("War", "Drama")),
        ("[{'id': 1, 'description': 'War'}]", LISTS, ("War",)),
        ('[{"kind": "War"}]', LISTS, ("War",)),
        ("[27, 9]", LISTS, ("27", "9")),
        ("[a, b c]", LISTS, ("a", "b c")),
        ("[None, 'War']", LISTS, ("War",)),
        ("[]", LISTS, ()),
        ("", LISTS, ()),
        ("Drama", LISTS, ("Drama",)),
    ],
)
def test_categories_are_kept_whole_and_once(cell, separator, names):
    assert split_categories(cell, separator) == names


NAMES = st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1), min_size=1, unique=True)


@given(NAMES, st.sampled_from([json.dumps, repr]))
def test_what_was_written_as_a_list_is_read(names, write):
    kept = [name for name in names if name.lower() != "unknown"]
    assert split_categories(write(names), LISTS) == tuple(kept)


@given(st.text())
def test_no_cell_is_too_odd(cell):
    assert all(name.strip() == name != "" for name in split_categories(cell, LISTS))


@pytest.mark.parametrize("cell", ["[" * 9000 + "]" * 9000, "(" * 200_000 + ")" * 200_000, "[" + "'a'," * 99_999 + "]"])
def test_nothing_nests_too_deeply_or_is_too_long(cell):
    assert len(split_categories(cell, LISTS)) <= 1


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([("Action", "Sci-Fi"), ("Action",), ("Sci-Fi",)], None),
        ([("Film", "Noir")] * 2 + [("Drama",)], None),
        ([("Film", "Noir")] * 3 + [("Drama",)], "'Film' and 'Noir' come only together"),
        ([("Film", "Noir")] * 3 + [("Film",)], None),
        ([("'Beauty',", "'Hair", "Care'")], "\"'Beauty',\" is no category"),
        ([("['Drama'",)], "\"['Drama'\" is no category"),
        ([("Sci-Fi", "&", "Fantasy")], "'&' is no category"),
        ([], None),
    ],
)
def test_categories_that_look_torn_apart_are_named(items, says):
    assert torn_apart(items) == says
