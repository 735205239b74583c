"""Keeps Chroma and our own SQLite apart within a process.

Chroma has an SQLite of its own, and locks on files belong to processes: within one process neither library waits for
the other, and closing a file in one drops the locks of the other. Either can read or write nonsense then
(https://www.sqlite.org/howtocorrupt.html, sections 2.2 and 2.2.1).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary


class Gate:
    """Lets through any number of calls of Chroma, or one use of the database by itself."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = self._wanted = 0
        self._taken = False
        self._mine = threading.local()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Wraps a call of Chroma, which may be part of another one."""
        depth: int = getattr(self._mine, "depth", 0)
        if not depth:
            with self._changed:
                while self._wanted:
                    self._changed.wait()
                self._inside += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            if not depth:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wraps a use of the database by itself; calls that come later wait. Must not be part of a call of Chroma."""
        with self._changed:
            self._wanted += 1
            while self._inside or self._taken:
                self._changed.wait()
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._wanted -= 1
                self._taken = False
                self._changed.notify_all()


_GATES: WeakValueDictionary[Path, Gate] = WeakValueDictionary()
_ADDING = threading.Lock()


def gate_of(folder: Path) -> Gate:
    """Returns the gate of a memory's folder in this process."""
    with _ADDING:
        return _GATES.setdefault(folder.resolve(), Gate())
