"""One process writes a memory, any number read it, and other memories are nobody's business."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billp.errors import MemoryStoreError
from billp.memory import KINDS, as_vector, counts_of, inventory, list_memories, open_memory
from billp.memory.store import connection
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.collection import Collection
from billp.memory.store.connection import open_folder
from billp.memory.store.folder import index_fault
from billp.settings import Settings
from tests.fakes.embedder import HashEmbedder
from tests.memory import examples

WRITER = """
import sys
from billp.memory import open_memory
from billp.settings import Settings
from tests.fakes.embedder import HashEmbedder
from tests.memory import examples

with open_memory(Settings(data_dir=sys.argv[1]), "tiny", sys.argv[2], HashEmbedder()) as agent_memory:
    agent_memory.actor.write([examples.actor(1, step) for step in range(1, 6)])
    print("written", flush=True)
    for number, _ in enumerate(sys.stdin, start=2):
        agent_memory.actor.write([examples.actor(number, step) for step in range(1, 6)])
        print("written", flush=True)
"""


class Writer:
    """Another process that has the memory `name` open, with five experiences in it, and writes five more when told."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", WRITER, str(settings.data), name],
            cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._read()

    def _read(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "written\n"

    def __enter__(self) -> Writer:
        return self

    def write(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._read()

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


def test_a_memory_is_read_while_another_process_writes_to_it(settings: Settings, embedder: HashEmbedder):
    with Writer(settings, "busy") as writer:
        with pytest.raises(MemoryStoreError, match="is in use by process"):
            open_memory(settings, "tiny", "busy", embedder)
        with open_memory(settings, "tiny", "busy", embedder, reading=True) as agent_memory:
            assert agent_memory.stats().counts["actor"] == 5
            (nearest,) = agent_memory.actor.similar(examples.actor(1, 3).vector, 1)
            assert nearest.record.id == examples.actor(1, 3).id
            writer.write()
            assert agent_memory.stats().counts["actor"] == 5, "it is as it stood when it was opened"
            with open_memory(settings, "tiny", "busy", embedder, reading=True) as later:
                assert later.stats().counts["actor"] == 10
        assert counts_of(settings, "tiny", "busy")["actor"] == 10
        with open_memory(settings, "tiny", "other", embedder) as other:
            other.actor.write([examples.actor(1, 1)])
    assert list_memories(settings) == {"tiny": ["busy", "other"]}
    assert not list((settings.data / "memory").glob(".reading-*")), "copies go with their readers"


def test_what_is_opened_to_be_read_cannot_be_written(settings: Settings, embedder: HashEmbedder):
    with open_memory(settings, "tiny", "mine", embedder) as agent_memory:
        agent_memory.actor.write([examples.actor(1, 1)])
        record = examples.actor(1, 1)
    with open_memory(settings, "tiny", "mine", embedder, reading=True) as agent_memory:
        writes: list[Any] = [
            lambda: agent_memory.actor.write([examples.actor(1, 2)]),
            lambda: agent_memory.forget([record.id]),
            agent_memory.clear,
        ]
        for write in writes:
            with pytest.raises(MemoryStoreError, match="opened to be read"):
                write()
    assert counts_of(settings, "tiny", "mine")["actor"] == 1


def test_many_records_are_read_whole_while_they_are_written(settings: Settings, embedder: HashEmbedder):
    """More than make Chroma store its index, which it does every thousand."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2500, embedder.dimension)).astype(np.float32)
    with open_memory(settings, "tiny", "large", embedder) as agent_memory:
        for start in range(0, 2500, 500):
            rows = range(start, start + 500)
            agent_memory.critic.write(
                [replace(examples.critic(row, 1), vector=as_vector(vectors[row])) for row in rows]
            )
            with open_memory(settings, "tiny", "large", embedder, reading=True) as copy:
                assert copy.stats().counts["critic"] == start + 500
                for row in (0, start, start + 499):
                    (found,) = copy.critic.similar(vectors[row], 1)
                    assert found.record.vector.tolist() == vectors[row].tolist()


def test_memories_of_the_folder_that_once_held_all_are_still_there(settings: Settings, embedder: HashEmbedder):
    connection = open_folder(settings.data / "memory")
    collection = Collection("actor", "tiny", "old", embedder.name, embedder.dimension)
    ChromaStore(connection, collection).upsert([examples.actor(1, 1).to_record()])
    connection.close()
    with open_memory(settings, "tiny", "new", embedder) as agent_memory:
        agent_memory.actor.write([examples.actor(1, 1)])
    assert {name: held["actor"] for name, held in inventory(settings)["tiny"].items()} == {"new": 1, "old": 1}
    with open_memory(settings, "tiny", "old", embedder) as agent_memory:
        agent_memory.actor.write([examples.actor(1, 2)])
    with open_memory(settings, "tiny", "old", embedder, reading=True) as agent_memory:
        assert agent_memory.stats().counts == {kind: 2 if kind == "actor" else 0 for kind in KINDS}


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 97):
        content[at] ^= 0xFF
    path.write_bytes(bytes(content))


def header(path: Path) -> None:
    path.write_bytes(b"\xff" * 100 + path.read_bytes()[100:])


def misspelt(path: Path) -> None:
    """The database then complains in words that are no UTF-8."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE \xffABLE"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10_000])


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [empty, flipped, header, misspelt, cut, folder])
@pytest.mark.parametrize("reading", [True, False])
def test_a_damaged_database_is_refused_by_name(
    settings: Settings, embedder: HashEmbedder, damage: Callable[[Path], None], reading: bool
):
    with open_memory(settings, "tiny", "mine", embedder) as agent_memory:
        agent_memory.actor.write([examples.actor(1, step) for step in range(1, 40)])
    (database,) = (settings.data / "memory").glob("*/chroma.sqlite3")
    damage(database)
    with pytest.raises(MemoryStoreError, match="cannot be read"):
        open_memory(settings, "tiny", "mine", embedder, reading=reading)
    with pytest.raises(MemoryStoreError, match="cannot be read"):
        inventory(settings)


def overwritten(content: bytes) -> bytes:
    return b"\xff" * len(content)


def shortened(content: bytes) -> bytes:
    return content[:64]


def spoilt(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"\xff" * 4096 + content[len(content) // 2 + 4096 :]


@pytest.fixture
def stored(settings: Settings, embedder: HashEmbedder) -> Path:
    """A memory whose index was stored, which is from a thousand records on."""
    with open_memory(settings, "tiny", "mine", embedder) as agent_memory:
        for start in range(0, 1200, 400):
            agent_memory.actor.write([examples.actor(start + row, 1) for row in range(400)])
    (found,) = (settings.data / "memory").glob("*/*/index_metadata.pickle")
    return found.parent


def test_a_sound_index_has_no_fault(stored: Path):
    assert index_fault(stored) == ""


@pytest.mark.parametrize("damage", [overwritten, shortened, spoilt])
@pytest.mark.parametrize("name", ["data_level0.bin", "header.bin", "length.bin", "link_lists.bin"])
def test_a_damaged_index_is_refused_by_name(
    settings: Settings, embedder: HashEmbedder, stored: Path, name: str, damage: Callable[[bytes], bytes]
):
    if (name, damage) == ("length.bin", overwritten):
        return  # Chroma leaves it unwritten and does not read it
    (stored / name).write_bytes(damage((stored / name).read_bytes()))
    for reading in (True, False):
        with pytest.raises(MemoryStoreError, match=r"cannot be read \(.*index"):
            open_memory(settings, "tiny", "mine", embedder, reading=reading)


HALF_WAY = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size=1")
database.execute("BEGIN")
database.execute("UPDATE embeddings SET embedding_id = embedding_id || hex(zeroblob(5000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("reading", [True, False])
def test_a_memory_whose_writer_was_killed_in_the_middle_of_a_write_is_as_before_it(tmp_path: Path, reading: bool):
    settings = Settings(data_dir=tmp_path)
    with open_memory(settings, "tiny", "killed", HashEmbedder()) as agent_memory:
        agent_memory.actor.write([examples.actor(1, step) for step in range(1, 6)])
    (database,) = tmp_path.rglob("chroma.sqlite3")
    subprocess.run([sys.executable, "-c", HALF_WAY, str(database)], check=False)  # noqa: S603
    assert database.with_name("chroma.sqlite3-journal").stat().st_size > 0, "nothing was half-way"
    if reading:
        assert counts_of(settings, "tiny", "killed")["actor"] == 5
    with open_memory(settings, "tiny", "killed", HashEmbedder(), reading=reading) as agent_memory:
        assert agent_memory.stats().counts["actor"] == 5
        assert len(agent_memory.records("actor")) == 5


def test_a_memory_that_a_kill_left_half_made_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = Settings(data_dir=tmp_path)

    def half(folder: Path, _: Path) -> None:
        (folder / "chroma.sqlite3").write_bytes(b"")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(connection, "_opened", half)
        with pytest.raises(KeyboardInterrupt):
            open_memory(settings, "tiny", "new", HashEmbedder())
    with open_memory(settings, "tiny", "new", HashEmbedder()) as agent_memory:
        agent_memory.actor.write([examples.actor(1, 1)])
    assert counts_of(settings, "tiny", "new")["actor"] == 1
    assert [path.name for path in (tmp_path / "memory").iterdir() if path.name.startswith(".")] == []
