"""JSON Lines as tables of text: one object per line."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from billp.errors import DataError
from billp.simulators.data.importers.table import Row, Unreadable, fault
from billp.simulators.data.importers.text_file import bounded_lines, opened
from billp.simulators.progress import Progress

_SAMPLED = 100  # rows whose keys are the columns


@dataclass(frozen=True)
class JsonTable:
    """JSON Lines in UTF-8, or lines of Python literals; the columns are the keys of the first hundred objects.

    A missing key and null are ""; lists and objects are cells of JSON text. Blank lines are skipped.
    """

    path: Path
    unit: Literal["line"] = "line"
    read_as: str = "JSON Lines"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The keys; raises DataError when the file is missing, or holds no objects."""
        names = dict.fromkeys(name for _, row in islice(self._objects(None, None), _SAMPLED) for name in row)
        if not names:
            raise DataError(f"{self.path.name} holds no rows; give a file with one JSON object a line.")
        return tuple(names)

    def rows(
        self, columns: Sequence[str | None], progress: Progress | None = None, unreadable: Unreadable | None = None
    ) -> Iterator[tuple[int, Row]]:
        """Yields the line number and the cells of every row."""
        for number, row in self._objects(progress, unreadable):
            yield number, tuple("" if name is None else _text(row.get(name)) for name in columns)

    def _objects(
        self, progress: Progress | None, unreadable: Unreadable | None
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        size = self.path.stat().st_size if self.path.exists() else 0
        with opened(self.path) as (file, raw):
            for number, line in enumerate(bounded_lines(self.path, file), start=1):
                if not line.strip():
                    continue
                row = _object(line)
                if row is not None:
                    yield number, row
                else:
                    text = "no JSON object; write one object a line (JSON Lines), or remove the line."
                    if unreadable is None:
                        raise fault(self, number, text)
                    unreadable(number, text)
                if progress and number % 65536 == 0:
                    progress(raw.tell() / size)


def _object(line: bytes) -> dict[str, Any] | None:
    """Returns the object in a line of JSON or Python (older files of Amazon, Steam and Goodreads), else None."""
    for read in (json.loads, lambda line: ast.literal_eval(line.decode())):
        try:
            row = read(line)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return {str(name): value for name, value in row.items()} if isinstance(row, dict) else None
    return None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
