"""Text files, packed with gzip or not: opened, and their encoding told from their bytes."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from billp.errors import DataError
from billp.simulators.importers.table import missing

_BLOCK = 1 << 20
_UTF8 = "utf-8-sig"  # with a byte-order mark or without
_WESTERN = ("cp1252", "latin-1")  # latin-1 has a character for every byte
_NO_TEXT = {b"PK\x03\x04": "a zip archive or an Excel file", b"PAR1": "a Parquet file", b"\x89HDF": "an HDF5 file"}


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file's bytes, unpacked where its name ends in .gz, and the file itself, whose position tells how far it is.

    Raises DataError where the file is missing, cannot be opened, or is no whole gzip file.
    """
    try:
        raw = path.open("rb")
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
    """The encoding to read the file in: as `given`, else UTF-8, UTF-16 by its mark, or a Western one where UTF-8 fails.

    Raises DataError for an encoding that is not known, for files that are no text, and, naming the line, where some
    lines are UTF-8 with more than ASCII and others are not.
    """
    if given is not None:
        try:
            return codecs.lookup(given).name
        except LookupError:
            raise DataError(
                f"No encoding is called {given!r}; give --encoding utf-8, cp1252, shift_jis or another."
            ) from None
    with opened(path) as (file, _):
        start = file.read(_BLOCK)
        for mark, kind in _NO_TEXT.items():
            if start.startswith(mark):
                raise DataError(f"{path.name} is {kind}, not text; write it as CSV, JSON Lines or .parquet.")
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if b"\0" in start:
            raise DataError(f"{path.name} is not text; write it as CSV, JSON Lines or .parquet.")
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return _UTF8
    return _western(path)


def _western(path: Path) -> str:
    fits = dict.fromkeys(_WESTERN, True)
    first_bad, utf8 = 0, False
    with opened(path) as (file, _):
        for number, line in enumerate(file, start=1):
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
