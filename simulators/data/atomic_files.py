"""RecBole atomic files: tab-separated text whose first line names each column as `field:type`.

Format: https://recbole.io/docs/user_guide/data/atomic_files.html. Rows are read one at a time, so that a log of
millions of rows takes no more memory than what the reader keeps of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from billp.errors import DataError
from billp.simulators.progress import Progress
from billp.whole_files import open_plain

FIELD_TYPES = ("token", "token_seq", "float", "float_seq")


def read_header(path: Path) -> dict[str, str]:
    """Returns field name to type, in the order of the columns.

    Raises DataError when the file is missing or empty, or a column is not `field:type`.
    """
    with _open(path) as file:
        return _header(path, file.readline())


def read_rows(
    path: Path, progress: Progress | None = None, unreadable: Callable[[int, str], None] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yields the line number (the header is line 1) and the fields of every row.

    A row with another number of fields than the header is passed to `unreadable` if that is given.

    Raises DataError, naming the line, for bytes that are not UTF-8, for a row with another number of fields than the
    header, and for a last line without a line break, which most files that were cut short have.
    """
    with _open(path) as file:
        width = len(_header(path, file.readline()))
        number, size = 1, path.stat().st_size
        try:
            for number, raw in enumerate(file, start=2):
                if not raw.endswith(b"\n"):
                    raise DataError(
                        f"{path.name} line {number}: the last line has no line break, so the file may be cut short; "
                        "fetch it again, or end the line if it is whole."
                    )
                fields = raw.decode().rstrip("\r\n").split("\t")
                if len(fields) != width:
                    said = f"{len(fields)} fields where the header names {width}; mend or remove the line."
                    if unreadable is None:
                        raise DataError(f"{path.name} line {number}: {said}")
                    unreadable(number, said)
                    continue
                yield number, fields
                if progress and number % 65536 == 0:
                    progress(file.tell() / size)
        except UnicodeDecodeError as error:
            raise _not_utf8(path, number) from error
        if number == 1:
            raise DataError(f"{path.name} line 1: no rows follow the header; give a file that holds data.")


def _open(path: Path) -> BinaryIO:
    try:
        return open_plain(path)
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror}); check the folder and the name.") from error


def _not_utf8(path: Path, number: int) -> DataError:
    return DataError(f"{path.name} line {number}: not UTF-8 text; convert the file to UTF-8.")


def _header(path: Path, raw: bytes) -> dict[str, str]:
    if not raw.strip():
        raise DataError(f"{path.name} line 1: the file is empty or has no header; begin it with field:type columns.")
    try:
        text = raw.decode("utf-8-sig")  # some editors begin a file with a byte-order mark
    except UnicodeDecodeError as error:
        raise _not_utf8(path, 1) from error
    header: dict[str, str] = {}
    for column in text.rstrip("\r\n").split("\t"):
        name, colon, kind = column.rpartition(":")
        if not colon or not name or kind not in FIELD_TYPES:
            raise DataError(
                f"{path.name} line 1: column {column!r} is not field:type; "
                f"name it and end it with one of {', '.join(FIELD_TYPES)}."
            )
        if name in header:
            raise DataError(f"{path.name} line 1: field {name!r} appears twice; rename or remove one of them.")
        header[name] = kind
    return header
