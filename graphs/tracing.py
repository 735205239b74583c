"""What the context and the trace of an episode say that it was run with."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from langchain_core.runnables import RunnableConfig

from billp.graphs.services import Services
from billp.graphs.state import EpisodeContext

AnyContext = TypeVar("AnyContext", bound=EpisodeContext)
_TRACED = ("method", "split", "seed", "run", "learn", "dataset", "memory", "prompts")


def in_full(context: AnyContext, services: Services) -> AnyContext:
    """`context` with the dataset, the memory and the prompt pack that `services` hold; empty for what they lack."""
    return replace(
        context,
        dataset=services.dataset.name,
        memory="" if services.memory is None else services.memory.name,
        prompts="" if services.minds is None else str(services.pack.folder),
    )


def traced(context: EpisodeContext) -> RunnableConfig:
    """The part of a graph's config by which a trace tells what the episode was run with."""
    return {
        "run_name": f"{context.method} episode",
        "metadata": {name: getattr(context, name) for name in _TRACED},
    }
