"""Parses times in the forms that people write, to Unix seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product

_NUMBERS = {1e17: (1e9, "nanoseconds"), 1e14: (1e6, "microseconds"), 1e11: (1e3, "milliseconds")}
"""From this size on a number counts these; 1e11 seconds is the year 5138."""

_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%y", "%d/%m/%y",
    "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%m %d %Y", "%Y%m%d", "%B %Y", "%b %Y",
)  # fmt: skip
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f", " %H:%M:%S %z")
_FORMATS = (*(date + clock for date, clock in product(_DATES, _CLOCKS)), "%a %b %d %H:%M:%S %z %Y")
_AROUND = re.compile(
    r"^\s*(?:posted|reviewed|on|updated)\b[\s:]*|[\s.]+$|\b(?:UTC|GMT)\b|(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE
)
_WEEKDAY = re.compile(
    r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+(?=\d|[a-z]+ \d+,)", re.IGNORECASE
)


@dataclass(frozen=True)
class TimeForm:
    """How a column's times are read: `read` returns seconds, and raises ValueError for a cell that is not a time."""

    words: str
    read: Callable[[str], float]


def time_form(cells: Iterable[str]) -> TimeForm:
    """Returns the form that reads most of the sampled cells: numbers, ISO 8601 or dates in words.

    Simpler forms win ties. Dates such as 03/04/2005 have the month first unless that is impossible: then another form
    reads more of the cells.
    """
    filled = [cell for cell in cells if cell.strip()]
    unit, word = _unit(filled)
    plain = [
        TimeForm(f"in {word}", lambda cell: float(cell) / unit),
        TimeForm("as dates in ISO 8601", _iso),
    ]
    # A few cells that are not times are mistakes in the log; the other cells decide the form.
    best = max(plain, key=lambda form: _read(form, filled))
    if _read(best, filled) * 2 > len(filled) or not filled:
        return best
    forms = [best, *(TimeForm(f"as dates like {_example(form)}", _reader(form)) for form in _FORMATS)]
    few = filled[:: max(1, len(filled) // 200)]
    return max(forms, key=lambda form: _read(form, few))


def _unit(cells: list[str]) -> tuple[float, str]:
    numbers = sorted(abs(float(cell)) for cell in cells if _is_number(cell))
    middle = numbers[len(numbers) // 2] if numbers else 0.0
    return next((unit for least, unit in _NUMBERS.items() if middle >= least), (1.0, "seconds"))


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) < float("inf")
    except ValueError:
        return False


def _read(form: TimeForm, cells: list[str]) -> int:
    count = 0
    for cell in cells:
        try:
            form.read(cell)
        except ValueError:
            continue
        count += 1
    return count


def _iso(cell: str) -> float:
    try:
        return float(cell)  # years, days: a file of dates may hold a bare number
    except ValueError:
        return _seconds(datetime.fromisoformat(cell.strip()))


def _reader(form: str) -> Callable[[str], float]:
    @lru_cache(65_536)  # days repeat, and parsing takes 10 us
    def read(cell: str) -> float:
        plain = _WEEKDAY.sub("", _AROUND.sub("", cell)).replace(",", " ")
        return _seconds(datetime.strptime(" ".join(plain.split()), form))

    return read


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _example(form: str) -> str:
    return datetime(2016, 5, 31, 13, 45, 10, tzinfo=UTC).strftime(form).strip()
