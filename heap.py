"""The heap of the C library: how much freed memory a process keeps, and what freed memory holds.

Both functions are glibc's; with another C library they change nothing.
"""

from __future__ import annotations

import asyncio
import ctypes

_M_PERTURB = -6  # of malloc.h
_FILL = 0xA5


def return_freed_memory() -> bool:
    """Returns freed memory to the machine (malloc_trim(3)); returns False if the C library cannot.

    Of what a run frees, more than half lies between what it still uses, in heaps that only grow at their ends; glibc
    keeps it until it is asked. The call takes some 10 ms, so make it where a batch of work ends.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError, TypeError):  # TypeError: on Windows there is no library without a name
        return False


async def keep_returning_freed_memory(every_s: float = 30.0) -> None:
    """Does `return_freed_memory` again and again, for a process that serves and has no batches."""
    while True:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(return_freed_memory)


def scrub_freed_memory() -> bool:
    """Overwrites freed memory from now on, in the whole process; returns False if the C library cannot.

    It costs a write of everything that is allocated.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_PERTURB, _FILL))
    except (AttributeError, OSError, TypeError):
        return False
