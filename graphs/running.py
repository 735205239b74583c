"""Around a run of episodes: what is done before the first one, and each one's full context and trace."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TypeVar

from langchain_core.runnables import RunnableConfig
from threadpoolctl import threadpool_limits

from billp.graphs.dependencies import Dependencies
from billp.graphs.state import EpisodeContext

AnyContext = TypeVar("AnyContext", bound=EpisodeContext)
_NEW_OBJECTS = 10_000
_TRACED = ("method", "split", "seed", "run", "learn", "dataset", "memory", "prompts")


def settle() -> None:
    """Prepares this process for many episodes side by side, once: call it when data and models are open.

    All present objects are excluded from garbage collection: they and the libraries are some 600,000 objects, and each
    full collection would look at all of them. New objects are looked at after 10,000 more, not after 700: a batch under
    way holds thousands, and would be looked at again and again. NumPy's products take one thread each: episodes
    multiply small matrices in several threads at once, and BLAS would spend more on sharing them among its own threads
    than on multiplying.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
        gc.set_threshold(_NEW_OBJECTS)
        threadpool_limits(1, user_api="blas")


def in_full(context: AnyContext, deps: Dependencies) -> AnyContext:
    """Returns `context` with the names of dataset, memory and prompt pack of `deps`; empty if `deps` lack one."""
    return replace(
        context,
        dataset=deps.dataset.name,
        memory="" if deps.memory is None else deps.memory.name,
        prompts="" if deps.roles is None else str(deps.pack.folder),
    )


def traced(context: EpisodeContext) -> RunnableConfig:
    """Returns the graph's config that makes a trace say what the episode was run with."""
    return {
        "run_name": f"{context.method} episode",
        "metadata": {name: getattr(context, name) for name in _TRACED},
    }
