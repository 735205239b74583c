"""The vectors of a catalogue's items, computed once and stored on disk."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from billp.catalogue import Catalogue
from billp.errors import ArtifactError
from billp.memory.embedding import Embedder
from billp.memory.records import Vector
from billp.whole_files import check_room, open_plain, replacing

log = logging.getLogger(__name__)
BATCH = 256


def catalogue_vectors(
    catalogue: Catalogue,
    embedder: Embedder,
    folder: Path,
    progress: Callable[[float], None] | None = None,
) -> Vector:
    """Returns the unit vector of every item's text: float32 of shape (items, dimension), in catalogue order.

    They are stored as npz under `folder`, named by a hash of the texts and the embedder, so a changed catalogue is
    embedded again; a damaged file is replaced. `progress` gets the share that is done, 0 to 1.
    Raises ArtifactError if `folder` cannot be written.
    """
    texts = [item.text for item in catalogue]
    path = folder / f"items-{_digest(texts, embedder)}.npz"
    report = progress or _silent
    vectors = _read(path, (len(texts), embedder.dimension))
    if vectors is None:
        log.info("embedding %s items, once", f"{len(texts):,}")
        vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
        with _written(path) as file:
            for start in range(0, len(texts), BATCH):
                report(start / len(texts))
                vectors[start : start + BATCH] = embedder.embed(texts[start : start + BATCH])
            np.savez(file, vectors=vectors)
    report(1.0)
    return vectors


def _silent(share: float) -> None:
    """Ignores progress."""


def _digest(texts: Sequence[str], embedder: Embedder) -> str:
    digest = hashlib.sha256(f"{embedder.name}\0{embedder.dimension}\0".encode())
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]


def _read(path: Path, shape: tuple[int, int]) -> Vector | None:
    """Returns the stored vectors, or None if they are missing or damaged."""
    try:
        # Opened here, since numpy would leave a damaged file open.
        with open_plain(path) as file, np.load(file, allow_pickle=False) as stored:
            vectors = stored["vectors"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if vectors.shape != shape or vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        return None
    return np.asarray(vectors, dtype=np.float32)


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that replaces `path` when it is whole, so a kill leaves no half file, and two may write at once.

    A full disk is refused before the work.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_room(path.parent)
        with replacing(path) as (partial,), partial.open("wb") as file:
            yield file
    except OSError as error:
        raise ArtifactError(f"Item vectors cannot be written to {path.parent} ({error}); mend that.") from error
