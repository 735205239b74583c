"""The whole memory: its three parts, isolation, export and import."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from catalogue import Catalogue
from errors import MemoryStoreError
from memory import (
    KINDS,
    ActorExperience,
    CriticExperience,
    MemoryBank,
    Reflection,
    Uses,
    drop_bank,
    list_banks,
    open_bank,
)
from memory.receipts import Used
from settings import Settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.services import fake_bank
from tests.fakes.store import in_memory_bank
from tests.fakes.worlds import tiny_dataset
from tests.memory import examples

NOTHING = {"reflections": 0, "actor": 0, "critic": 0, "uses": 0}


def fill(bank: MemoryBank, episodes: int = 3) -> None:
    bank.reflections.write([examples.reflection(episode) for episode in range(episodes)])
    bank.actor.write([examples.actor(episode, step) for episode in range(episodes) for step in range(2)])
    bank.critic.write([examples.critic(episode, step) for episode in range(episodes) for step in range(2)])


def everything(bank: MemoryBank) -> list[Any]:
    return [bank.records(kind, limit=10**6) for kind in KINDS]


def test_what_is_written_is_recalled_with_its_distance(settings: Settings, embedder: HashEmbedder) -> None:
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        fill(bank)
        near = bank.reflections.similar(examples.unit(2), 2)
        assert near[0].record == examples.reflection(2)
        assert near[0].distance < 1e-6 < near[1].distance
        assert bank.actor.similar(examples.unit(101), 1)[0].record == examples.actor(1, 1)
        assert bank.critic.similar(examples.unit(101), 9, 0.01)[0].record == examples.critic(1, 1)
        assert [len(row) for row in bank.critic.similar_many([examples.unit(101), examples.unit(5)], 9, 0.01)] == [1, 0]
        assert [r.ordinal for r in bank.reflections.latest(2)] == [2, 1]


def test_writing_a_step_twice_changes_nothing(settings: Settings, embedder: HashEmbedder) -> None:
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        fill(bank)
        before = everything(bank)
        fill(bank)
        assert everything(bank) == before


def test_stats_say_what_there_is_and_where(settings: Settings, embedder: HashEmbedder) -> None:
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        fill(bank)
        stats = bank.stats()
    assert stats.counts == {"reflections": 3, "actor": 6, "critic": 6, "uses": 0}
    assert (stats.dataset, stats.memory, stats.embedder, stats.dimension) == ("ml-100k", "default", "hash", 32)
    assert stats.where == str((settings.data / "memory").resolve())


def test_memories_stay_apart_and_outlive_their_bank(settings: Settings, embedder: HashEmbedder) -> None:
    names = [("ml-100k", "default"), ("ml-100k", "Default"), ("ml-100k", "a/b é"), ("steam", "default")]
    for dataset, name in names:
        with open_bank(settings, dataset, name, embedder) as bank:
            assert bank.stats().counts == NOTHING
            fill(bank)
    with open_bank(settings, "ml-100k", "default", embedder) as one, open_bank(settings, *names[1], embedder) as other:
        one.clear()
        assert one.stats().counts == NOTHING
        assert other.stats().counts["actor"] == 6
    assert list_banks(settings) == {"ml-100k": ["Default", "a/b é"], "steam": ["default"]}


def test_there_are_no_banks_before_the_first_and_listing_makes_none(settings: Settings, embedder: HashEmbedder) -> None:
    assert list_banks(settings) == {}
    assert not settings.data.exists()
    open_bank(settings, "ml-100k", "default", embedder).close()
    assert list_banks(settings) == {}


def test_one_kind_can_be_cleared(settings: Settings, embedder: HashEmbedder) -> None:
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        fill(bank)
        bank.clear("actor")
        assert bank.stats().counts == {"reflections": 3, "actor": 0, "critic": 6, "uses": 0}
        fill(bank)
        assert bank.stats().counts["actor"] == 6


def test_another_embedder_is_refused_and_the_folder_is_free_again(settings: Settings, embedder: HashEmbedder) -> None:
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        fill(bank)
    other = HashEmbedder(name="other")
    with pytest.raises(MemoryStoreError, match="embedder hash"):
        open_bank(settings, "ml-100k", "default", other)
    drop_bank(settings, "ml-100k", "default")
    drop_bank(settings, "ml-100k", "never there")
    with open_bank(settings, "ml-100k", "default", other) as bank:
        fill(bank)
        assert bank.stats().embedder == "other"


def test_pages_and_search() -> None:
    bank = in_memory_bank(HashEmbedder())
    states = ["war drama", "space opera", "war film"]
    vectors = bank.embedder.embed(states)
    bank.critic.write(
        [CriticExperience(text, vectors[i], 1.0, examples.origin(step=i)) for i, text in enumerate(states)]
    )
    assert [record.text for record in bank.records("critic", limit=2, offset=1)] == ["space opera", "war film"]
    assert [match.record.text for match in bank.search("critic", "war drama", 2)] == ["war drama", "war film"]


_Learned = tuple[list[Reflection], list[ActorExperience], list[CriticExperience]]


@hypothesis_settings(deadline=None, max_examples=50)
@given(
    st.tuples(
        st.lists(examples.reflections, max_size=3),
        st.lists(examples.actors, max_size=3),
        st.lists(examples.critics, max_size=3),
    )
)
def test_an_export_loses_nothing_and_importing_twice_is_importing_once(learned: _Learned) -> None:
    here, there = in_memory_bank(HashEmbedder()), in_memory_bank(HashEmbedder(), "elsewhere", "other")
    here.reflections.write(learned[0])
    here.actor.write(learned[1])
    here.critic.write(learned[2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.jsonl"
        count = here.export(path)
        assert count == sum(here.stats().counts.values())
        for _ in range(2):
            assert there.import_(path) == count
            assert everything(there) == everything(here)
        for mine, theirs in zip(everything(here), everything(there), strict=True):
            assert [r.vector.tobytes() for r in mine] == [r.vector.tobytes() for r in theirs]
        stream = io.StringIO()
        here.export(stream)
        assert stream.getvalue().encode() == path.read_bytes()


def test_chroma_exports_what_it_was_given(settings: Settings, embedder: HashEmbedder, tmp_path: Path) -> None:
    exact = in_memory_bank(embedder, "ml-100k", "default")
    fill(exact)
    exact.export(tmp_path / "exact.jsonl")
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        assert bank.import_(tmp_path / "exact.jsonl") == 15
        bank.export(tmp_path / "chroma.jsonl")
    assert (tmp_path / "chroma.jsonl").read_text() == (tmp_path / "exact.jsonl").read_text()


@pytest.fixture
def exported() -> list[str]:
    bank = in_memory_bank(HashEmbedder())
    fill(bank)
    stream = io.StringIO()
    bank.export(stream)
    return stream.getvalue().splitlines()


def changed(line: str, **values: object) -> str:
    return json.dumps(json.loads(line) | values)


def without(line: str, name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(line).items() if key != name})


@pytest.mark.parametrize(
    ("number", "replace", "message"),
    [
        (1, lambda line: "", "Line 1 is no header"),
        (1, lambda line: "[]", "Line 1 is no header"),
        (1, lambda line: changed(line, format="x"), "Line 1 is no header"),
        (1, lambda line: changed(line, version=3), "format version 3"),
        (1, lambda line: changed(line, embedder="x"), "embedder x"),
        (1, lambda line: changed(line, dimension=16), "16 numbers"),
        (1, lambda line: changed(line, records=16), "15 of 16 records"),
        (1, lambda line: without(line, "records"), "Line 1 .*records"),
        (5, lambda line: line[:-9], "Line 5"),
        (5, lambda line: "", "Line 5"),
        (5, lambda line: without(line, "text"), "Line 5 .*text"),
        (5, lambda line: changed(line, more=1), "Line 5 .*more"),
        (5, lambda line: changed(line, vector="AAAA"), "Line 5"),
        (5, lambda line: changed(line, vector="AACAPw=="), "Line 5 .*1 numbers in the vector instead of 32"),
        (5, lambda line: changed(line, vector="!" * 172), "Line 5"),
        (5, lambda line: changed(line, vector="//////" * 28 + "/////w=="), "Line 5"),
        (5, lambda line: changed(line, kind="critic"), "Line 5 .*not of kind 'critic'"),
        (5, lambda line: changed(line, kind="x"), "Line 5 .*kind"),
        (5, lambda line: changed(line, id="x"), "Line 5"),
        (5, lambda line: changed(line, fields=json.loads(line)["fields"] | {"more": 1}), "Line 5 .*has fields"),
        (5, lambda line: changed(line, fields={}), "Line 5"),
        (5, lambda line: line.replace("-0.25", "NaN"), "Line 5"),
        (5, lambda line: changed(line, origin={"run": "a"}), "Line 5 .*origin"),
    ],
)
def test_a_malformed_export_is_refused_before_anything_is_written(
    tmp_path: Path, exported: list[str], number: int, replace: Callable[[str], str], message: str
) -> None:
    exported[number - 1] = replace(exported[number - 1])
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(exported) + "\n")
    bank = in_memory_bank(HashEmbedder())
    with pytest.raises(MemoryStoreError, match=message):
        bank.import_(path)
    assert bank.stats().counts == NOTHING


def test_an_export_that_was_cut_off_is_refused(tmp_path: Path, exported: list[str]) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(exported[:-2]) + "\n")
    with pytest.raises(MemoryStoreError, match="13 of 15 records"):
        in_memory_bank(HashEmbedder()).import_(path)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    bank = in_memory_bank(HashEmbedder())
    with pytest.raises(MemoryStoreError, match="missing"):
        bank.import_(tmp_path / "missing.jsonl")
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    with pytest.raises(MemoryStoreError, match="latin"):
        bank.import_(tmp_path / "latin")
    with pytest.raises(MemoryStoreError, match="name another file"):
        bank.export(tmp_path / "no" / "folder.jsonl")


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_bank_on_a_server(chroma_server: str, tmp_path: Path, embedder: HashEmbedder) -> None:
    settings = Settings(data_dir=tmp_path / "data", chroma_url=chroma_server)
    with open_bank(settings, "ml-100k", "served", embedder) as bank:
        fill(bank)
        assert bank.stats().where == chroma_server
        assert bank.actor.similar(examples.unit(101), 1)[0].record == examples.actor(1, 1)
        with open_bank(settings, "ml-100k", "served", embedder) as same:
            assert everything(same) == everything(bank)
    assert list_banks(settings)["ml-100k"] == ["served"]
    drop_bank(settings, "ml-100k", "served")
    assert "ml-100k" not in list_banks(settings)
    assert not settings.data.exists()


def test_a_memory_of_another_catalogue_is_refused():
    bank, catalogue = fake_bank(), tiny_dataset().catalogue
    vectors = bank.embedder.embed([item.text for item in catalogue])
    bank.check_catalogue(catalogue, vectors)
    titles = [item.title for item in catalogue]
    bank.actor.write([replace(examples.actor(n), item=n, item_title=titles[n], vector=vectors[n]) for n in range(9)])
    bank.check_catalogue(catalogue, vectors)
    for others in (catalogue.items[1:], catalogue.items[:4]):
        moved = tuple(replace(item, index=place) for place, item in enumerate(others))
        with pytest.raises(MemoryStoreError, match=r"learned with another catalogue \(item \d was 'Film"):
            bank.check_catalogue(Catalogue("tiny", moved), vectors)


def test_what_another_bank_writes_and_forgets_is_noticed_before_an_episode(
    settings: Settings, embedder: HashEmbedder
) -> None:
    with (
        open_bank(settings, "ml-100k", "default", embedder) as one,
        open_bank(settings, "ml-100k", "default", embedder) as other,
    ):
        fill(one)
        known, receipts = one.actor.ledger, one.uses.recent()
        one.refresh()
        assert one.actor.ledger is known, "nothing changed, so nothing is added up anew"
        assert one.uses.recent() is receipts
        other.actor.write([examples.actor(7)])
        one.refresh()
        assert len(one.actor.ledger) == 7
        other.forget([examples.actor(0).id])
        one.refresh()
        assert len(one.actor.ledger) == 6
        assert not one.uses.recent().endings
        other.uses.write(Uses(examples.unit(1), "horizon", 5, 9.0, 0, Used().to_json(), examples.origin(1, -1)))
        one.refresh()
        assert len(one.uses.recent().endings) == 1
        other.clear()
        one.refresh()
        assert len(one.actor.ledger) == 0
        assert one.reflections.latest(3) == one.critic.similar(examples.unit(1), 3) == []
        fill(other)
        one.refresh()
        assert len(one.actor.ledger) == len(one.critic.similar(examples.unit(1), 9)) == 6


def test_an_experience_written_anew_counts_as_it_is_now(settings: Settings, embedder: HashEmbedder) -> None:
    with open_bank(settings, "ml-100k", "default", embedder) as bank:
        first = examples.actor(0)
        bank.actor.write([first])
        vectors = np.stack([examples.unit(number) for number in range(first.item + 1)])
        before = len(bank.actor.ledger)
        bank.actor.write([replace(first, reward=first.reward + 3, advantage=first.advantage + 3)])
        (_, mean, _) = bank.actor.ledger.liking_parts(first.item, vectors)[first.item]
        assert len(bank.actor.ledger) == before == 1
        assert mean == first.reward + 3
