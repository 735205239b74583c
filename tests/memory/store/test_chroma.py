"""What only a real Chroma can get wrong: names, restarts, locks, servers that are down, another embedder."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billp.errors import MemoryStoreError
from billp.memory import Record
from billp.memory.store import chroma
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.collection import Collection
from billp.memory.store.connection import open_folder, open_server
from billp.memory.store.folder import FILE, FolderLock, check_folder
from tests.fakes.store import InMemoryStore
from tests.memory.examples import DIMENSION, origin, record, unit

ROOT = Path(__file__).parents[3]
COLLECTION = Collection("actor", "ml-100k", "default", "hash", DIMENSION)

_name = st.text(min_size=1).filter(lambda name: bool(name.strip()))


@settings(deadline=None, max_examples=50)
@given(_name, _name)
def test_any_name_makes_a_legal_collection_name(dataset: str, memory: str) -> None:
    key = Collection("reflections", dataset, memory, "hash", DIMENSION).key
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]", key)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(_name, _name), min_size=2, max_size=2, unique=True))
def test_unlike_memories_have_unlike_collection_names(names: list[tuple[str, str]]) -> None:
    one, other = (Collection("actor", dataset, memory, "hash", DIMENSION).key for dataset, memory in names)
    assert one != other


def test_nameless_memories_are_refused() -> None:
    with pytest.raises(MemoryStoreError, match="give both"):
        Collection("actor", "ml-100k", " ", "hash", DIMENSION)


@pytest.mark.parametrize("failures", [2, 99])
def test_a_search_that_meets_an_index_being_written_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr("billp.memory.store.calls._PAUSES_S", (0.0, 0.0, 0.0))
    search, tries = chroma._neighbours, []

    def failing(*given: Any) -> list[Record]:
        tries.append(given)
        if len(tries) <= failures:
            raise RuntimeError("Error creating hnsw segment reader: Nothing found on disk")
        return search(*given)

    monkeypatch.setattr(chroma, "_neighbours", failing)
    connection = open_folder(tmp_path)
    store = ChromaStore(connection, COLLECTION)
    store.upsert([record("0001", unit(1))])
    if failures == 2:
        assert [match.record.id for match in store.nearest(unit(1), 1)] == [record("0001", unit(1)).id]
    else:
        with pytest.raises(MemoryStoreError, match="Nothing found on disk"):
            store.nearest(unit(1), 1)
    assert len(tries) == min(failures, 3) + 1
    connection.close()


def test_threads_search_while_another_writes(tmp_path: Path) -> None:
    """Searches fail in Chroma beside each other: "Nothing found on disk"."""
    connection = open_folder(tmp_path)
    store, over = ChromaStore(connection, COLLECTION), threading.Event()

    def search(number: int) -> int:
        found = 0
        while not over.is_set():
            found = len(store.nearest(unit(number), 5))
        return found

    with ThreadPoolExecutor(6) as threads:
        searches = [threads.submit(search, number) for number in range(6)]
        try:
            for start in range(0, 1500, 50):
                store.upsert([record(f"{number:04d}", unit(number)) for number in range(start, start + 50)])
        finally:
            over.set()
        assert [search.result() for search in searches] == [5] * 6
    connection.close()


def test_a_thread_searches_a_new_memory_while_another_writes_it(tmp_path: Path) -> None:
    """Beside a write, the first searches of a collection fail in Chroma, one in forty collections."""
    connection = open_folder(tmp_path)
    with ThreadPoolExecutor(1) as thread:
        for number in range(60):
            store = ChromaStore(connection, Collection("actor", "ml-100k", f"m{number}", "hash", DIMENSION))
            over = threading.Event()
            searching = thread.submit(_searched, store, over)
            try:
                for start in range(0, 12, 3):
                    store.upsert([record(f"{each:04d}", unit(each)) for each in range(start, start + 3)])
            finally:
                over.set()
            searching.result()
            assert len(store.nearest(unit(1), 20)) == 12
    connection.close()


def _searched(store: ChromaStore, over: threading.Event) -> None:
    while not over.is_set():
        store.nearest(unit(1), 5)


def test_records_of_earlier_versions_are_read_found_and_replaced(tmp_path: Path) -> None:
    """They have a document, and an entry of metadata for each field and each part of the origin."""
    old = [Record(f"{i:04d}", f"text {i}", unit(i), {"ordinal": i, "x": 0.1, "b": True}, origin(i)) for i in range(20)]
    connection = open_folder(tmp_path)
    store = ChromaStore(connection, COLLECTION)
    store._made().upsert(
        ids=[each.id for each in old],
        embeddings=np.stack([each.vector for each in old]),
        documents=[each.text for each in old],
        metadatas=[
            {**each.fields, **{f"origin.{name}": value for name, value in asdict(each.origin).items()}} for each in old
        ],
    )
    assert list(store.all()) == old
    assert dict(store.fields()) == {each.id: each.fields for each in old}
    assert store.largest("ordinal", 3) == old[:-4:-1]
    assert [match.record for match in store.nearest(unit(7), 1)] == [old[7]]
    new = [Record(old[7].id, "other", unit(77), {"ordinal": 99}, origin(7)), Record("0020", "", unit(20), {}, origin())]
    store.upsert(new)
    assert list(store.all()) == [*old[:7], new[0], *old[8:], new[1]]
    assert store.largest("ordinal", 2) == [new[0], old[19]]
    connection.close()


def test_a_new_index_holds_nothing_of_what_was_freed(tmp_path: Path) -> None:
    connection = open_folder(tmp_path)
    for number in range(3):
        ChromaStore(connection, Collection("actor", "ml-100k", f"m{number}", "hash", DIMENSION)).upsert([record("a")])
    lengths = [path.read_bytes() for path in tmp_path.glob("*/length.bin")]
    assert [set(each) for each in lengths] == [{0}] * 3
    found = ChromaStore(connection, Collection("actor", "ml-100k", "m1", "hash", DIMENSION)).nearest(unit(1), 2)
    assert [match.record.id for match in found] == ["a"]
    connection.close()


def test_two_thousand_records_survive_a_restart(tmp_path: Path) -> None:
    """Beyond 1,000 records Chroma moves its index to disk; peers lost theirs there (chroma #7090)."""
    records = [Record(f"{i:04d}", f"text {i}", unit(i), {"n": i}, origin(i)) for i in range(2000)]
    connection = open_folder(tmp_path)
    store = ChromaStore(connection, COLLECTION)
    for start in range(0, 2000, 100):
        store.upsert(records[start : start + 100])
    connection.close()

    program = f"""
import sys
from pathlib import Path
from billp.memory.store import chroma
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.collection import Collection
from billp.memory.store.connection import open_folder
from tests.memory.examples import unit
store = ChromaStore(open_folder(Path({str(tmp_path)!r})), {COLLECTION!r})
for i in range(0, 2000, 50):
    print(*(match.record.id for match in store.nearest(unit(i), 5)))
"""
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    exact = InMemoryStore(DIMENSION)
    exact.upsert(records)
    expected = [exact.nearest(unit(i), 5) for i in range(0, 2000, 50)]
    assert answer.stdout.splitlines() == [" ".join(match.record.id for match in row) for row in expected]

    connection = open_folder(tmp_path)
    again = ChromaStore(connection, COLLECTION)
    assert list(again.all()) == records
    again.upsert([record("new", unit(9999))])
    assert again.nearest(unit(9999), 1)[0].record.id == "new"
    connection.close()


HOLD = """
import sys, time
from pathlib import Path
from billp.memory.store import chroma
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.connection import open_folder
from tests.memory.examples import record
from tests.memory.store.test_chroma import COLLECTION
ChromaStore(open_folder(Path(sys.argv[1])), COLLECTION).upsert([record(name) for name in "abc"])
print("written", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_and_let_in_when_the_first_dies(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == "written\n"
        with pytest.raises(MemoryStoreError, match=f"in use by process {first.pid}.*BILLP_CHROMA_URL"):
            open_folder(tmp_path)
        first.kill()
        first.wait()
    connection = open_folder(tmp_path)
    assert ChromaStore(connection, COLLECTION).ids() == ["a", "b", "c"]  # what was written outlives a kill
    connection.close()


def test_within_a_process_a_folder_is_shared_until_the_last_one_closes(tmp_path: Path) -> None:
    one, other = open_folder(tmp_path), open_folder(tmp_path / "." / "x" / "..")
    ChromaStore(one, COLLECTION).upsert([record("a")])
    one.close()
    assert ChromaStore(other, COLLECTION).count() == 1
    with pytest.raises(MemoryStoreError, match="in use"):
        FolderLock(tmp_path, wait_s=0)
    other.close()
    FolderLock(tmp_path, wait_s=0).release()


def test_threads_may_write_and_read_at_once(tmp_path: Path) -> None:
    connection = open_folder(tmp_path)
    store = ChromaStore(connection, COLLECTION)
    wrong: list[str] = []

    def work(number: int) -> None:
        for i in range(10):
            name = f"{number}-{i}"
            store.upsert([record(name, unit(10 * number + i))])
            if store.nearest(unit(10 * number + i), 1)[0].record.id != name:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.count() == 40
    connection.close()


def test_looking_leaves_no_collection_behind(tmp_path: Path) -> None:
    connection = open_folder(tmp_path)
    store = ChromaStore(connection, COLLECTION)
    assert store.nearest(np.zeros(DIMENSION, dtype=np.float32), 3) == []
    assert connection.client.count_collections() == 0
    connection.close()


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MemoryStoreError, match="cannot be written"):
        open_folder(tmp_path / "file")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://", "http://host:x", "http://host/path"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(MemoryStoreError, match="is no Chroma address"):
        open_server(url)


@pytest.mark.enable_socket
def test_a_server_that_is_down_is_named() -> None:
    with pytest.raises(MemoryStoreError, match=r"No Chroma server answers at http://127\.0\.0\.1:9"):
        open_server("http://127.0.0.1:9")


def test_a_failing_chroma_is_a_memory_error(tmp_path: Path) -> None:
    connection = open_folder(tmp_path)
    store = ChromaStore(connection, COLLECTION)
    store.upsert([record("a")])
    connection.client.delete_collection(COLLECTION.key)  # as another process of a server could
    with pytest.raises(MemoryStoreError, match="failed"):
        store.ids()
    assert store.count() == 0
    assert store.ids() == [], "once counted it is known to be gone"
    connection.close()


@pytest.mark.parametrize("name", ["header.bin", "data_level0.bin", "link_lists.bin", "length.bin"])
def test_an_index_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    index = tmp_path / "some" / "0b6a6f6e"
    index.mkdir(parents=True)
    os.mkfifo(index / name)
    with closing(sqlite3.connect(tmp_path / "some" / FILE)) as database:
        for table in ("collections", "segments", "embeddings"):
            database.execute(f"CREATE TABLE {table} (id TEXT)")
    with pytest.raises(MemoryStoreError, match=f"{name} of an index is no plain file"):
        check_folder(tmp_path / "some", tmp_path / "some")
