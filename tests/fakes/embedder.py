"""Embedders without a model: texts that share words lie close together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from billp.memory import SentenceEmbedder, Vector


class SpreadEmbedder:
    """Each word points its own way in 32 dimensions, so that no two texts lie equally far from a third.

    All sums are of small whole numbers: any processor gets the same vectors, up to the last division.
    """

    dimension = 32
    name = "spread"

    def embed(self, texts: Sequence[str]) -> Vector:
        """float32 of shape (n, 32), unit rows."""
        rows = np.ones((len(texts), self.dimension))
        for number, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                rows[number] += np.frombuffer(
                    hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest(), dtype=np.int8
                )
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


class HashEmbedder:
    """Each word adds 1 to the number its hash picks; rows are then scaled to unit length.

    A text without words gets the first axis. `calls` holds the texts of every call, `name` can be chosen.
    """

    def __init__(self, dimension: int = 32, name: str = "hash") -> None:
        self.dimension = dimension
        self.name = name
        self.calls: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Vector:
        """float32 of shape (n, dimension), unit rows."""
        self.calls.append(list(texts))
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
                vectors[i, int.from_bytes(digest[:8], "big") % self.dimension] += 1
            if not vectors[i].any():
                vectors[i, 0] = 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def hash_everywhere(put: Callable[[object, str, object], None] = setattr) -> None:
    """Makes every SentenceEmbedder hash words, wherever one is made; `put` may be that of monkeypatch."""
    put(SentenceEmbedder, "name", "hash")
    put(SentenceEmbedder, "dimension", 32)
    put(SentenceEmbedder, "load", lambda _: None)
    put(SentenceEmbedder, "embed", lambda _, texts: HashEmbedder().embed(texts))
