"""Memory as a LangChain retriever."""

from __future__ import annotations

from billp.memory import ActorExperience, Origin
from billp.memory.retriever import MemoryRetriever, similar_states
from tests.fakes.store import fake_memory


async def test_what_is_found_is_what_memory_finds_and_shows_as_documents():
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
