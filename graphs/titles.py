"""Finds the items whose titles a person typed."""

from __future__ import annotations

from collections.abc import Iterable

from billp.catalogue import Catalogue, plain_title
from billp.errors import BadInputError
from billp.names import nearest
from billp.words import one_line

_LONGEST = 80  # characters of a typed title that a message repeats
_TOLD = 3


def items_named(catalogue: Catalogue, titles: Iterable[str]) -> list[int]:
    """Returns the indices of the items that `titles` name, each once, in that order.

    Case, punctuation, remarks in brackets and an article at either end do not matter: `the godfather` names `Godfather,
    The (1972)`. Raises BadInputError for a title that names no item, or items of different titles.
    """
    return list(dict.fromkeys(_item_named(catalogue, one_line(title)) for title in titles))


def _item_named(catalogue: Catalogue, title: str) -> int:
    found = catalogue.some(catalogue.of_title.get(plain_title(title), []))
    spelt = title.casefold()
    exact = [item for item in found if spelt in (item.title.casefold(), item.dated_title.casefold())]
    found = exact or found
    named = list(dict.fromkeys(item.dated_title for item in found))
    if len(named) == 1:
        return found[0].index
    said = repr(title if len(title) <= _LONGEST else f"{title[:_LONGEST]}...")
    if named:
        raise BadInputError(f"{said} may be {' or '.join(named[:_TOLD])}; write the whole title.")
    raise BadInputError(f"No item is titled {said}; the nearest titles are {'; '.join(_nearest(catalogue, title))}.")


def _nearest(catalogue: Catalogue, title: str) -> list[str]:
    """Returns titles that begin like `title`, or if there are none, titles of nearly the same letters."""
    known, wanted = catalogue.of_title, plain_title(title)
    begin = sorted(key for key in known if key.startswith(f"{wanted} "))
    keys = begin or nearest(wanted, list(known), count=2 * _TOLD)
    return list(dict.fromkeys(catalogue[known[key][0]].dated_title for key in keys))[:_TOLD]
