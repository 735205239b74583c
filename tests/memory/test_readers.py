"""One process writes a memory, any number read it, and other memories are nobody's business."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billp.errors import MemoryStoreError, MissingMemoryError
from billp.memory import KINDS, as_vector, counts_of, inventory, list_memories, open_memory, readable_inventory
from billp.memory.inventory import folder_of
from billp.memory.store import connection
from billp.memory.store.chroma import ChromaStore
from billp.memory.store.collection import Collection
from billp.memory.store.connection import open_folder
from billp.memory.store.folder import FILE
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


def test_a_damaged_memory_stands_in_no_other_ones_way(settings: Settings, embedder: HashEmbedder):
    for name in ("mine", "bad"):
        with open_memory(settings, "tiny", name, embedder) as agent_memory:
            agent_memory.actor.write([examples.actor(1, 1)])
    (folder_of(settings, "tiny", "bad") / FILE).write_bytes(b"nonsense" * 1000)
    assert counts_of(settings, "tiny", "mine")["actor"] == 1
    for ask in (lambda: counts_of(settings, "tiny", "bad"), lambda: inventory(settings)):
        with pytest.raises(MemoryStoreError, match=r"bad-.*cannot be read"):
            ask()
    held, (damaged,) = readable_inventory(settings)
    assert (list(held["tiny"]), "bad-" in str(damaged)) == (["mine"], True)
    with pytest.raises(MissingMemoryError, match="mine"):
        counts_of(settings, "tiny", "min")


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


def flipped(content: bytes) -> bytes:
    return content[:4096] + b"".join(b"\xff" + content[at + 1 : at + 97] for at in range(4096, len(content), 97))


def misspelt(content: bytes) -> bytes:
    """The database then complains in words that are not UTF-8."""
    return content.replace(b"CREATE TABLE", b"CREATE \xffABLE")


def spoilt(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"\xff" * 4096 + content[len(content) // 2 + 4096 :]


def shortened(content: bytes) -> bytes:
    return content[: min(len(content) // 2, 10_000)]


def overwritten(content: bytes) -> bytes:
    return b"\xff" * 100 + content[100:]


def emptied(_: bytes) -> bytes:
    return b""


DAMAGES = {
    "chroma.sqlite3": (emptied, overwritten, shortened, flipped, misspelt),
    "*/data_level0.bin": (overwritten, shortened, spoilt),
    "*/header.bin": (overwritten, shortened, spoilt),
    "*/length.bin": (shortened, spoilt),  # Chroma does not read its first bytes
    "*/link_lists.bin": (overwritten, shortened, spoilt),
}


def test_a_damaged_memory_is_refused_by_name(settings: Settings, embedder: HashEmbedder):
    with open_memory(settings, "tiny", "mine", embedder) as agent_memory:  # so many that Chroma stores its index
        agent_memory.actor.write([examples.actor(row, 1) for row in range(1200)])
    (folder,) = (database.parent for database in (settings.data / "memory").glob("*/chroma.sqlite3"))
    for name, damages in DAMAGES.items():
        (path,) = folder.glob(name)
        sound = path.read_bytes()
        for damage in damages:
            path.write_bytes(damage(sound))
            for reading in (True, False):
                with pytest.raises(
                    MemoryStoreError, match=r"cannot be read \(.*" + ("" if name[0] == "c" else "index")
                ):
                    open_memory(settings, "tiny", "mine", embedder, reading=reading)
            if path.suffix == ".sqlite3":
                with pytest.raises(MemoryStoreError, match="cannot be read"):
                    inventory(settings)
        path.write_bytes(sound)
    with open_memory(settings, "tiny", "mine", embedder) as agent_memory:
        assert agent_memory.stats().counts["actor"] == 1200
    database = folder / "chroma.sqlite3"
    database.unlink()
    database.mkdir()
    with pytest.raises(MemoryStoreError, match="cannot be read"):
        open_memory(settings, "tiny", "mine", embedder, reading=True)


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
