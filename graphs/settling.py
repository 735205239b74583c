"""What is done once when all is open, before the first episode."""

from __future__ import annotations

import gc


def settle() -> None:
    """Tells Python's garbage collector, once in a process, that what is open by now stays open.

    Data, models and libraries are some 600,000 objects, and without this each full collection looks at all of them.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
