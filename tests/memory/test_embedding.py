"""Embedders, and the vectors of a catalogue."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from billp.catalogue import Catalogue, Item
from billp.errors import ArtifactError
from billp.memory import SentenceEmbedder, catalogue_vectors
from tests.fakes.embedder import HashEmbedder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue("films", tuple(Item(i, str(i), f"Film {i}", ("Drama",), 1990) for i in range(300)))


def test_every_item_is_embedded_in_catalogue_order(catalogue: Catalogue, tmp_path: Path) -> None:
    embedder = HashEmbedder()
    vectors = catalogue_vectors(catalogue, embedder, tmp_path / "new" / "folder")
    assert vectors.shape == (300, 32)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, embedder.embed([item.text for item in catalogue]))


def test_a_second_time_is_read_from_disk(catalogue: Catalogue, tmp_path: Path) -> None:
    first = catalogue_vectors(catalogue, HashEmbedder(), tmp_path)
    again = HashEmbedder()
    assert np.array_equal(catalogue_vectors(catalogue, again, tmp_path), first)
    assert again.calls == []
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("change", ["embedder", "dimension", "texts"])
def test_a_change_of_texts_or_embedder_is_noticed(catalogue: Catalogue, tmp_path: Path, change: str) -> None:
    catalogue_vectors(catalogue, HashEmbedder(), tmp_path)
    embedder = HashEmbedder(16 if change == "dimension" else 32, "new" if change == "embedder" else "hash")
    if change == "texts":
        catalogue = Catalogue("films", tuple(Item(i, str(i), f"Book {i}") for i in range(300)))
    assert np.array_equal(
        catalogue_vectors(catalogue, embedder, tmp_path), embedder.embed([item.text for item in catalogue])
    )


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "shape", "nan", "pickle"])
def test_a_damaged_file_is_made_again(catalogue: Catalogue, tmp_path: Path, damage: str) -> None:
    good = catalogue_vectors(catalogue, HashEmbedder(), tmp_path)
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    if damage in {"empty", "cut", "noise"}:
        path.write_bytes({"empty": b"", "cut": data[:-50], "noise": data[:400] + b"x" * 40 + data[440:]}[damage])
    else:
        bad = {"shape": good[:5], "nan": good * np.nan, "pickle": np.array([{}, []], dtype=object)}[damage]
        np.savez(path, vectors=bad)
    assert np.array_equal(catalogue_vectors(catalogue, HashEmbedder(), tmp_path), good)
    assert path.read_bytes() == data


def test_a_pipe_in_its_place_is_neither_waited_for_nor_replaced(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue_vectors(catalogue, HashEmbedder(), tmp_path)
    (path,) = tmp_path.iterdir()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ArtifactError, match="no plain file"):
        catalogue_vectors(catalogue, HashEmbedder(), tmp_path)
    assert path.is_fifo()


def test_progress_goes_from_zero_to_one(catalogue: Catalogue, tmp_path: Path) -> None:
    shares: list[float] = []
    catalogue_vectors(catalogue, HashEmbedder(), tmp_path, shares.append)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_a_folder_that_cannot_be_written_is_named(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="file"):
        catalogue_vectors(catalogue, HashEmbedder(), tmp_path / "file")


def test_a_full_disk_is_refused_before_anything_is_embedded(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    embedder = HashEmbedder()
    with pytest.raises(ArtifactError, match="No space left"):
        catalogue_vectors(catalogue, embedder, tmp_path)
    assert embedder.calls == []


def test_an_empty_catalogue_has_no_vectors(tmp_path: Path) -> None:
    assert catalogue_vectors(Catalogue("none", ()), HashEmbedder(), tmp_path).shape == (0, 32)


@pytest.mark.integration
def test_the_sentence_model_puts_similar_texts_together(capfd: pytest.CaptureFixture[str]) -> None:
    embedder = SentenceEmbedder(kept=2)
    texts = ["A war drama set in Vietnam", "A film about soldiers in the Vietnam war", "Recipes for apple cake"]
    vectors = embedder.embed([*texts, texts[0]])
    assert vectors.shape == (4, embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    distances = np.square(vectors[0] - vectors).sum(axis=1)
    assert distances[1] < 1 < distances[2]
    assert distances[3] == 0
    assert np.allclose(embedder.embed(texts), vectors[:3], atol=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dimension)
    assert capfd.readouterr() == ("", "")


@pytest.mark.integration
def test_texts_of_many_lengths_take_no_memory_that_stays() -> None:
    program = """
import os, pathlib
from billp.memory import SentenceEmbedder
embedder = SentenceEmbedder(kept=1)
def megabytes():
    embedder.embed(["war " * 240])
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
before = megabytes()
for length in range(2, 240, 2):
    embedder.embed(["war " * length])
print(megabytes() - before)
"""
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert float(answer.stdout) < 50
