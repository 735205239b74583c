"""What resources opens first, so that who must wait for another process learns it at once."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import billp.graphs.resources
from billp.errors import DataError, MemoryStoreError
from billp.graphs.resources import Resources
from billp.graphs.running import settle
from billp.memory import Vector
from billp.memory.inventory import folder_of
from billp.memory.store.folder import FolderLock
from billp.settings import Settings, load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder


class Untouched(HashEmbedder):
    """An embedder that nobody may ask for a vector."""

    def embed(self, texts: Sequence[str]) -> Vector:
        raise AssertionError("the embedder was loaded")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The data folder, with the tiny dataset and its simulator."""
    data = Path(os.environ["BILLP_DATA_DIR"])
    put_tiny(data, tmp_path / "source")
    return data


async def test_a_taken_memory_is_told_before_embedder_and_llm_are_started(tiny: Path, monkeypatch: pytest.MonkeyPatch):
    def started(_: Settings) -> None:
        raise AssertionError("the LLM was started")

    monkeypatch.setattr(billp.graphs.resources, "start", started)
    folder = folder_of(load_settings(), "tiny", "mine")
    folder.mkdir(parents=True)
    lock = FolderLock(folder)
    try:
        async with Resources(load_settings(), embedder=Untouched()) as resources:
            with pytest.raises(MemoryStoreError, match=f"in use by process {os.getpid()}.*BILLP_CHROMA_URL"):
                resources.deps("tiny", memory="mine", llm=True)
    finally:
        lock.release()


async def test_a_dataset_that_is_not_there_opens_no_memory(tiny: Path):
    async with Resources(load_settings(), embedder=Untouched()) as resources:
        with pytest.raises(DataError, match="There is no dataset 'nowhere'"):
            resources.deps("nowhere", memory="mine", llm=True)
    assert not (tiny / "memory").exists()


async def test_the_memory_asked_for_is_the_one_handed_out(tiny: Path):
    async with Resources(load_settings(), embedder=HashEmbedder()) as resources:
        deps = resources.deps("tiny", memory="mine", llm=False)
        assert deps.memory is resources.memory("tiny", "mine")
        assert resources.deps("tiny", memory=None, llm=False).memory is None


async def test_popularity_counts_the_logs_of_train_users_alone(tiny: Path):
    async with Resources(load_settings(), embedder=HashEmbedder()) as resources:
        deps = resources.deps("tiny", memory=None, llm=False)
    rows = np.isin(deps.dataset.users, deps.worlds.train.users)
    assert deps.popularity.tolist() == np.bincount(deps.dataset.items[rows], minlength=60).tolist()
    assert rows.sum() < len(rows)


def test_what_is_open_is_looked_at_no_more_and_that_is_said_once():
    gc.unfreeze()
    kept = [object()]
    settle()
    frozen = gc.get_freeze_count()
    assert frozen > 1000
    assert not any(each is kept for each in gc.get_objects())
    later = [object()]
    settle()
    assert gc.get_freeze_count() <= frozen
    assert any(each is later for each in gc.get_objects()), "what comes later is collected as ever"
    gc.unfreeze()


def test_products_of_numpy_take_one_thread_each_once_episodes_run():
    gc.unfreeze()
    with threadpool_limits(2, user_api="blas"):
        settle()
        blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert blas
    assert set(blas) == {1}
    gc.unfreeze()
