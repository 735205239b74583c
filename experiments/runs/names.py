"""What a row is called: one name for a method in the terminal, the report, the local page and exports."""

from __future__ import annotations

from billp.graphs.methods import METHODS


def row_name(
    method: str, trained: int | None = None, *, arm: str = "", training: bool = False, probe: bool = False
) -> str:
    """The name of a method's episodes.

    `trained` is how many episodes its memory had learned from, None where that is not known. In a comparison, where all
    learn from as many, the name is that of the `arm` alone. `training` and `probe`: what the episodes were for.
    """
    name = arm or method
    if training:
        return f"{name} (training)"
    known = METHODS.get(method)
    if trained is None or (arm and not probe) or (known is not None and not known.learns):
        return name
    learned = f"{name} after {trained} episode{'' if trained == 1 else 's'}" if trained else f"{name} before learning"
    return f"{learned} (probe)" if probe else learned
