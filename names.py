"""Names that people type: which are valid, and which known names a misspelt one may mean."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher, get_close_matches
from heapq import nsmallest

from billp.errors import BadInputError

_COMPARED = 500  # neighbours in the alphabet that are compared, at some 10 us each
_LISTED = 20
_ALIKE = 0.6  # a name with at least this share of letters in common may be a misspelling
_LONGEST = 200  # bytes; a file system takes 255, and work folders add to the name
_WINDOWS = r'[<>:"/\\|?*]|\.$|^(con|prn|aux|nul|com[0-9]|lpt[0-9])\s*(\.|$)'  # its devices have names in every folder
_UNFIT = re.compile(r"[/\\]" if os.sep == "/" else _WINDOWS, re.IGNORECASE)


def nearest(wanted: str, known: Sequence[str], count: int = 3) -> list[str]:
    """Returns at most `count` of the `known` names, the most similar first, compared as numbers if all are numbers.

    A million names take about a second: among many, only neighbours in the alphabet are compared letter by letter.
    """
    if all(_is_number(key) for key in (wanted, *known[:_COMPARED])):
        number = int(wanted)
        return nsmallest(count, filter(_is_number, known), key=lambda key: (abs(int(key) - number), int(key)))
    if len(known) > 2 * _COMPARED:
        known = sorted(known)
        at = bisect_left(known, wanted)
        known = known[max(0, at - _COMPARED) : at + _COMPARED]
    return get_close_matches(wanted[:200], known, n=count, cutoff=0)


def there_is_no(what: str, wanted: str, known: Collection[str], *, where: str = "", remedy: str = "") -> str:
    """Returns the sentence that refuses the name `wanted`: similar `known` names, a list, and a `remedy`."""
    listed = sorted(known) if isinstance(known, set | frozenset) else list(known)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    place = f" {where}" if where else ""
    guess = did_you_mean(wanted, listed)
    if listed:
        choice = f"choose one of {', '.join(listed[:_LISTED])}{more}{f', or {remedy}' if remedy else ''}"
    else:
        choice = f"there are none yet{f': {remedy}' if remedy else ''}"
    return f"There is no {what} {wanted!r}{place}{guess}; {choice}."


def did_you_mean(wanted: str, known: Sequence[str]) -> str:
    """Returns a question, after a space and in brackets, that names what of `known` may be meant; empty if nothing."""
    meant = [name for name in nearest(wanted, known) if _alike(wanted, name)]
    return f" (did you mean {' or '.join(meant)}?)" if meant else ""


def checked_name(what: str, name: str) -> str:
    """Returns `name`; raises BadInputError if it is a path, looks like one, or is not a valid folder name."""
    unseen = (
        not name or name != name.strip() or not name.isprintable()
    )  # isprintable: no marks that reverse the writing
    if unseen or name.startswith((".", "-", "~")) or len(name.encode()) > _LONGEST or _UNFIT.search(name):
        raise BadInputError(
            f"{name[:_LONGEST]!r} cannot be the name of a {what}; take one without slashes that does not begin with ., "
            f"- or ~, of visible characters that are at most {_LONGEST} bytes."
        )
    return name


def is_text(name: str) -> bool:
    """Returns whether a name that was read from a disk is text; others can be put into no list, page or file."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _alike(wanted: str, name: str) -> bool:
    """Returns whether one may be a misspelling or a part of the other, or both begin with the same word."""
    a, b = wanted.casefold(), name.casefold()
    words = [re.split(r"[-_./@ ]", text, maxsplit=1)[0] for text in (a, b)]
    return (bool(words[0]) and words[0] == words[1]) or SequenceMatcher(None, a[:200], b[:200]).ratio() >= _ALIKE


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) <= 18
