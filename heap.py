"""The heap of the C library: how much freed memory a process keeps, and what freed memory holds.

The settings are glibc's (mallopt(3)); where another C library runs, nothing changes.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_PERTURB, _M_ARENA_MAX = -1, -3, -6, -8  # of malloc.h
_LARGE = 2**20  # bytes from which an allocation is a mapping of its own, returned as soon as it is freed
_TOP = 2**26  # free bytes at the end of a heap that are kept
_HEAPS = 2
_FILL = 0xA5


def keep_little_freed_memory() -> bool:
    """Makes the process return freed memory, from now on; returns False if the C library cannot.

    By default glibc gives up to eight heaps per core to threads, and learns from the first large arrays that are freed
    to keep such arrays in a heap. A run that works for hours with arrays of many sizes on many threads then keeps
    more than half of what it freed.
    """
    return all(
        [_set(_M_ARENA_MAX, _HEAPS), _set(_M_MMAP_THRESHOLD, _LARGE), _set(_M_TRIM_THRESHOLD, _TOP)],
    )


def scrub_freed_memory() -> bool:
    """Overwrites freed memory from now on, in the whole process; returns False if the C library cannot.

    It costs a write of everything that is allocated.
    """
    return _set(_M_PERTURB, _FILL)


def _set(setting: int, value: int) -> bool:
    try:
        return bool(ctypes.CDLL(None).mallopt(setting, value))
    except (AttributeError, OSError, TypeError):  # TypeError: on Windows there is no library without a name
        return False
