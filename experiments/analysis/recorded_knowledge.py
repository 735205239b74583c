"""Records the LLM's answers about items that a run began with, and restores them when it goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from billp.errors import ArtifactError
from billp.graphs.dependencies import Dependencies
from billp.memory import Answers, Knowledge, KnowledgeFile

log = logging.getLogger(__name__)
_KNOWLEDGE = "knowledge"


def knowledge_noted(knowledge: Knowledge | None) -> dict[str, Any]:
    """Returns what a run's record says of the answers; empty if no LLM was asked for any."""
    if knowledge is None or not knowledge.name:
        return {}
    return {
        _KNOWLEDGE: {
            "file": knowledge.name,
            "answers": knowledge.answers,
            "sha256": knowledge.digest,
            "items": knowledge.asked,
        }
    }


def as_begun(deps: Dependencies, answers: Answers, surroundings: Mapping[str, Any]) -> Dependencies:
    """Returns `deps` with the knowledge that the run with these `surroundings` began with.

    It is taken from the present `answers`. A run of an earlier version had no knowledge. Raises ArtifactError if the
    answers have changed.
    """
    noted = surroundings.get(_KNOWLEDGE, {})
    if deps.belief_model.knowledge.answers and not noted:
        log.warning("This run began without what the LLM says of items, and goes on without it.")
    if noted and noted["file"] != answers.name:
        raise ArtifactError(
            f"The run began with the answers about items in {noted['file']}, not in {answers.name}; ask the same model."
        )
    knowledge = answers.first(int(noted.get("answers", 0))).of(deps.catalogue)
    if noted and knowledge.digest != noted["sha256"]:
        raise ArtifactError(
            f"The first {noted['answers']} answers in {answers.name} are not those that the run began with; restore "
            "the file, or choose another --run."
        )
    return replace(deps, belief_model=deps.belief_model.knowing(knowledge))


def as_recorded(deps: Dependencies, surroundings: Mapping[str, Any]) -> Dependencies:
    """Returns the same for explaining what the run did: no model is asked which answers are its own."""
    noted = surroundings.get(_KNOWLEDGE)
    if not noted:
        return deps
    file = KnowledgeFile(deps.settings.data / "knowledge" / f"{Path(noted['file']).name}.jsonl")
    return as_begun(deps, file.read(), surroundings)
