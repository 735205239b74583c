"""What was forgotten for good is in no file, and what was not is as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from billp.errors import MemoryStoreError
from billp.memory import AgentMemory, Origin, Reflection, inventory, open_memory
from billp.memory.erasing import erase_memory, erase_user
from billp.memory.inventory import folder_of
from billp.settings import load_settings
from tests.fakes.embedder import HashEmbedder

EMBEDDER = HashEmbedder()


def taught(agent_memory: AgentMemory, user: str, run: str, count: int) -> None:
    """Reflections that name their user in their words, too."""
    agent_memory.reflections.write(
        [
            Reflection(
                text=f"what {user} likes, {number}", vector=EMBEDDER.embed([f"{user} {number}"])[0], ended="left",
                length=1, reward=1.0, ordinal=number, evidence="{}",
                origin=Origin(run, f"{run} {user[::-1]} {number}", user, -1, 0),
            )
            for number in range(count)
        ]
    )  # fmt: skip


def holding(folder: Path, words: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


def test_a_user_is_erased_and_the_others_are_found_as_before(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada-Lovelace", "live-x", 30)
        taught(agent_memory, "Bob", "live-x", 20)
        taught(agent_memory, "Ada-Lovelace", "trained", 2)
        assert erase_user(settings, agent_memory, "Ada-Lovelace", runs="live-") == 30
        assert {
            record.origin.run for record in agent_memory.records("reflections", 99) if record.origin.user != "Bob"
        } == {"trained"}
        assert erase_user(settings, agent_memory, "Ada-Lovelace") == 2
        assert erase_user(settings, agent_memory, "Ada-Lovelace") == 0
        assert holding(tmp_path, "what Ada-Lovelace") == []
        taught(agent_memory, "Cyd", "live-x", 3)
        before = [match.record for match in agent_memory.reflections.similar(EMBEDDER.embed(["Bob 3"])[0], 99)]
        assert len(before) == 23
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        assert [match.record for match in agent_memory.reflections.similar(EMBEDDER.embed(["Bob 3"])[0], 99)] == before


def test_a_whole_memory_is_erased_with_its_folder(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    for name in ("live/Ada", "other"):
        with open_memory(settings, "tiny", name, EMBEDDER) as agent_memory:
            taught(agent_memory, "Ada-Lovelace" if name == "live/Ada" else "Bob", "live-x", 3)
    erase_memory(settings, "tiny", "live/Ada")
    erase_memory(settings, "tiny", "live/Ada")
    assert inventory(settings) == {"tiny": {"other": {"reflections": 3}}}
    assert len(list((tmp_path / "memory").iterdir())) == 1


def test_what_a_kill_left_of_a_removal_is_no_memory_and_goes_with_the_next(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada", "live-x", 3)
    folder = folder_of(settings, "tiny", "m")
    folder.rename(folder.with_name(f".{folder.name}.removed"))
    assert inventory(settings) == {}
    erase_memory(settings, "tiny", "m")
    assert holding(tmp_path, "what Ada") == []


def test_a_memory_that_is_open_is_not_erased(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada", "live-x", 3)
        with pytest.raises(MemoryStoreError, match="in use by process"):
            erase_memory(settings, "tiny", "m")
        assert agent_memory.stats().counts["reflections"] == 3


def test_a_database_that_is_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from billp.memory import erasing

    monkeypatch.setattr(erasing, "_WAIT_S", 0.1)
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada", "live-x", 1)
        ids = agent_memory.ids_of("Ada")
        agent_memory.forget(ids)
        file = next(tmp_path.rglob("chroma.sqlite3"))
        busy = sqlite3.connect(file, isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryStoreError, match="still hold what was deleted"):
            erasing._blank(file, ids)
        busy.close()
        erasing._blank(file, ids)
