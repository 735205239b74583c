"""The Actor's tools over catalogue and memory, as LangChain tools: code calls them, and each call is a visible run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForToolRun
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from billp.agents.grounding import nearest_item
from billp.graphs.dependencies import Dependencies, embed_text
from billp.memory import ActorExperience, Match, Vector
from billp.memory.retriever import similar_states


class _Search(BaseModel):
    words: str = Field(description="What to look for, in any words")
    hidden: list[int] = Field([], description="Catalogue indices that may not be found")


class _Recall(BaseModel):
    words: str = Field(description="Titles that the user met last")


class SearchCatalogue(BaseTool):
    """Finds the catalogue item nearest to some words."""

    name: str = "search_catalogue"
    description: str = "Finds the catalogue item whose title, categories and year are nearest to the words."
    args_schema: Any = _Search
    deps: Any

    def _run(self, words: str, hidden: Sequence[int] = ()) -> dict[str, Any]:
        return self._found(self.deps.embedder.embed([words])[0], hidden)

    async def _arun(self, words: str, hidden: Sequence[int] = ()) -> dict[str, Any]:
        return await asyncio.to_thread(self._run, words, hidden)

    def _found(self, vector: Vector, hidden: Sequence[int]) -> dict[str, Any]:
        item = self.deps.catalogue[nearest_item(self.deps.vectors, vector, set(hidden))]
        return {"item": item.index, "title": item.title, "categories": list(item.categories), "year": item.year}


class RecallExperience(BaseTool):
    """Finds what went well or badly in similar states."""

    name: str = "recall_experience"
    description: str = "Finds recommendations that went well or badly for users in a similar state."
    args_schema: Any = _Recall
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    deps: Any
    vector: Any = None
    """(d,) of the state; where there is none the words are embedded."""

    def _run(self, words: str) -> tuple[str, list[Match[ActorExperience]]]:
        return asyncio.run(self._recalled(words, None))

    async def _arun(
        self, words: str, run_manager: AsyncCallbackManagerForToolRun | None = None
    ) -> tuple[str, list[Match[ActorExperience]]]:
        return await self._recalled(words, run_manager)

    async def _recalled(
        self, words: str, run_manager: AsyncCallbackManagerForToolRun | None
    ) -> tuple[str, list[Match[ActorExperience]]]:
        deps, limits = self.deps, self.deps.settings.memory
        vector = await embed_text(deps.embedder, words) if self.vector is None else self.vector
        found = await similar_states(
            deps.memory.actor.similar,
            deps.embedder,
            name="experiences",
            words=words,
            vector=vector,
            k=limits.experiences,
            max_distance=limits.actor_distance,
            at_hand=deps.memory.actor.store.at_hand,
            callbacks=run_manager.get_child() if run_manager else None,
        )
        lines = [f"{'well' if match.record.encouraged else 'badly'}: {match.record.item_title}" for match in found]
        return "\n".join(lines), found


async def recall_experience(deps: Dependencies, words: str, vector: Vector) -> list[Match[ActorExperience]]:
    """Returns what went well or badly in states like `vector`, which `words` describe, nearest first."""
    call = {"name": "recall_experience", "args": {"words": words}, "id": "recall", "type": "tool_call"}
    message = await RecallExperience(deps=deps, vector=vector).ainvoke(call)
    found: list[Match[ActorExperience]] = message.artifact
    return found


async def search_catalogue(deps: Dependencies, words: str, hidden: set[int]) -> int:
    """Returns the index of the item nearest to `words`, none of `hidden`; raises EpisodeError if all are."""
    found = await SearchCatalogue(deps=deps).ainvoke({"words": words, "hidden": sorted(hidden)})
    return int(found["item"])
