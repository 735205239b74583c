"""Writes a memory's files anew when most of what its indices hold was deleted.

Chroma's index (hnswlib) keeps the vector of every record that it ever had: a deleted one is passed over in searches,
and its place is not used again. A collection that is deleted stays in the process, too, until its client is closed.
"""

from __future__ import annotations

import logging

from billp.errors import MemoryStoreError
from billp.memory.store.calls import Connection
from billp.memory.store.chroma import ChromaStore, collections_in
from billp.memory.store.connection import FolderConnection, new_files
from billp.memory.store.folder import indexed

log = logging.getLogger(__name__)
_AT_ONCE = 100  # records; other threads wait while they are written
_FEW = 2000  # deleted records that are not worth it


def drop_deleted(connection: Connection) -> bool:
    """Writes the files anew if the indices hold more than twice what is there; returns whether it did.

    Other threads search meanwhile; if one of them writes, all stays as it is, and so it does if the disk is full. A
    Chroma server's files are its own business.
    """
    if not isinstance(connection, FolderConnection):
        return False
    with connection.talking():
        handles = connection.client.list_collections()
        live = sum(handle.count() for handle in handles)
    others = len(handles) > len(collections_in(connection))  # another application's, which would not be copied
    if others or indexed(connection.folder) <= 2 * live + _FEW:
        return False
    try:
        return _rewritten(connection)
    except (OSError, MemoryStoreError) as error:
        log.warning("The memory in %s keeps the room of deleted records: %s", connection.folder, error)
        return False


def _rewritten(connection: FolderConnection) -> bool:
    writes = connection.writes
    with new_files(connection.folder) as (work, target):
        for collection in collections_in(connection):
            old, new = ChromaStore(connection, collection), ChromaStore(target, collection)
            ids = old.ids()
            for start in range(0, len(ids), _AT_ONCE):
                new.upsert(old.get(ids[start : start + _AT_ONCE]))
        target.close()
        return connection.exchange(work, writes)
