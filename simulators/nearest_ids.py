"""Ids that look like one that is not there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from difflib import get_close_matches
from heapq import nsmallest

_COMPARED = 500  # ids on either side in the alphabet; comparing letters takes some 10 us each


def nearest_ids(wanted: str, known: Sequence[str], count: int = 3) -> list[str]:
    """At most `count` of the `known` ids, the likest first: nearest in number where all are numbers, else in letters.

    A million ids take about a second: among many, only those near in the alphabet are compared letter by letter.
    """
    if all(_is_number(key) for key in (wanted, *known[:_COMPARED])):
        number = int(wanted)
        return nsmallest(count, filter(_is_number, known), key=lambda key: (abs(int(key) - number), int(key)))
    if len(known) > 2 * _COMPARED:
        known = sorted(known)
        at = bisect_left(known, wanted)
        known = known[max(0, at - _COMPARED) : at + _COMPARED]
    return get_close_matches(wanted[:200], known, n=count, cutoff=0)


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) <= 18
