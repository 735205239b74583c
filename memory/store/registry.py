"""The memories of this installation: open one, list them, remove one."""

from __future__ import annotations

from billp.memory.agent_memory import AgentMemory
from billp.memory.embedding import Embedder
from billp.memory.inventory import inventory
from billp.memory.records import KINDS
from billp.memory.store.chroma import ChromaStore, collections_in
from billp.memory.store.collection import Collection
from billp.memory.store.connection import connect
from billp.memory.store.rewriting import drop_deleted
from billp.settings import Settings


def open_memory(
    settings: Settings, dataset: str, name: str, embedder: Embedder, *, reading: bool = False
) -> AgentMemory:
    """Opens the memory `name` of `dataset`, on the Chroma server of `settings` or in the data folder.

    The first record makes the memory. A process may open it several times. With `reading` it stays as it is now and
    cannot be written.
    Raises MemoryStoreError if another process writes to the folder (never with `reading`), if the server does not
    answer, and if the memory was written with another embedder.
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
            tidy=lambda: drop_deleted(connection),
        )
    except BaseException:
        connection.close()
        raise


def list_memories(settings: Settings) -> dict[str, list[str]]:
    """Returns the names of all memories by dataset, both sorted, without opening one."""
    return {dataset: list(memories) for dataset, memories in inventory(settings).items()}


def drop_memory(settings: Settings, dataset: str, name: str) -> None:
    """Removes the memory `name` of `dataset`, whichever embedder wrote it; a missing one is no error."""
    connection = connect(settings, dataset, name)
    try:
        for collection in collections_in(connection):
            if (collection.dataset, collection.memory) == (dataset, name):
                with connection.writing(collection.key):
                    connection.client.delete_collection(collection.key)
    finally:
        connection.close()
