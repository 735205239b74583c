"""What was forgotten for good is in no file, and what was not is as it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from billp.errors import MemoryStoreError, MissingMemoryError
from billp.memory import AgentMemory, Origin, Reflection, counts_of, inventory, open_memory
from billp.memory.erasing import erase_kind, erase_memory, erase_user
from billp.memory.inventory import check_memory, folder_of
from billp.memory.store.folder import FILE, FolderLock
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


def test_a_memory_that_another_process_has_open_is_not_erased(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada", "live-x", 3)
    lock = FolderLock(folder_of(settings, "tiny", "m"))
    with pytest.raises(MemoryStoreError, match="in use by process"):
        erase_memory(settings, "tiny", "m")
    lock.release()
    assert counts_of(settings, "tiny", "m")["reflections"] == 3


def test_a_memory_that_this_process_has_open_is_emptied_and_goes_on(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada-Lovelace", "live-x", 3)
        erase_memory(settings, "tiny", "m")
        assert holding(tmp_path, "what Ada-Lovelace") == []
        agent_memory.refresh()
        taught(agent_memory, "Bob", "live-x", 2)
    assert counts_of(settings, "tiny", "m")["reflections"] == 2


def test_one_kind_is_erased_with_its_index(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada-Lovelace", "live-x", 30)
        assert len(agent_memory.search("reflections", "Ada", 1)) == 1
        erase_kind(settings, agent_memory, "reflections")
        assert holding(tmp_path, "what Ada-Lovelace") == []
    assert list(folder_of(settings, "tiny", "m").glob("*/")) == []


def test_a_memory_of_an_earlier_version_is_erased_from_the_folder_that_it_shares(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada-Lovelace", "live-x", 30)
    own = folder_of(settings, "tiny", "m")
    for path in list(own.iterdir()):
        path.rename(own.parent / path.name)
    own.rmdir()
    erase_memory(settings, "tiny", "m")
    assert (inventory(settings), holding(tmp_path, "what Ada-Lovelace")) == ({}, [])


def test_copies_that_killed_readers_left_are_erased_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    settings = load_settings({"data_dir": str(tmp_path / "data")})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada-Lovelace", "live-x", 3)
        file = folder_of(settings, "tiny", "m") / FILE
        for place in (file.parent.parent, elsewhere):
            left = place / ".reading.billp-killed"
            left.mkdir()
            (left / ".busy").touch()
            shutil.copy(file, left / FILE)
        assert len(holding(tmp_path, "what Ada-Lovelace")) == 3
        assert erase_user(settings, agent_memory, "Ada-Lovelace") == 3
    assert holding(tmp_path, "what Ada-Lovelace") == []


def test_an_erasing_that_was_broken_off_is_completed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from billp.memory import erasing

    monkeypatch.setattr(erasing, "_WAIT_S", 0.1)
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada-Lovelace", "live-x", 3)
        taught(agent_memory, "Bob", "live-x", 3)
        busy = sqlite3.connect(next(tmp_path.rglob(FILE)), isolation_level=None)
        with monkeypatch.context() as patch:
            patch.setattr(AgentMemory, "forget", forgotten_then(lambda: busy.execute("BEGIN IMMEDIATE")))
            with pytest.raises(MemoryStoreError, match="still hold what was deleted"):
                erase_user(settings, agent_memory, "Ada-Lovelace")
        busy.close()
        assert holding(tmp_path, "what Ada-Lovelace") != []
        assert erase_user(settings, agent_memory, "Ada-Lovelace") == 0
        assert holding(tmp_path, "what Ada-Lovelace") == []
    assert counts_of(settings, "tiny", "m")["reflections"] == 3


def forgotten_then(act: Callable[[], object]) -> Callable[[AgentMemory, Sequence[str]], None]:
    forget = AgentMemory.forget

    def both(agent_memory: AgentMemory, ids: Sequence[str]) -> None:
        forget(agent_memory, ids)
        act()

    return both


def test_a_damaged_memory_is_there_to_be_erased(tmp_path: Path):
    settings = load_settings({"data_dir": str(tmp_path)})
    with open_memory(settings, "tiny", "m", EMBEDDER) as agent_memory:
        taught(agent_memory, "Ada", "live-x", 3)
    (folder_of(settings, "tiny", "m") / FILE).write_bytes(b"nonsense" * 1000)
    check_memory(settings, "tiny", "m")
    erase_memory(settings, "tiny", "m")
    assert list((tmp_path / "memory").iterdir()) == []
    with pytest.raises(MissingMemoryError):
        check_memory(settings, "tiny", "m")
