"""What a process frees goes back to the machine when it is asked."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from billp.heap import keep_returning_freed_memory, return_freed_memory, share_heaps

THREADS = """
import ctypes
import sys
import threading
import xml.etree.ElementTree
from pathlib import Path

from billp.heap import share_heaps

assert share_heaps()
begun = threading.Barrier(9)
threads = [threading.Thread(target=lambda: (bytearray(100_000), begun.wait())) for _ in range(8)]
for thread in threads:
    thread.start()
begun.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(len(xml.etree.ElementTree.parse(sys.argv[1]).findall("heap")))
"""
PROGRAM = """
import os
from pathlib import Path

import numpy as np
from billp.heap import return_freed_memory


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


one = np.ones(3_000_000)
del one  # from now on glibc keeps arrays of this size in a heap
large, small = [], []
for number in range(60):
    large.append(np.ones(250_000))
    small.append(np.ones(100))  # lies between two large ones
full = resident()
large.clear()
freed = resident()
assert return_freed_memory()
print(full, freed, resident())
"""


GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library is left to itself")


@GLIBC
def test_threads_share_two_heaps(tmp_path: Path):
    command = [sys.executable, "-c", THREADS, str(tmp_path / "heaps.xml")]
    assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) == 2  # noqa: S603


@GLIBC
def test_freed_arrays_go_back_to_the_machine():
    command = [sys.executable, "-c", PROGRAM]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    full, freed, after = (float(megabytes) for megabytes in shown.split())
    assert full - freed < 10, "otherwise there is nothing to return"
    assert full - after > 100


def test_where_the_c_library_cannot_nothing_changes(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not return_freed_memory()
    assert not share_heaps()


async def test_a_service_returns_it_again_and_again(monkeypatch):
    loop, third, called = asyncio.get_running_loop(), asyncio.Event(), list[int]()

    def counted() -> None:
        called.append(1)
        if len(called) == 3:
            loop.call_soon_threadsafe(third.set)

    monkeypatch.setattr("billp.heap.return_freed_memory", counted)
    work = asyncio.create_task(keep_returning_freed_memory(0.001))
    await asyncio.wait_for(third.wait(), 60)
    work.cancel()
