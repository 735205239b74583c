"""Memory as a LangChain retriever, so that callbacks and traces show what was searched for and found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, get_async_callback_manager_for_config
from pydantic import PrivateAttr

from billp.memory.embedding import Embedder
from billp.memory.records import Learned, Vector
from billp.memory.store.protocol import Match

T = TypeVar("T", bound=Learned)
Search = Callable[..., list[Match[T]]]
"""`similar` of one of an agent's memories: a vector (d,), how many, and for experiences the largest distance."""


class Remembered(Document):
    """A found record as LangChain's document: its text, id, distance and fields."""

    _match: Any = PrivateAttr(None)

    @classmethod
    def of(cls, match: Match[T]) -> Remembered:
        """Makes the document of `match`."""
        learned = match.record
        document = cls(
            page_content=learned.text, id=learned.id, metadata={**learned.stored, "distance": match.distance}
        )
        document._match = match
        return document


class MemoryRetriever(BaseRetriever):
    """Finds records of states similar to `vector` (d,), or to a query if there is no vector."""

    search: Any
    """A `Search`."""
    embedder: Any
    """An `Embedder`."""
    k: int
    max_distance: float | None = None
    vector: Any = None
    at_hand: bool = False
    """Whether the event loop can wait for a search; handing it to a thread costs more than a search in arrays."""

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        if not self.at_hand:
            return await super()._aget_relevant_documents(query, run_manager=run_manager)
        return self._get_relevant_documents(query, run_manager=run_manager.get_sync())

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        wanted = self.embedder.embed([query])[0] if self.vector is None else self.vector
        return [Remembered.of(match) for match in _found(self.search, wanted, self.k, self.max_distance)]


async def similar_states(
    search: Search[T],
    embedder: Embedder,
    *,
    name: str,
    words: str,
    vector: Vector,
    k: int,
    max_distance: float | None = None,
    at_hand: bool = False,
    callbacks: Callbacks = None,
) -> list[Match[T]]:
    """Finds at most `k` matches, nearest first, by a retriever whose run is called `name`.

    `vector` (d,) is the query, and `words` is its text for people. `at_hand` says that the event loop can wait for
    `search` (`VectorStore.at_hand`). Where no callback listens there is no run, and no documents are made for it.
    """
    config = RunnableConfig(run_name=name, tags=[name])
    if callbacks is not None:  # otherwise LangChain takes those of the current run
        config["callbacks"] = callbacks
    if not get_async_callback_manager_for_config(ensure_config(config)).handlers:
        if at_hand:
            return _found(search, vector, k, max_distance)
        return await asyncio.to_thread(_found, search, vector, k, max_distance)
    retriever = MemoryRetriever(
        search=search, embedder=embedder, k=k, max_distance=max_distance, vector=vector, at_hand=at_hand
    )
    found = await retriever.ainvoke(words, config)
    return [document._match for document in found if isinstance(document, Remembered)]


def _found(search: Search[T], vector: Vector, k: int, max_distance: float | None) -> list[Match[T]]:
    return search(vector, k, **({} if max_distance is None else {"max_distance": max_distance}))
