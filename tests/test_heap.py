"""What a process frees goes back to the machine."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from billp.heap import keep_little_freed_memory

PROGRAM = """
import ctypes, sys
import numpy as np
from billp.heap import keep_little_freed_memory

if sys.argv[1] == "little":
    assert keep_little_freed_memory()


class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b used free keep".split()]


count = ctypes.CDLL(None).mallinfo2
count.restype = Counts
one = np.ones(3_000_000)
del one  # from now on glibc keeps arrays of this size in a heap
large, small = [], []
for number in range(60):
    large.append(np.ones(250_000))
    small.append(np.ones(100))  # lies between two large ones
large.clear()
print(count().free)
"""


def freed_and_kept(settings: str) -> float:
    """Megabytes that are free inside the process after 120 MB of arrays were freed."""
    command = [sys.executable, "-c", PROGRAM, settings]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return int(shown.stdout) / 1e6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap of another C library is left as it is")
def test_freed_arrays_go_back_to_the_machine():
    assert freed_and_kept("usual") > 100, "so the test would notice"
    assert freed_and_kept("little") < 5


def test_where_the_c_library_cannot_nothing_changes(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not keep_little_freed_memory()
