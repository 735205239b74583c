"""The longest time that one callback holds the event loop, in milliseconds of CPU, with a catalogue of Steam's size.

    python -m benchmarks.event_loop

Needs no data: 190,365 items with random vectors and categories, users of made-up worlds, a model that answers at once.
For each method an episode that warms up and one that is measured; the CPU of a step is that of all threads.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.simulator import made_up_worlds
from billp.catalogue import Catalogue, Item
from billp.graphs.beliefs import BeliefModel
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.graphs.users import SimulatedUsers
from billp.memory import KINDS, AgentMemory, Vector
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.store import InMemoryStore
from tests.fakes.worlds import tiny_dataset

_ITEMS, _USERS, _CATEGORIES, _DIMENSION, _HORIZON = 190_365, 6_012, 200, 384, 10
_METHODS = ("oracle", "billp", "billp-memory-only", "act-only", "popular", "random", "shortlist-random")


class Embedder:
    """Any vector for any text."""

    name, dimension = "made-up", _DIMENSION

    def __init__(self, vectors: Vector) -> None:
        self._vectors = vectors

    def embed(self, texts: Sequence[str]) -> Vector:
        """The first vectors."""
        return self._vectors[: len(texts)]


class Held:
    """How long each callback held the event loop, in seconds of the CPU of its thread."""

    def __init__(self) -> None:
        self.longest = 0.0
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            run(handle)
            self.longest = max(self.longest, time.thread_time() - began)

        asyncio.Handle._run = timed  # type: ignore[assignment]


def made_up_services() -> Dependencies:
    """Dependencies on made-up data of that size."""
    rng = np.random.default_rng(0)
    names = [f"Category {number}" for number in range(_CATEGORIES)]
    categories = rng.integers(_CATEGORIES, size=(_ITEMS, 2)).tolist()
    items = (
        Item(index, f"i{index}", f"Game {index}", tuple({names[first], names[second]}), 1990 + index % 30)
        for index, (first, second) in enumerate(categories)
    )
    rows = np.repeat(np.arange(_USERS, dtype=np.int32), 30)
    dataset = replace(
        tiny_dataset(),
        catalogue=Catalogue("made-up", tuple(items)),
        user_keys=tuple(f"u{user}" for user in range(_USERS)),
        users=rows,
        items=rng.integers(_ITEMS, size=len(rows)).astype(np.int32),
        ratings=rng.integers(1, 6, len(rows)).astype(np.float32),
        timestamps=np.arange(len(rows)),
    )
    worlds = made_up_worlds(_USERS, _ITEMS, 64, _CATEGORIES).cut_off(_HORIZON)
    vectors = rng.standard_normal((_ITEMS, _DIMENSION), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    embedder = Embedder(vectors)
    memory = AgentMemory(
        {kind: InMemoryStore(_DIMENSION) for kind in KINDS},
        embedder, dataset="made-up", name="empty", where="nowhere", close=lambda: None,
    )  # fmt: skip
    deps = fake_dependencies()
    return replace(
        deps,
        dataset=dataset,
        worlds=worlds,
        users=SimulatedUsers(dataset, worlds),
        vectors=vectors,
        embedder=embedder,
        popularity=dataset.popularity(worlds.train.users),
        belief_model=BeliefModel(deps.settings, dataset, worlds, vectors),
        memory=memory,
    )


async def measure(deps: Dependencies, method: str, held: Held) -> dict[str, float]:
    """One method's figures."""
    graph = build_episode_graph(fixed_dependencies(deps), _HORIZON)
    figures: dict[str, float] = {}
    for user in ("u0", "u1"):
        held.longest, began = 0.0, time.process_time()
        context = EpisodeContext(method=method, run="r")
        done = output_of(await graph.ainvoke(EpisodeInput(user=user, episode=user), context=context))
        figures = {
            "steps": done["length"],
            "longest_on_the_loop_ms": round(1000 * held.longest, 1),
            "cpu_ms_a_step": round(1000 * (time.process_time() - began) / done["length"], 1),
        }
    return figures


def main() -> None:
    """Prints a JSON object a line."""
    deps, held = made_up_services(), Held()
    actor = deps.settings.actor.model_copy(update={"mode": "free"})
    free = replace(deps, settings=deps.settings.model_copy(update={"actor": actor}))
    for name, method, given in [*((name, name, deps) for name in _METHODS), ("act-only, words", "act-only", free)]:
        figures = asyncio.run(measure(given, method, held))
        sys.stdout.write(json.dumps({"method": name} | figures) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
