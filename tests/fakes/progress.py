"""A progress bar that shows nothing."""

from __future__ import annotations

from typing import Self


class HiddenProgress:
    """Takes what `rich.progress.Progress` takes."""

    def __init__(self, **_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add_task(self, *_: object, **__: object) -> int:
        return 0

    def advance(self, _: int) -> None:
        pass
