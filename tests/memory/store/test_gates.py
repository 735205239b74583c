"""Chroma and our own SQLite use a database at different times."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from billp.memory import counts_of, open_memory
from billp.memory.erasing import erase_records
from billp.memory.store.gates import Gate, gate_of
from billp.settings import load_settings
from tests.fakes.embedder import HashEmbedder
from tests.memory import examples


def test_calls_pass_together_and_a_use_alone_waits_and_is_not_starved():
    gate, inside, seen = Gate(), [0, 0], []

    def call(_: int) -> None:
        for _ in range(50):
            with gate.shared():
                inside[0] += 1
                seen.append((inside[0] > 0, inside[1]))
                with gate.shared():  # part of a call
                    time.sleep(0.0002)
                inside[0] -= 1

    def use(_: int) -> None:
        for _ in range(20):
            with gate.alone():
                inside[1] += 1
                seen.append((inside[0] == 0, inside[1] - 1))
                time.sleep(0.0002)
                inside[1] -= 1

    with ThreadPoolExecutor(6) as pool:
        for work in [pool.submit(call, n) for n in range(4)] + [pool.submit(use, n) for n in range(2)]:
            work.result(30)
    assert set(seen) == {(True, 0)}


def test_a_folder_has_one_gate_whatever_leads_to_it(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert gate_of(tmp_path / "a") is gate_of(tmp_path / "b") is not gate_of(tmp_path)


def test_a_memory_is_searched_while_it_is_erased_counted_and_copied_in_the_same_process(tmp_path: Path):
    settings, embedder, over = load_settings({"data_dir": str(tmp_path)}), HashEmbedder(), threading.Event()
    with open_memory(settings, "tiny", "m", embedder) as agent_memory:
        agent_memory.actor.write([examples.actor(step, step) for step in range(60)])

        def search() -> int:
            found = 0
            while not over.is_set():
                found += len(agent_memory.search("actor", "Film 1", 3))
                agent_memory.records("actor", 5)
            return found

        with ThreadPoolExecutor(3) as pool:
            searches = [pool.submit(search) for _ in range(3)]
            try:
                for round_ in range(6):
                    erase_records(settings, agent_memory, [agent_memory.records("actor", 1)[0].id])
                    assert counts_of(settings, "tiny", "m")["actor"] == 59 - round_
                    with open_memory(settings, "tiny", "m", embedder, reading=True) as copy:
                        assert copy.stats().counts["actor"] == 59 - round_
            finally:
                over.set()
            assert all(each.result(30) for each in searches)
