"""Typed titles name items, or are refused by name."""

from __future__ import annotations

import pytest

from billp.catalogue import Catalogue, Item
from billp.errors import BadInputError
from billp.graphs.titles import items_named

_ITEMS = [
    ("Godfather, The (1972)", 1972),
    ("Godfather: Part II, The (1974)", 1974),
    ("Sabrina (1954)", 1954),
    ("Sabrina (1995)", 1995),
    ("City of Lost Children, The (Cité des enfants perdus, La) (1995)", 1995),
    ("(500) Days of Summer", 2009),
    ("Schindler's List", 1993),
    ("Alien", None),
    ("The Alien", None),
    ("!!!", None),
    ("Twin", None),
    ("Twin", None),
    ("千と千尋の神隠し", None),
]
CATALOGUE = Catalogue("few", tuple(Item(at, f"k{at}", title, (), year) for at, (title, year) in enumerate(_ITEMS)))


@pytest.mark.parametrize(
    ("title", "index"),
    [
        ("the godfather", 0),
        ("Godfather", 0),
        (" GODFATHER, the  (1972) ", 0),
        ("godfather 1972", 0),
        ("The Godfather: Part II", 1),
        ("sabrina (1995)", 3),
        ("City of Lost Children", 4),
        ("(500) days of summer", 5),
        ("500 Days of Summer (2009)", 5),
        ("Schindlers List", 6),
        ("Schindler\u2019s List (1993)", 6),
        ("Alien", 7),
        ("the alien", 8),
        ("!!!", 9),
        ("twin", 10),
        ("千と千尋の神隠し", 12),
    ],
)
def test_a_title_is_found_however_it_is_written(title: str, index: int):
    assert items_named(CATALOGUE, [title]) == [index]


def test_items_come_once_in_the_order_of_the_titles():
    assert items_named(CATALOGUE, ["Twin", "the godfather", "TWIN"]) == [10, 0]


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("Sabrina", "'Sabrina' may be Sabrina (1954) or Sabrina (1995); write the whole title."),
        ("Schindler", "No item is titled 'Schindler'; the nearest titles are Schindler's List (1993)"),
        ("Schindlers", "No item is titled 'Schindlers'; the nearest titles are Schindler's List (1993)."),
        ("Godfahter", "No item is titled 'Godfahter'; the nearest titles are Godfather, The (1972);"),
        ("The Godfather (1973)", "the nearest titles are Godfather, The (1972);"),
        ("\x1b[2J", "No item is titled '[2J'"),
        ("", "No item is titled ''"),
        ("x" * 300, "xxx...'; the nearest titles are"),
    ],
)
def test_a_title_that_names_no_item_or_two_is_refused_by_name(title: str, sentence: str):
    with pytest.raises(BadInputError) as refused:
        items_named(CATALOGUE, ["Twin", title])
    assert sentence in str(refused.value)
