"""Progress callbacks: long work reports its share done, so that a caller can draw a bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

Progress = Callable[[float], None]
"""Called with the share done, from 0 to 1, never falling."""


@overload
def part(progress: Progress, start: float, length: float) -> Progress: ...
@overload
def part(progress: None, start: float, length: float) -> None: ...
@overload
def part(progress: Progress | None, start: float, length: float) -> Progress | None: ...
def part(progress: Progress | None, start: float, length: float) -> Progress | None:
    """Returns the callback for a part of the work that begins at the share `start` and takes `length` of the whole."""
    return (lambda done: progress(start + length * done)) if progress else None
