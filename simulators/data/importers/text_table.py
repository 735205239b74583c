"""Tables in text files: cells separated by commas, tabs, semicolons, bars or `::`, with or without a header."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import TextIOWrapper
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Literal, TextIO, cast

from billp.errors import DataError
from billp.simulators.data.importers.table import Row, Unreadable, distinct_names, fault
from billp.simulators.data.importers.text_file import encoding_of, opened
from billp.simulators.progress import Progress

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
"""Words for separators that are hard to type."""

_GUESSED = ("\t", "::", ";", "|", ",")
_OWN = {".csv": ",", ".tsv": "\t"}  # what a name promises, taken wherever it fits
_DECLARED = re.compile(r'"?sep=([^"\w])"?', re.IGNORECASE)
_SAMPLED = 50  # rows that tell the separator
_ENCODINGS = {"utf-8-sig": "", "cp1252": "Windows, Western European", "latin-1": "Western European"}


@dataclass(frozen=True)
class TextForm:
    """How a text file is read; None for what is guessed.

    `separator` is one or more characters or a word of SEPARATORS. `columns` names the columns of a file without a
    header, at least the first ones; "-" is a column that is skipped.
    """

    separator: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TextTable:
    """CSV as in RFC 4180, or the same with another separator.

    Quoted cells may hold line breaks; blank lines are skipped. With a space or several characters as separator, nothing
    is quoted. The last line must end with a line break, since a file that was cut short usually has none; a gzip file
    has its own check of completeness.
    """

    path: Path
    form: TextForm = field(default_factory=TextForm)
    unit: Literal["line"] = "line"

    @cached_property
    def encoding(self) -> str:
        """The encoding of the file."""
        return encoding_of(self.path, self.form.encoding)

    @cached_property
    def separator(self) -> str:
        """What separates two cells: as given, otherwise what splits the first rows into equally many cells.

        If several do, it is the one that the file's name promises, otherwise the one that makes most cells. A first
        line `sep=;`, which Excel writes and reads, says it too.
        """
        if self.form.separator is not None:
            separator = SEPARATORS.get(self.form.separator, self.form.separator.replace("\\t", "\t"))
            if not separator or set(separator) & set('"\r\n'):
                raise DataError(f"{separator!r} cannot separate cells; give --separator comma, tab, :: or another.")
            return separator
        if self._declared:
            return self._declared
        sample = self._sample
        least = max(2, len(self.form.columns or ()))
        widths = {separator: _width(sample, separator) for separator in _GUESSED}
        own = _OWN.get(suffix_of(self.path))
        if own is not None and widths[own] >= least:
            return own
        best = max(_GUESSED, key=lambda separator: widths[separator])
        return best if widths[best] > 1 else own or ","

    @cached_property
    def _declared(self) -> str:
        """What a first line `sep=;` names; empty if there is none."""
        found = _DECLARED.fullmatch(self._sample[0].rstrip("\r\n")) if self._sample else None
        return found[1] if found else ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; raises DataError when the file is missing or empty, or was cut short."""
        self._check_end()
        given = self.form.columns
        for number, cells in self._records(None):
            if given is None:
                return distinct_names(self.path, [cell.strip() for cell in cells])
            if len(given) > len(cells):
                raise fault(self, number, f"{len(cells)} cells where {len(given)} columns are named; name fewer.")
            unnamed = ["" if name == "-" else name for name in given] + [""] * (len(cells) - len(given))
            return distinct_names(self.path, unnamed)
        raise DataError(f"{self.path.name} line 1: the file is empty; begin it with a line that names the columns.")

    @property
    def read_as(self) -> str:
        """Separator, encoding and header in words, unless they are the usual ones."""
        words = []
        if self.separator != _OWN.get(suffix_of(self.path), ","):
            shown = {separator: word for word, separator in SEPARATORS.items()}.get(self.separator, self.separator)
            words.append(f"separated by {shown}")
        if self.encoding != "utf-8-sig":
            notes = [_ENCODINGS.get(self.encoding, "")]
            if not self.form.encoding:
                notes.append("if letters look wrong, give --encoding")
            note = "; ".join(filter(None, notes))
            words.append(f"in {self.encoding} ({note})" if note else f"in {self.encoding}")
        if self.form.columns is not None:
            words.append("without a header")
        return ", ".join(words)

    def rows(
        self, columns: Sequence[str | None], progress: Progress | None = None, unreadable: Unreadable | None = None
    ) -> Iterator[tuple[int, Row]]:
        """Yields the number of the line where a row begins, and its cells in the order of `columns`."""
        width, pick = len(self.names), picker(self.names, columns)
        records = self._records(progress)
        header = 0
        if self.form.columns is None:
            header, _ = next(records)
        number = header
        for number, cells in records:
            if len(cells) != width:
                text = f"{len(cells)} cells where line {header or 1} names {width} columns; mend or remove the line."
                if unreadable is None:
                    raise fault(self, number, text)
                unreadable(number, text)
                continue
            yield number, pick(cells)
        if number == header:
            raise DataError(f"{self.path.name} line {header}: no rows follow the header; give a file that holds data.")

    def _records(self, progress: Progress | None) -> Iterator[tuple[int, list[str]]]:
        """Yields line numbers and cells of all lines that are not blank, the header included."""
        end, size = 0, self.path.stat().st_size
        with opened(self.path) as (unpacked, raw):
            file = TextIOWrapper(unpacked, encoding=self.encoding, newline="")
            try:
                for count, (line, cells) in enumerate(_split(file, self.separator)):
                    begin, end = end + 1, line
                    if cells and not (begin == 1 and self._declared):
                        yield begin, cells
                    if progress and count % 65536 == 65535:
                        progress(raw.tell() / size)
            except csv.Error as error:
                raise fault(self, end + 1, f"{error}; close the quotes or mend the line.") from error
            except UnicodeError as error:
                raise DataError(
                    f"{self.path.name} from line {end + 1} on: not text in {self.encoding}; give another --encoding."
                ) from error
            finally:
                file.detach()  # `opened` closes what it wraps

    @cached_property
    def _sample(self) -> list[str]:
        """Returns the first lines that are not blank; decodes no more of the file."""
        with opened(self.path) as (unpacked, _):
            file = TextIOWrapper(unpacked, encoding=self.encoding, newline="")
            try:
                return [line for line in islice(file, _SAMPLED) if line.strip()]
            finally:
                file.detach()

    def _check_end(self) -> None:
        zero = b"\0" if self.encoding == "utf-16" else b""  # one byte of a line break there
        if self.path.suffix.lower() == ".gz":
            return
        with opened(self.path) as (file, _):
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 2))
            if file.read().rstrip(zero)[-1:] in (b"", b"\n", b"\r"):
                return
            file.seek(0)
            breaks = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        raise fault(
            self,
            breaks + 1,
            "the last line has no line break, so the file may be cut short; "
            "fetch it again, or end the line if it is whole.",
        )


def suffix_of(path: Path) -> str:
    """Returns the ending that tells the format: .csv of x.csv and of x.csv.gz."""
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def _split(file: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of the line where a row ends, and its cells; nothing for a blank line."""
    if len(separator) == 1 and separator != " ":
        reader = csv.reader(file, delimiter=separator, strict=True)
        for cells in reader:
            yield reader.line_num, cells
    else:
        for number, line in enumerate(file, start=1):
            text = line.rstrip("\r\n")
            yield number, [] if not text else text.split() if separator == " " else text.split(separator)


def _width(sample: list[str], separator: str) -> int:
    """Returns the cells per row that the separator makes; 0 if rows differ."""
    try:
        rows = [cells for _, cells in _split(cast("TextIO", iter(sample)), separator) if cells]
    except csv.Error:
        return 0
    widths = {len(cells) for cells in (rows[:-1] if len(rows) > 2 else rows)}  # the last one may go on
    return widths.pop() if len(widths) == 1 else 0


def picker(names: Sequence[str], columns: Sequence[str | None]) -> Callable[[list[str]], Row]:
    """Returns a function that takes the cells of `columns` (two or more) out of a row; it adds an empty cell to it."""
    pick = itemgetter(*(-1 if name is None else names.index(name) for name in columns))

    def picked(cells: list[str]) -> Row:
        cells.append("")
        row: Row = pick(cells)
        return row

    return picked
