"""What whoever runs episodes does around the graph: before the first one, and with each one's context and trace."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TypeVar

from langchain_core.runnables import RunnableConfig

from billp.graphs.dependencies import Dependencies
from billp.graphs.state import EpisodeContext

AnyContext = TypeVar("AnyContext", bound=EpisodeContext)
_TRACED = ("method", "split", "seed", "run", "learn", "dataset", "memory", "prompts")


def settle() -> None:
    """Tells Python's garbage collector, once in a process, that what is open by now stays open.

    Call it when all is open, before the first episode. Data, models and libraries are some 600,000 objects, and
    without this each full collection looks at all of them.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def in_full(context: AnyContext, deps: Dependencies) -> AnyContext:
    """`context` with the dataset, the memory and the prompt pack that `deps` hold; empty for what they lack."""
    return replace(
        context,
        dataset=deps.dataset.name,
        memory="" if deps.memory is None else deps.memory.name,
        prompts="" if deps.roles is None else str(deps.pack.folder),
    )


def traced(context: EpisodeContext) -> RunnableConfig:
    """The part of a graph's config by which a trace tells what the episode was run with."""
    return {
        "run_name": f"{context.method} episode",
        "metadata": {name: getattr(context, name) for name in _TRACED},
    }
