"""All memories of this installation: opening one, listing them, dropping one."""

from __future__ import annotations

from billp.memory.agent_memory import AgentMemory
from billp.memory.embedding import Embedder
from billp.memory.inventory import inventory
from billp.memory.records import KINDS
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.collection import Collection
from billp.memory.store.connection import Connection, connect
from billp.settings import Settings


def open_memory(
    settings: Settings, dataset: str, name: str, embedder: Embedder, *, reading: bool = False
) -> AgentMemory:
    """The memory `name` of `dataset`, on the Chroma server of `settings` or in the data folder.

    A memory comes into being with its first record. Within a process a folder may be opened many times. With `reading`
    it is as it stands now, whatever is written to it later, and nothing may be written to it.
    Raises MemoryStoreError when another process writes to the folder (never with `reading`), when the server does not
    answer, and when the memory was written with another embedder.
    """
    collections = {kind: Collection(kind, dataset, name, embedder.name, embedder.dimension) for kind in KINDS}
    connection = connect(settings, dataset, name, reading=reading)
    try:
        return AgentMemory(
            {kind: ChromaStore(connection, collection) for kind, collection in collections.items()},
            embedder,
            dataset=dataset,
            name=name,
            where=connection.where,
            close=connection.close,
        )
    except BaseException:
        connection.close()
        raise


def list_memories(settings: Settings) -> dict[str, list[str]]:
    """The names of the memories there are, per dataset; both sorted. As `inventory`, it opens none of them."""
    return {dataset: list(memories) for dataset, memories in inventory(settings).items()}


def drop_memory(settings: Settings, dataset: str, name: str) -> None:
    """Forget the memory `name` of `dataset` altogether, whichever embedder wrote it; none is no error."""
    connection = connect(settings, dataset, name)
    try:
        for collection in _collections(connection):
            if (collection.dataset, collection.memory) == (dataset, name):
                with connection.talking():
                    connection.client.delete_collection(collection.key)
    finally:
        connection.close()


def _collections(connection: Connection) -> list[Collection]:
    with connection.talking():
        found = (Collection.from_metadata(stored.metadata) for stored in connection.client.list_collections())
        return [collection for collection in found if collection is not None]
