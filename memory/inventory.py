"""Lists the memories and counts their records without opening them: nothing heavy is loaded, nothing locked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import httpx

from billp.errors import MemoryStoreError, MissingMemoryError
from billp.memory.records import Kind
from billp.memory.store.collection import Collection, short_name
from billp.memory.store.folder import DAMAGED, FILE, open_database, unreadable
from billp.names import there_is_no
from billp.settings import Settings

_WAIT_S = 5.0  # for another process that is writing
_PAGE = 1000
_COLLECTIONS = """
    SELECT c.id, m.key, COALESCE(m.str_value, m.int_value)
    FROM collections c JOIN collection_metadata m ON m.collection_id = c.id ORDER BY c.id
"""
_COUNTS = """
    SELECT s.collection, COUNT(e.id) FROM segments s LEFT JOIN embeddings e ON e.segment_id = s.id
    WHERE s.scope = 'METADATA' GROUP BY s.collection
"""

Counts = Mapping[Kind, int]
Inventory = Mapping[str, Mapping[str, Counts]]
"""By dataset and memory, both sorted: how many records of each kind."""

Kept = Iterable[tuple[dict[str, Any], int]]
"""Of each collection what is said of it, and how many records it holds."""


def memory_folder(settings: Settings) -> Path:
    """Returns the folder of all memories, one subfolder each; a server needs none."""
    return settings.data / "memory"


def inventory(settings: Settings) -> Inventory:
    """Counts the records of all memories, on the Chroma server of `settings` or in the data folder.

    Another process may be writing. Raises MemoryStoreError if the server or a folder cannot be read.
    """
    found, damaged = readable_inventory(settings)
    if damaged:
        raise damaged[0]
    return found


def readable_inventory(settings: Settings) -> tuple[Inventory, list[MemoryStoreError]]:
    """Counts the records of all memories that can be read; with an error for each folder that cannot.

    Raises MemoryStoreError if the server cannot be read.
    """
    damaged: list[MemoryStoreError] = []
    found = _counted(
        _on_server(settings.chroma_url) if settings.chroma_url else _in_folders(memory_folder(settings), damaged)
    )
    return {dataset: dict(sorted(found[dataset].items())) for dataset in sorted(found)}, damaged


def _counted(kept: Kept) -> dict[str, dict[str, dict[Kind, int]]]:
    found: dict[str, dict[str, dict[Kind, int]]] = {}
    for metadata, count in kept:
        collection = Collection.from_metadata(metadata)
        if collection is not None:
            memory = found.setdefault(collection.dataset, {}).setdefault(collection.memory, {})
            memory[collection.kind] = memory.get(collection.kind, 0) + count
    return found


def counts_of(settings: Settings, dataset: str, name: str) -> Counts:
    """Counts the records of each kind in the memory `name` of `dataset`; others are not read, and may be damaged.

    Raises MissingMemoryError, naming similar ones, if there is no such memory.
    """
    found = counts_or_none(settings, dataset, name)
    if found is None:
        known = readable_inventory(settings)[0].get(dataset, {})
        raise MissingMemoryError(there_is_no("memory", name, known, where=f"of {dataset!r}"))
    return found


def counts_or_none(settings: Settings, dataset: str, name: str) -> Counts | None:
    """Does the same, but returns None if there is no such memory."""
    root = memory_folder(settings)
    kept = (
        _on_server(settings.chroma_url)
        if settings.chroma_url
        else (each for folder in (root, root / short_name(dataset, name)) for each in _in_folder(folder))
    )
    found = _counted(kept).get(dataset, {}).get(name)
    return None if found is None else {kind: found.get(kind, 0) for kind in get_args(Kind)}


def check_memory(settings: Settings, dataset: str, name: str) -> None:
    """Raises MissingMemoryError, naming similar ones, if there is no such memory; one that is damaged is there."""
    try:
        counts_of(settings, dataset, name)
    except MissingMemoryError:
        raise
    except MemoryStoreError:
        if settings.chroma_url or not (memory_folder(settings) / short_name(dataset, name) / FILE).exists():
            raise


def folder_of(settings: Settings, dataset: str, name: str) -> Path:
    """Returns the folder of the memory `name` of `dataset`: its own, or the one that held all in earlier versions."""
    shared = memory_folder(settings)
    for metadata, _ in _in_folder(shared):
        if (metadata.get("dataset"), metadata.get("memory")) == (dataset, name):
            return shared
    return shared / short_name(dataset, name)


def _in_folders(root: Path, damaged: list[MemoryStoreError]) -> Iterator[tuple[dict[str, Any], int]]:
    for path in [root / FILE, *sorted(root.glob(f"[!.]*/{FILE}"))]:
        try:
            yield from _in_folder(path.parent)
        except MemoryStoreError as error:
            damaged.append(error)


def _in_folder(folder: Path) -> Iterator[tuple[dict[str, Any], int]]:
    path = folder / FILE
    if not path.exists():
        return
    try:
        with open_database(path) as database:
            rows, counts = database.execute(_COLLECTIONS).fetchall(), dict(database.execute(_COUNTS).fetchall())
    except DAMAGED as error:
        raise unreadable(folder, error) from error
    metadata: dict[str, dict[str, Any]] = {}
    for id_, key, value in rows:
        metadata.setdefault(id_, {})[key] = value
    for id_, values in metadata.items():
        yield values, counts.get(id_, 0)


def _on_server(url: str) -> Iterator[tuple[dict[str, Any], int]]:
    base = f"{url.rstrip('/')}/api/v2/tenants/default_tenant/databases/default_database/collections"
    try:
        with httpx.Client(timeout=_WAIT_S) as client:
            start = 0
            while page := client.get(base, params={"limit": _PAGE, "offset": start}).raise_for_status().json():
                for each in page:
                    if Collection.from_metadata(each["metadata"]) is not None:
                        yield each["metadata"], int(client.get(f"{base}/{each['id']}/count").raise_for_status().json())
                start += len(page)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError) as error:
        raise MemoryStoreError(
            f"No Chroma server answers at {urlsplit(url).netloc} ({error}); start `chroma run` or unset "
            "BILLP_CHROMA_URL."
        ) from error
