"""Memory that was freed holds nothing any more.

Chroma's index writes its files with room for records to come, and what stands in that room is whatever the process had
there before: names of people among it. glibc can be told to fill memory whenever it is freed and handed out.
"""

from __future__ import annotations

import ctypes

_M_PERTURB = -6  # of malloc.h
_FILL = 0xA5


def scrub_freed_memory() -> bool:
    """From now on, in the whole process; False where the C library cannot. Costs a write of what is allocated."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_PERTURB, _FILL))
    except (AttributeError, OSError):
        return False
