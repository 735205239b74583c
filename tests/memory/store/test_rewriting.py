"""Files of a memory that are written anew: what is there stays, what was deleted takes no room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from billp.memory import Record
from billp.memory.store import rewriting
from billp.memory.store.chroma import ChromaStore, collections_in
from billp.memory.store.collection import Collection
from billp.memory.store.connection import FolderConnection, open_folder
from billp.memory.store.folder import FILE, indexed
from billp.memory.store.rewriting import drop_deleted
from tests.memory.examples import DIMENSION, record, unit

ACTOR, OTHER = (Collection("actor", "ml-100k", name, "hash", DIMENSION) for name in ("m", "other"))
KEPT = [f"{number:04d}" for number in range(2500, 2600)]


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderConnection]:
    """A folder of which most was deleted; Chroma stores an index with every thousandth record."""
    monkeypatch.setattr(rewriting, "_FEW", 100)
    opened = open_folder(tmp_path / "memory")
    assert isinstance(opened, FolderConnection)
    try:
        store = ChromaStore(opened, ACTOR)
        for start in range(0, 2600, 100):
            store.upsert(
                [record(f"{number:04d}", unit(number), ordinal=number) for number in range(start, start + 100)]
            )
        store.delete([f"{number:04d}" for number in range(2500)])
        ChromaStore(opened, OTHER).upsert([record("one")])
        yield opened
    finally:
        opened.close()


def found(store: ChromaStore) -> list[Record]:
    return [match.record for match in store.nearest(unit(2550), 3)]


def test_what_was_deleted_takes_no_room_and_what_is_there_stays(connection: FolderConnection):
    store, other = ChromaStore(connection, ACTOR), ChromaStore(connection, OTHER)
    second = open_folder(connection.folder)
    elsewhere = ChromaStore(second, ACTOR)
    before, near = list(store.all()), found(store)
    assert [each.id for each in before] == KEPT
    assert indexed(connection.folder) >= 2000
    assert drop_deleted(connection)
    assert indexed(connection.folder) == 0
    for each in (store, elsewhere, ChromaStore(connection, ACTOR)):
        assert list(each.all()) == before
        assert found(each) == near
        assert each.largest("ordinal", 1) == before[-1:]
    assert [each.id for each in other.all()] == ["one"]
    assert not drop_deleted(connection)
    elsewhere.upsert([record("new")])
    assert store.count() == 101
    second.close()
    connection.close()
    again = open_folder(connection.folder)
    assert [each.id for each in ChromaStore(again, ACTOR).all()] == [*KEPT, "new"]
    again.close()
    assert [path.name for path in connection.folder.parent.iterdir()] == ["memory"]


def test_it_stays_as_it_is_where_another_application_keeps_something(connection: FolderConnection):
    connection.client.create_collection("another", embedding_function=None)
    assert not drop_deleted(connection)
    assert connection.client.get_collection("another", embedding_function=None).count() == 0
    assert ChromaStore(connection, ACTOR).ids() == KEPT


def test_it_stays_as_it_is_where_something_is_written_meanwhile(
    connection: FolderConnection, monkeypatch: pytest.MonkeyPatch
):
    def listed(given: FolderConnection) -> list[Collection]:
        ChromaStore(given, ACTOR).upsert([record("meanwhile")])
        return collections_in(given)

    monkeypatch.setattr(rewriting, "collections_in", listed)
    assert not drop_deleted(connection)
    assert ChromaStore(connection, ACTOR).ids() == [*KEPT, "meanwhile"]


def test_a_failure_leaves_the_memory_as_it_was(connection: FolderConnection, monkeypatch: pytest.MonkeyPatch):
    before = list(ChromaStore(connection, ACTOR).all())
    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if path.name == FILE:
            raise OSError("the disk is full")
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        assert not drop_deleted(connection)
    store = ChromaStore(connection, ACTOR)
    assert list(store.all()) == before
    assert drop_deleted(connection)
    assert list(store.all()) == before
