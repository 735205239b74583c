"""Long-term recommendation by LLM planners that learn from experience."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billp.workbench import (
        Material,
        Memory,
        Observations,
        RatedEpisode,
        Result,
        Simulator,
        add_method,
        compare,
        evaluate,
        train,
    )

__all__ = [
    "Material", "Memory", "Observations", "RatedEpisode", "Result", "Simulator", "add_method", "compare", "evaluate",
    "train",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Imports the workbench on first use, so that `billp --help` does not wait for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from billp import workbench  # noqa: PLC0415 -- the reason for this function

    return getattr(workbench, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
