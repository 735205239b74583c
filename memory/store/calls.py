"""Calls to Chroma: which of them take turns, which are tried again, and what their errors become."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from billp.errors import MemoryStoreError
from billp.memory.store.folder import lacks_room
from billp.memory.store.gates import Gate

if TYPE_CHECKING:
    from chromadb.api.client import Client

_UNWRITTEN = "Nothing found on disk"
_PAUSES_S = (0.02, 0.05, 0.1, 0.3, 1.0)

Result = TypeVar("Result")


class Connection:
    """An open Chroma client; `where` names its folder or server in messages."""

    def __init__(
        self,
        client: Client,
        where: str,
        *,
        writable: bool = True,
        indexes: dict[str, threading.Lock] | None = None,
        gate: Gate | None = None,
    ) -> None:
        """Takes a client; if others use its folder, their gate and the locks of `at_index` by collection."""
        self.where = where
        self._client = client
        self._closed = False
        self._writable = writable
        self._indexes = {} if indexes is None else indexes
        self._gate = gate or Gate()

    @property
    def client(self) -> Client:
        """The client; another one after the files were written anew, so keep nothing that it returned."""
        return self._client

    def check_writable(self) -> None:
        """Raises MemoryStoreError if it was opened for reading."""
        if not self._writable:
            raise MemoryStoreError(f"The memory at {self.where} was opened to be read; open it for writing.")

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._close()

    def _close(self) -> None:
        self._client.close()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Wraps each call to Chroma: its errors are raised as MemoryStoreError."""
        if self._closed:
            raise MemoryStoreError(f"The memory at {self.where} has been closed; open it again.")
        try:
            with self._gate.shared():
                yield
        except MemoryStoreError:
            raise
        except BaseException as error:  # Chroma raises bare Exception for answers it does not know
            if not is_chromas(error):
                raise
            remedy = "make room and go on" if lacks_room(error) else "is it still there?"
            raise MemoryStoreError(f"The memory at {self.where} failed ({said_by(error)}); {remedy}.") from error

    def searched(self, search: Callable[[], Result]) -> Result:
        """Returns what `search` returns, which is tried again where a server's index is just being written.

        What `at_index` prevents within this process other processes of a server still meet, for some milliseconds.
        """
        for pause in _PAUSES_S:
            try:
                return search()
            except Exception as error:  # as in `talking`
                if _UNWRITTEN not in str(error):
                    raise
                time.sleep(pause)
        return search()

    @contextmanager
    def at_index(self, collection: str) -> Iterator[None]:
        """Wraps each call that reads or writes the vectors of a collection: `talking`, one thread at a time.

        A search first adds to the index what was written since the last one. Beside another search or a write, both
        Chroma's, that fails now and then: "Nothing found on disk" (`searched`).
        """
        with self._indexes.setdefault(collection, threading.Lock()), self.talking():
            yield

    @contextmanager
    def writing(self, collection: str) -> Iterator[None]:
        """Wraps each call that changes a collection: `at_index`; raises MemoryStoreError if opened for reading."""
        self.check_writable()
        with self.at_index(collection):
            self._wrote()
            yield

    def made(self) -> None:
        """Is called after the first records of a collection were written."""

    def _wrote(self) -> None:
        """Is called before each change of a collection."""


def is_chromas(error: BaseException) -> bool:
    """Tells Chroma's failures from requests to stop: a panic in its core is no Exception, either."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def said_by(error: BaseException) -> str:
    """Returns the first line of what `error` says, or its name if it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
