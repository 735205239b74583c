"""Computing on one thread, for results that do not depend on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: sums do not depend on the number of cores, and steps as small as ours lose little."""
    import torch  # noqa: PLC0415 -- large, and only fitting and training need it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
