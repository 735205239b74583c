"""One process at a time in one folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

from billp.errors import MemoryStoreError
from billp.whole_files import hold

FILE = "billp.lock"


class FolderLock:
    """An exclusive lock on a folder, held until `release` or until the process ends, however it ends.

    Chroma's folder is for one process: a second one would wait a quarter of an hour for the first (chroma #7040).
    """

    def __init__(self, folder: Path, wait_s: float = 2.0) -> None:
        """Lock `folder`, which must exist; MemoryStoreError when another process holds it after `wait_s`."""
        self.folder = folder
        path = folder / FILE
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        patience = time.monotonic() + wait_s
        while True:
            try:
                hold(self._handle, wait=False)
                break
            except BlockingIOError as error:
                if time.monotonic() < patience:
                    time.sleep(0.05)
                    continue
                owner = path.read_text(errors="replace").strip() or "unknown"
                os.close(self._handle)
                raise MemoryStoreError(
                    f"The memory in {folder} is in use by process {owner}: wait for it, "
                    "or let both use one Chroma server (BILLP_CHROMA_URL)."
                ) from error
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others in; the file stays, since removing it would let two processes lock two different files."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
