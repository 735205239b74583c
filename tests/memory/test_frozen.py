"""A frozen memory is the memory at one moment: the same records, found in the same order."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.errors import MemoryStoreError
from billp.memory import KINDS, Freezer, Origin, Record
from billp.memory.frozen import FrozenStore, Rows
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import InMemoryStore, fake_memory
from tests.memory.examples import DIMENSION, everything, fill, record, reflection, unit

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


def test_a_record_that_is_found_again_is_not_made_again():
    parts = [Rows.of([record(f"r{part}", unit(part))], DIMENSION) for part in range(3)]
    store = FrozenStore(parts, DIMENSION)
    first, again = store.nearest(unit(1), 3), store.nearest(unit(2), 3)
    assert {id(match.record) for match in first} == {id(match.record) for match in again}


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


def test_a_memory_that_was_read_in_many_parts_has_few():
    agent_memory = fake_memory(HashEmbedder(DIMENSION))
    freezer = Freezer(agent_memory)
    for number in range(60):
        agent_memory.reflections.write([reflection(number)])
        frozen = freezer.freeze(["reflections"])
    sizes = [len(rows.ids) for rows in frozen.parts["reflections"]]
    assert sum(sizes) == 60
    assert len(sizes) <= 6
    store = frozen.agent_memory(agent_memory.embedder).stores["reflections"]
    assert list(store.all()) == list(agent_memory.stores["reflections"].all())


def test_it_is_searched_without_a_second_copy_of_the_vectors():
    parts = [Rows.of([record(f"r{part}-{row}", unit(row)) for row in range(300)], DIMENSION) for part in range(3)]
    store = FrozenStore(parts, DIMENSION)
    tracemalloc.start()
    store.nearest(unit(1), 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < sum(part.vectors.nbytes for part in parts) / 2


def test_strings_that_records_share_are_kept_once():
    def apart(word: str) -> str:
        return "".join(list(word))  # as a database returns it, each time another object

    rows = Rows.of(
        [
            Record(
                f"r{n}", apart("text"), unit(n), {apart("title"): apart("Heat")}, Origin(apart("run"), "e", "7", n, 3)
            )
            for n in range(9)
        ],
        DIMENSION,
    )
    strings = [
        (text, *fields, *fields.values(), origin.run)
        for text, fields, origin in zip(rows.texts, rows.fields, rows.origins, strict=True)
    ]
    assert strings == [("text", "title", "Heat", "run")] * 9
    assert {tuple(map(id, each)) for each in strings} == {tuple(map(id, strings[0]))}


def test_what_a_step_taught_actor_and_critic_is_kept_once():
    agent_memory = fake_memory(HashEmbedder(DIMENSION))
    freezer = Freezer(agent_memory)
    for number in range(1, 6):
        fill(agent_memory, number)
        parts = freezer.freeze().parts
    assert [len(rows.ids) for rows in parts["actor"]] == [len(rows.ids) for rows in parts["critic"]]
    for acted, judged in zip(parts["actor"], parts["critic"], strict=True):
        assert acted.vectors is judged.vectors
        assert [id(text) for text in acted.texts] == [id(text) for text in judged.texts]
    assert everything(freezer.freeze().agent_memory(agent_memory.embedder)) == everything(agent_memory)
    agent_memory.forget([agent_memory.records("critic")[0].id])
    assert everything(freezer.freeze().agent_memory(agent_memory.embedder)) == everything(agent_memory)


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
