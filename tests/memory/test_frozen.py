"""A frozen memory is the memory at one moment: the same records, found in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.errors import MemoryStoreError
from billp.memory import KINDS, Freezer, Record
from billp.memory.frozen import FrozenStore, Rows
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import InMemoryStore, fake_memory
from tests.memory.examples import DIMENSION, everything, fill, reflection, unit

# Few directions, so that there are many ties.
VECTORS = st.integers(0, 5).map(unit)
SEARCHES = st.tuples(VECTORS, st.integers(0, 8), st.sampled_from([None, 0.0, 0.5, 2.5]))


@given(parts=st.lists(st.lists(VECTORS, max_size=5), max_size=4), searches=st.lists(SEARCHES, max_size=5))
def test_it_finds_what_an_exact_store_finds(parts, searches):
    exact, frozen, number = InMemoryStore(DIMENSION), [], 0
    for vectors in parts:
        rows = []
        for vector in vectors:
            number += 1
            origin = reflection(number).origin
            rows.append(Record(f"r{number * 7 % 11}-{number}", "text", vector, {"number": number % 3}, origin))
        exact.upsert(rows)
        frozen.append(Rows.of(rows, DIMENSION))
    store = FrozenStore(frozen, DIMENSION)
    for vector, k, furthest in searches:
        assert store.nearest(vector, k, furthest) == exact.nearest(vector, k, furthest)
        assert store.largest("number", k) == exact.largest("number", k)
    assert (store.ids(), store.count()) == (exact.ids(), exact.count())
    assert list(store.all()) == list(exact.all())
    assert list(store.fields()) == list(exact.fields())


def test_distances_below_what_single_precision_tells_apart_are_ordered_all_the_same():
    vectors = [unit(1) * (1 + scale) for scale in np.linspace(0, 3e-6, 60, dtype=np.float32)]
    rows = [Record(f"{number * 37 % 60:02}", "", v, {}, reflection(0).origin) for number, v in enumerate(vectors)]
    exact = InMemoryStore(DIMENSION)
    exact.upsert(rows)
    frozen = FrozenStore([Rows.of(rows, DIMENSION)], DIMENSION)
    for k in (1, 5, 40):
        assert frozen.nearest(unit(2), k) == exact.nearest(unit(2), k)


def test_what_is_written_later_is_in_the_next_one_and_is_read_once():
    agent_memory = fake_memory(HashEmbedder(DIMENSION))
    freezer = Freezer(agent_memory)
    assert everything(freezer.freeze().agent_memory(agent_memory.embedder)) == [[], [], [], []]
    fill(agent_memory, 2)
    first = freezer.freeze()
    agent_memory.reflections.write([reflection(7)])
    second = freezer.freeze()
    assert first.agent_memory(agent_memory.embedder).stats().counts["reflections"] == 2
    assert everything(second.agent_memory(agent_memory.embedder)) == everything(agent_memory)
    assert second.parts["reflections"][0] is first.parts["reflections"][0]
    assert [len(rows.ids) for rows in second.parts["reflections"]] == [2, 1]


def test_what_was_forgotten_is_gone():
    agent_memory = fake_memory(HashEmbedder(DIMENSION))
    fill(agent_memory)
    freezer = Freezer(agent_memory)
    freezer.freeze()
    agent_memory.forget([agent_memory.records("actor")[0].id])
    agent_memory.clear("critic")
    assert everything(freezer.freeze().agent_memory(agent_memory.embedder)) == everything(agent_memory)


def test_only_the_kinds_asked_for_are_read():
    agent_memory = fake_memory(HashEmbedder(DIMENSION))
    fill(agent_memory)
    counts = Freezer(agent_memory).freeze(("actor",)).agent_memory(agent_memory.embedder).stats().counts
    assert counts == {**dict.fromkeys(KINDS, 0), "actor": 6}


def test_nothing_can_be_written_to_it():
    agent_memory = fake_memory(HashEmbedder(DIMENSION))
    fill(agent_memory)
    frozen = Freezer(agent_memory).freeze().agent_memory(agent_memory.embedder)
    with pytest.raises(MemoryStoreError, match="copy to be read"):
        frozen.reflections.write([reflection(9)])
    with pytest.raises(MemoryStoreError, match="copy to be read"):
        frozen.clear()
    with pytest.raises(MemoryStoreError, match="copy to be read"):
        frozen.forget(["actor/x"])
