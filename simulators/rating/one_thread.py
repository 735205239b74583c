"""Runs torch on one thread, so that results do not depend on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch on one thread: sums do not depend on the number of cores, and small steps lose little time."""
    import torch  # noqa: PLC0415 -- large, and only fitting and training need it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
