"""One suite that every store must pass: Chroma in a folder, Chroma behind a server, and the exact fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billp.errors import MemoryStoreError
from billp.memory import Record, VectorStore
from billp.memory.store.calls import Connection
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.collection import Collection
from billp.memory.store.connection import open_folder, open_server
from tests.fakes.store import InMemoryStore
from tests.memory.examples import DIMENSION, record, unit

KEYS = (f"memory-{number}" for number in range(10**9))


@pytest.fixture(
    scope="module",
    params=[
        "exact",
        "folder",
        pytest.param("server", marks=[pytest.mark.integration, pytest.mark.enable_socket]),
    ],
)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection | None]:
    """Where stores are opened: a Chroma connection, or None for the fake."""
    if request.param == "exact":
        yield None
        return
    if request.param == "folder":
        connection = open_folder(tmp_path_factory.mktemp("chroma"))
    else:
        connection = open_server(request.getfixturevalue("chroma_server"))
    yield connection
    connection.close()


@pytest.fixture
def store(place: Connection | None) -> VectorStore:
    return fresh(place)


def fresh(place: Connection | None) -> VectorStore:
    if place is None:
        return InMemoryStore(DIMENSION)
    return ChromaStore(place, Collection("actor", "dataset", next(KEYS), "hash", DIMENSION))


def test_an_empty_store_answers_everything_with_nothing(store: VectorStore) -> None:
    assert store.nearest(unit(1), 3) == []
    assert (store.largest("number", 3), store.get(["a"]), store.ids(), list(store.all()), store.count()) == (
        [], [], [], [], 0,
    )  # fmt: skip
    store.delete(["a"])
    store.clear()
    store.upsert([])
    assert store.count() == 0


def test_a_record_comes_back_as_it_was(store: VectorStore) -> None:
    written = record(
        "a/b 1%", unit(1), s="", t="é\u2028\x00\n", i=2**53 + 1, j=0, f=1.0, g=0.1, h=-0.0, b=True, c=False
    )
    store.upsert([written])
    read = store.get([written.id])[0]
    assert read == written
    assert {name: type(value) for name, value in read.fields.items()} == {
        name: type(value) for name, value in written.fields.items()
    }
    assert read.vector.tobytes() == written.vector.tobytes()


def test_nearest_is_sorted_and_cut_at_k_and_at_the_distance(store: VectorStore) -> None:
    axes = np.eye(DIMENSION, dtype=np.float32)
    store.upsert([record(f"r{i}", axes[0] * (1 + i)) for i in range(5)])
    found = store.nearest(axes[0], 3)
    assert [(m.record.id, m.distance) for m in found] == [("r0", 0.0), ("r1", 1.0), ("r2", 4.0)]
    assert [m.record.id for m in store.nearest(axes[0], 3, max_distance=1.0)] == ["r0", "r1"]
    assert [m.record.id for m in store.nearest(axes[0], 3, max_distance=0.0)] == ["r0"]
    assert len(store.nearest(axes[0], 99)) == 5
    assert store.nearest(axes[0], 0) == []


def test_ties_are_broken_by_id_even_when_there_are_more_than_asked_for(store: VectorStore) -> None:
    store.upsert([record(f"{i:03d}", unit(1)) for i in reversed(range(150))])
    store.upsert([record("far", unit(2))])
    assert [m.record.id for m in store.nearest(unit(1), 4)] == ["000", "001", "002", "003"]
    assert [m.record.id for m in store.nearest(unit(2), 2)] == ["far", "000"]


def test_search_is_exact_for_a_thousand_records(store: VectorStore) -> None:
    records = [record(f"r{i}", unit(i)) for i in range(1000)]
    store.upsert(records)
    exact = InMemoryStore(DIMENSION)
    exact.upsert(records)
    queries = [unit(5000 + i) for i in range(20)]
    assert [store.nearest(query, 10) for query in queries] == [exact.nearest(query, 10) for query in queries]


def test_upsert_replaces_the_whole_record(store: VectorStore) -> None:
    store.upsert([record("a", unit(1), old=1, both="x"), record("b", unit(2))])
    after = record("a", unit(3), both="y", new=2.5)
    store.upsert([after])
    assert store.get(["a"]) == [after]
    assert store.count() == 2
    assert store.nearest(unit(3), 1)[0].distance == 0.0
    assert store.nearest(unit(1), 1)[0].distance > 0.1


def test_get_keeps_the_order_asked_for_and_leaves_out_what_is_not_there(store: VectorStore) -> None:
    store.upsert([record(name) for name in "abc"])
    assert [r.id for r in store.get(["c", "x", "a", "c"])] == ["c", "a", "c"]
    assert store.get([]) == []


def test_all_comes_by_id_across_pages(store: VectorStore) -> None:
    names = [f"{i:04d}" for i in range(603)]
    store.upsert([record(name) for name in reversed(names)])
    assert [r.id for r in store.all()] == names == store.ids()


def test_largest_sorts_by_field_then_id(store: VectorStore) -> None:
    store.upsert([record(name, n=n) for name, n in [("a", 1), ("c", 9), ("b", 9), ("d", 10)]])
    store.upsert([record("without", other=1), record("real", n=99.5), record("text", n="99"), record("truth", n=True)])
    store.upsert([record("lowest", n=-(2**63))])
    assert [r.id for r in store.largest("n", 3)] == ["d", "b", "c"]
    assert [r.id for r in store.largest("n", 99)] == ["d", "b", "c", "a", "lowest"]
    assert store.largest("n", 0) == []


def test_delete_and_clear(store: VectorStore) -> None:
    store.upsert([record(name) for name in "abc"])
    store.delete(["a", "not there"])
    assert store.ids() == ["b", "c"]
    assert [m.record.id for m in store.nearest(unit(1), 5)] == ["b", "c"]
    store.clear()
    assert store.count() == 0
    store.upsert([record("d")])
    assert store.ids() == ["d"]


@pytest.mark.parametrize("size", [1, DIMENSION - 1, DIMENSION + 1])
def test_another_dimension_is_refused(store: VectorStore, size: int) -> None:
    store.upsert([record("a")])
    with pytest.raises(MemoryStoreError, match="same embedder"):
        store.upsert([record("b"), record("c", unit(1, size))])
    with pytest.raises(MemoryStoreError, match="same embedder"):
        store.nearest(unit(1, size), 1)
    assert store.ids() == ["a"]


_grid = st.lists(st.sampled_from([-1.0, 0.0, 0.5]), min_size=DIMENSION, max_size=DIMENSION)


@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 99), _grid), max_size=12),
    query=_grid,
    k=st.integers(0, 6),
)
def test_any_store_does_what_the_exact_one_does_and_twice_is_once(
    place: Connection | None, rows: list[tuple[str, int, list[float]]], query: list[float], k: int
) -> None:
    records = [Record(name, name, np.array(row), {"n": n}, record("x").origin) for name, n, row in rows]
    store, exact = fresh(place), InMemoryStore(DIMENSION)
    exact.upsert(records)
    for _ in range(2):
        store.upsert(records)
        assert list(store.all()) == list(exact.all())
        assert store.nearest(np.array(query), k) == exact.nearest(np.array(query), k)
        assert store.largest("n", k) == exact.largest("n", k)


def test_a_closed_folder_says_so(tmp_path: Path) -> None:
    connection = open_folder(tmp_path)
    store = fresh(connection)
    store.upsert([record("a")])
    connection.close()
    connection.close()
    with pytest.raises(MemoryStoreError, match="closed"):
        store.count()
