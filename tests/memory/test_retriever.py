"""Memory as a LangChain retriever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.documents import Document

from billp.memory import ActorExperience, AgentMemory, Origin, Vector
from billp.memory.retriever import MemoryRetriever, Remembered, similar_states
from tests.fakes.store import fake_memory


def _filled() -> tuple[AgentMemory, Vector]:
    """A memory of two experiences, and their vectors."""
    agent_memory = fake_memory()
    vectors = agent_memory.embedder.embed(["westerns", "comedies"])
    agent_memory.actor.write(
        [
            ActorExperience(
                f"state {n}", vector, Origin("r", "e", "u", n, 0), n, f"Film {n}", 1.0, True, 4.0, "first", (), False
            )
            for n, vector in enumerate(vectors)
        ]
    )
    return agent_memory, vectors


async def test_what_is_found_is_what_memory_finds_and_shows_as_documents():
    agent_memory, vectors = _filled()
    expected = agent_memory.actor.similar(vectors[0], 2, 9.0)
    found = await similar_states(
        agent_memory.actor.similar,
        agent_memory.embedder,
        name="experiences",
        words="x",
        vector=vectors[0],
        k=2,
        max_distance=9.0,
    )
    assert [(match.record.id, match.distance) for match in found] == [(m.record.id, m.distance) for m in expected]
    retriever = MemoryRetriever(search=agent_memory.actor.similar, embedder=agent_memory.embedder, k=1)
    for (document,) in (await retriever.ainvoke("westerns"), retriever.invoke("westerns")):
        assert (document.id, document.page_content) == (expected[0].record.id, "state 0")
        assert (document.metadata["item_title"], document.metadata["distance"]) == ("Film 0", expected[0].distance)


@pytest.mark.parametrize("at_hand", [True, False])
async def test_documents_are_made_for_those_who_listen_alone(at_hand: bool, monkeypatch: pytest.MonkeyPatch):
    agent_memory, vectors = _filled()
    made, seen = list[str](), list[tuple[str, list[str]]]()
    make = Remembered.of

    def noted(match):
        made.append(match.record.id)
        return make(match)

    class Listener(AsyncCallbackHandler):
        async def on_retriever_start(self, serialized: dict[str, Any], query: str, **told: Any) -> None:
            seen.append((told["name"], [query]))

        async def on_retriever_end(self, documents: Sequence[Document], **_: Any) -> None:
            seen[-1][1].extend(document.page_content for document in documents)

    monkeypatch.setattr(Remembered, "of", noted)
    search = {"name": "experiences", "words": "x", "vector": vectors[1], "k": 1, "at_hand": at_hand}
    alone = await similar_states(agent_memory.actor.similar, agent_memory.embedder, **search)
    assert (len(alone), made, seen) == (1, [], [])
    heard = await similar_states(agent_memory.actor.similar, agent_memory.embedder, **search, callbacks=[Listener()])
    assert heard == alone
    assert seen == [("experiences", ["x", "state 1"])]
