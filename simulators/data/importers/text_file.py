"""Opens text files, packed with gzip or not, and tells their encoding from their bytes."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from billp.errors import DataError
from billp.simulators.data.importers.table import missing
from billp.whole_files import open_plain

_BLOCK = 1 << 20
_LONGEST = 16 << 20  # bytes of a line
_UTF8 = "utf-8-sig"  # with a byte-order mark or without
_WESTERN = ("cp1252", "latin-1")  # latin-1 has a character for every byte
_NO_TEXT = {b"PK\x03\x04": "a zip archive or an Excel file", b"PAR1": "a Parquet file", b"\x89HDF": "an HDF5 file"}


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Provides the file's bytes, unpacked if its name ends in .gz, and the file itself, whose position is the progress.

    Raises DataError if the file is missing, cannot be opened, or is not a whole gzip file.
    """
    try:
        raw = open_plain(path)
    except FileNotFoundError:
        raise missing(path) from None
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror}); check the folder and the name.") from error
    with raw:
        if path.suffix.lower() != ".gz":
            yield raw, raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast("BinaryIO", unpacked), raw
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{path.name} is no whole gzip file ({error}); fetch it again.") from error


def encoding_of(path: Path, given: str | None) -> str:
    """Returns the encoding of the file: `given`, else UTF-8, UTF-16 by its mark, or a Western one if UTF-8 fails.

    Raises DataError for an unknown encoding, for files that are not text, and, naming the line, if some lines are UTF-8
    with more than ASCII and others are not.
    """
    with opened(path) as (file, _):
        start = file.read(_BLOCK)
        known = _by_start(path, start) if given is None else _by_name(given)
        fits = _all_fits(path, chain([start], iter(partial(file.read, _BLOCK), b"")))
    return known or (_UTF8 if fits else _western(path))


def _by_name(given: str) -> str:
    try:
        return codecs.lookup(given).name
    except LookupError:
        raise DataError(
            f"No encoding is called {given!r}; give --encoding utf-8, cp1252, shift_jis or another."
        ) from None


def _by_start(path: Path, start: bytes) -> str | None:
    for mark, kind in _NO_TEXT.items():
        if start.startswith(mark):
            raise DataError(f"{path.name} is {kind}, not text; write it as CSV, JSON Lines or .parquet.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        raise DataError(f"{path.name} is not text; write it as CSV, JSON Lines or .parquet.")
    return None


def _all_fits(path: Path, blocks: Iterator[bytes]) -> bool:
    """Returns whether all bytes are UTF-8; raises DataError for a line too long to hold in memory."""
    decoder, fits, length, number = codecs.getincrementaldecoder("utf-8")(), True, 0, 1
    for block in blocks:
        ends = block.count(b"\n")
        number += ends
        length = len(block) - block.rfind(b"\n") - 1 if ends else length + len(block)
        if length > _LONGEST:
            raise _endless(path, number)
        fits = fits and _decodes(decoder, block)
    return fits and _decodes(decoder, b"", final=True)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def bounded_lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yields the lines of the open file; raises DataError for a line too long to hold in memory."""
    for number, line in enumerate(iter(partial(file.readline, _LONGEST + 1), b""), start=1):
        if len(line) > _LONGEST:
            raise _endless(path, number)
        yield line


def _endless(path: Path, number: int) -> DataError:
    return DataError(
        f"{path.name} line {number}: longer than {_LONGEST >> 20} MB; write the table one row a line, or leave it out."
    )


def _western(path: Path) -> str:
    fits = dict.fromkeys(_WESTERN, True)
    first_bad, utf8 = 0, False
    with opened(path) as (file, _):
        for number, line in enumerate(bounded_lines(path, file), start=1):
            if line.isascii():
                continue
            if _fits(line, "utf-8"):
                utf8 = True
            else:
                first_bad = first_bad or number
                fits = {name: kept and _fits(line, name) for name, kept in fits.items()}
    if utf8:
        raise DataError(
            f"{path.name} line {first_bad}: not UTF-8 text, as other lines are; mend the line, or give --encoding."
        )
    return next(name for name, kept in fits.items() if kept)


def _fits(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
