"""How long work tells how far it is, so that whoever started it can draw a bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

Progress = Callable[[float], None]
"""Called with the share done, 0 to 1, never falling."""


@overload
def part(progress: Progress, start: float, length: float) -> Progress: ...
@overload
def part(progress: None, start: float, length: float) -> None: ...
@overload
def part(progress: Progress | None, start: float, length: float) -> Progress | None: ...
def part(progress: Progress | None, start: float, length: float) -> Progress | None:
    """The callback for a part of the work, which begins at the share `start` of the whole and takes `length` of it."""
    return (lambda done: progress(start + length * done)) if progress else None
