"""Logs as lines of JSON, without any words or names of persons.

A line has the fixed words of our own code, and fields that name sessions, routes and errors. For other libraries it
says where they logged and not what, since they may quote what they were given.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime

_OURS = "billp."


class JsonLines(logging.Formatter):
    """Formats records as such lines. `extra={"told": {...}}` are a record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line."""
        ours = record.name.startswith(_OURS)
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            # The message without its arguments, which may come from people.
            "event": str(record.msg) if ours else f"{record.module}:{record.lineno}",
        }
        line |= getattr(record, "told", {}) if ours else {}
        if record.exc_info and record.exc_info[1] is not None:
            error = innermost(record.exc_info[1])
            places = traceback.extract_tb(error.__traceback__)
            line["error"] = type(error).__name__
            line["at"] = [f"{place.name}:{place.lineno}" for place in places[-3:]]
        return json.dumps(line)


def innermost(error: BaseException) -> BaseException:
    """Returns the first error of a group of errors, which only says that tasks failed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def log_json(level: int = logging.INFO) -> None:
    """Sends all logs of this process to stderr as JSON lines; ours from `level` on, others' warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("billp").setLevel(level)
