"""Connections to Chroma: its files in a folder, a copy of them, or a server."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlsplit

import httpx

from billp.errors import MemoryStoreError
from billp.heap import scrub_freed_memory
from billp.memory.inventory import folder_of
from billp.memory.store.calls import Connection, is_chromas, said_by
from billp.memory.store.folder import (
    FILE,
    FolderLock,
    blank_unset,
    check_folder,
    lacks_room,
    put_in_place,
    take_snapshot,
)
from billp.memory.store.gates import gate_of
from billp.settings import Settings
from billp.whole_files import sweep, work_folder

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.config import Settings as ChromaSettings

log = logging.getLogger(__name__)
PATIENCE_S = 30.0  # longest wait for one answer of a server; Chroma's own client has no limit
HELLO_S = 4.0
_READING = "reading"


@dataclass
class _OpenFolder:
    client: Client
    lock: FolderLock
    indexes: dict[str, threading.Lock] = field(default_factory=dict)
    holders: int = 0
    writes: int = 0


class FolderConnection(Connection):
    """A connection to a folder; all connections of a process to it share one client and its locks."""

    _guard: ClassVar[threading.Lock] = threading.Lock()
    _open: ClassVar[dict[Path, _OpenFolder]] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with self._guard:
            if folder not in self._open:
                self._open[folder] = _OpenFolder(*_open_client(folder))
            self._opened = opened = self._open[folder]
            opened.holders += 1
        super().__init__(opened.client, str(folder), indexes=opened.indexes, gate=gate_of(folder))

    @property
    def client(self) -> Client:
        """See `Connection`."""
        return self._opened.client

    @property
    def writes(self) -> int:
        """How many changes there were since the folder was opened."""
        return self._opened.writes

    def exchange(self, work: Path, writes: int) -> bool:
        """Puts the files in `work` in the place of the folder's and opens them; calls to Chroma wait meanwhile.

        Does nothing and returns False if there were other changes than these `writes`. Raises OSError and
        MemoryStoreError.
        """
        with self._gate.alone():
            if self._opened.writes != writes:
                return False
            self._opened.client.close()
            try:
                put_in_place(work, self.folder)
            finally:
                self._opened.client = _client_of(self.folder, self.folder)
            return True

    def made(self) -> None:
        """See `Connection`."""
        blank_unset(self.folder)

    def _wrote(self) -> None:
        self._opened.writes += 1

    @classmethod
    def is_open(cls, folder: Path) -> bool:
        """Returns whether there is a connection to `folder`."""
        with cls._guard:
            return folder in cls._open

    def _close(self) -> None:
        with self._guard:
            opened = self._opened
            opened.holders -= 1
            if not opened.holders:
                del self._open[self.folder]
                with self._gate.shared():
                    opened.client.close()
                opened.lock.release()


class _SnapshotConnection(Connection):
    """A connection to a copy of a folder; closing it removes the copy."""

    def __init__(self, folder: Path) -> None:
        client, self._stack = _opened_copy(folder)
        super().__init__(client, str(folder), writable=False)

    def _close(self) -> None:
        super()._close()
        self._stack.close()


class _ServerConnection(Connection):
    """A connection to a server; limits and closes its two HTTP sessions, which Chroma's client does not do."""

    def __init__(self, client: Client, url: str) -> None:
        super().__init__(client, url)
        owners = [getattr(each, "_server", None) for each in (client, getattr(client, "_admin_client", None))]
        sessions = [getattr(owner, "_session", None) for owner in owners]
        self._sessions = [session for session in sessions if isinstance(session, httpx.Client)]
        for session in self._sessions:
            session.timeout = httpx.Timeout(PATIENCE_S)

    def _close(self) -> None:
        super()._close()
        for session in self._sessions:
            session.close()


def connect(settings: Settings, dataset: str, name: str, *, reading: bool = False) -> Connection:
    """Connects to the Chroma server of `settings`, or to the folder of the memory `name` of `dataset`.

    With `reading` a copy of the folder as it is now is opened; without, the folder is locked for one writing process.
    Raises MemoryStoreError if it cannot be opened.
    """
    log.info("opening memory")
    if settings.chroma_url:
        return open_server(settings.chroma_url)
    folder = folder_of(settings, dataset, name)
    return read_folder(folder) if reading else open_folder(folder)


def open_folder(folder: Path) -> Connection:
    """Runs Chroma in this process on the files in `folder`; raises MemoryStoreError if another process has it open."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FolderConnection(folder.resolve())
    except OSError as error:
        full = error.errno == errno.ENOSPC  # Chroma's database also writes where temporary files go
        remedy = "make room there and in the folder of temporary files (TMPDIR)," if full else "mend that"
        raise MemoryStoreError(
            f"The memory folder {folder} cannot be written ({error.strerror}); {remedy} or choose another data_dir."
        ) from error


def read_folder(folder: Path) -> Connection:
    """Runs Chroma in this process on a copy of the files in `folder`; another process may have them open.

    Raises MemoryStoreError if they cannot be copied or opened.
    """
    try:
        return _SnapshotConnection(folder.resolve())
    except OSError as error:
        raise MemoryStoreError(
            f"The memory in {folder} cannot be copied to be read ({error.strerror}); make room."
        ) from error


@contextmanager
def new_files(folder: Path) -> Iterator[tuple[Path, Connection]]:
    """Provides an empty folder beside `folder`, and a connection that writes a memory there.

    Close the connection before the files are moved; what is left is removed. Raises OSError if the disk is full.
    """
    with work_folder(folder.parent, "making") as work:
        connection = Connection(_opened(work, folder), str(work))
        try:
            yield work, connection
        finally:
            connection.close()


def is_open(folder: Path) -> bool:
    """Returns whether this process has the memory in `folder` open, for writing."""
    return FolderConnection.is_open(folder.resolve())


def sweep_copies(folder: Path) -> None:
    """Removes the copies of `folder` that killed readers left."""
    for place in (folder.parent, Path(gettempdir())):
        sweep(place)


def open_server(url: str) -> Connection:
    """Connects to the Chroma server at `url`; raises MemoryStoreError if it does not answer within seconds."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number
        host, port = None, None
    if host is None or parts.scheme not in {"http", "https"} or parts.path.strip("/"):
        raise MemoryStoreError(f"{url!r} is no Chroma address; write it like http://127.0.0.1:8000.")
    port = port or (443 if parts.scheme == "https" else 8000)
    from chromadb import HttpClient  # noqa: PLC0415

    try:
        # Asked first because Chroma's client has no time limit of its own.
        httpx.get(f"{parts.scheme}://{parts.netloc}/api/v2/heartbeat", timeout=HELLO_S).raise_for_status()
        client = HttpClient(host=host, port=port, ssl=parts.scheme == "https", settings=_chroma_settings())
    except Exception as error:  # as in `talking`
        raise MemoryStoreError(
            f"No Chroma server answers at {url} ({said_by(error)}); start `chroma run` or unset BILLP_CHROMA_URL."
        ) from error
    return _ServerConnection(cast("Client", client), url)


def _open_client(folder: Path) -> tuple[Client, FolderLock]:
    scrub_freed_memory()  # Chroma's index writes bytes to its files that it never set: what was freed before, texts too
    lock = FolderLock(folder)
    try:
        if not (folder / FILE).exists():
            _make(folder)
        return _opened(folder, folder), lock
    except BaseException:
        lock.release()
        raise


def _make(folder: Path) -> None:
    """Makes an empty memory in `folder`, whole or not at all: half-made ones, which a kill leaves, look damaged."""
    with work_folder(folder.parent, "making") as work:
        _opened(work, folder).close()
        (work / FILE).rename(folder / FILE)


def _opened(folder: Path, known_as: Path) -> Client:
    check_folder(folder, known_as)
    with gate_of(folder).shared():
        return _client_of(folder, known_as)


def _client_of(folder: Path, known_as: Path) -> Client:
    from chromadb import PersistentClient  # noqa: PLC0415

    try:
        # Declared as something that cannot be closed, though it can.
        return cast("Client", PersistentClient(folder, settings=_chroma_settings()))
    except BaseException as error:  # as in `talking`
        if not is_chromas(error):
            raise
        if lacks_room(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise MemoryStoreError(
            f"The memory in {known_as} cannot be opened ({said_by(error)}); move it away."
        ) from error


def _opened_copy(folder: Path) -> tuple[Client, ExitStack]:
    """Opens a client on a copy of `folder`, which the stack removes: beside it or, if that fails, elsewhere."""
    if folder.parent.is_dir():
        with ExitStack() as stack, suppress(OSError):
            return _client_on_copy(folder, stack.enter_context(work_folder(folder.parent, _READING))), stack.pop_all()
    with ExitStack() as stack:
        copy = stack.enter_context(work_folder(Path(gettempdir()), _READING))
        return _client_on_copy(folder, copy), stack.pop_all()


def _client_on_copy(folder: Path, copy: Path) -> Client:
    take_snapshot(folder, copy)
    return _opened(copy, folder)


def _chroma_settings() -> ChromaSettings:
    from chromadb.config import Settings as ChromaSettings  # noqa: PLC0415

    # No telemetry, and no `.env` of the current folder.
    values: dict[str, Any] = {"_env_file": None, "anonymized_telemetry": False}
    return ChromaSettings(**values)
