"""What memory costs as it grows: believing anew, weighing the catalogue at a step, the searches, and opening it.

    python -m benchmarks.memory_scale

Prints a Markdown table. Needs no data: experiences have random items (of 20,000), rewards, and states of 384 numbers
around 500 centres, as states share items. Beliefs are measured with up to 1,000,000 experiences. Chroma, in a
folder of its own, is filled step by step and measured at each size up to `--chroma`; what is timed there is one
search for the 8 actor experiences and the 16 critic experiences of a state, as every step makes them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billp.agents.closeness import Closeness
from billp.agents.measures import ByCategories, ByVectors, ByYear, Measure
from billp.catalogue import Catalogue, Item
from billp.graphs.ranking import MemoryRecommender, believe
from billp.memory import ActorExperience, AgentMemory, CriticExperience, Origin, Vector, open_memory
from billp.memory.experiences import Outcome
from billp.memory.item_values import Observed, known_of
from billp.memory.leaving import LONGEST
from billp.settings import Settings

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_ITEMS, _DIMENSION, _CENTRES = 20_000, 384, 500
_CATEGORIES, _LEAVES = 20, 0.05
_ROUNDS, _BATCH = 50, 5_000


class _Embedder:
    """A name and a dimension; nothing here is embedded."""

    name = "made-up"
    dimension = _DIMENSION

    def embed(self, texts: object) -> Vector:
        raise NotImplementedError


def outcomes(count: int, rng: np.random.Generator) -> Iterator[Outcome]:
    """`count` made-up numbers of experiences, in batches so that they need no memory of their own."""
    for start in range(0, count, _BATCH):
        size = min(_BATCH, count - start)
        levels, items = rng.integers(4, size=(size, 3)), rng.integers(_ITEMS, size=size)
        rewards, advantages = rng.uniform(1, 5, size), rng.normal(0, 10, size)
        before, left = rng.integers(_ITEMS, size=(size, LONGEST)).tolist(), (rng.random(size) < _LEAVES).tolist()
        for row in range(size):
            relation = "-".join(map(str, levels[row]))
            reward, advantage = float(rewards[row]), float(advantages[row])
            name = f"actor/run/{start + row}/0001"
            yield Outcome(name, relation, int(items[row]), reward, advantage, tuple(before[row]), left[row])


def made_up_catalogue() -> Catalogue:
    """Returns items of one to three categories."""
    rng = np.random.default_rng(4)
    categories = [rng.choice(_CATEGORIES, size=1 + number % 3, replace=False) for number in range(_ITEMS)]
    return Catalogue(
        "made-up",
        tuple(
            Item(number, str(number), f"Film {number}", tuple(f"category {each}" for each in some), 1950 + number % 70)
            for number, some in enumerate(categories)
        ),
    )


def measure_beliefs(vectors: Vector) -> dict[int, tuple[float, float]]:
    """For each size the seconds of believing anew and the milliseconds of weighing all items once (median)."""
    found = {}
    catalogue = made_up_catalogue()
    measures: list[Measure] = [ByCategories(catalogue), ByVectors("text", vectors), ByYear(catalogue)]
    closeness, known = Closeness(len(catalogue), measures), known_of(catalogue)
    nothing = np.zeros(_ITEMS, dtype=bool)  # is masked
    for size in _SIZES:
        made = list(outcomes(size, np.random.default_rng(0)))
        begun = time.perf_counter()
        beliefs = believe(closeness, known, Observed.nothing(_ITEMS), made, answer_doubt=0.05)
        took = time.perf_counter() - begun
        recommender = MemoryRecommender(beliefs, explores=False, leave_cost=50.0, variety=0.1)
        recents = iter(np.random.default_rng(1).integers(_ITEMS, size=(_ROUNDS + 1, LONGEST)))

        def weigh(recommender: MemoryRecommender = recommender, recents: Iterator[NDArray[np.int64]] = recents) -> None:
            recommender.weigh(next(recents), nothing, 0)

        found[size] = took, _median_ms(weigh)
    return found


def measure_chroma(most: int, folder: Path) -> dict[int, tuple[float, float, float]]:
    """For each size up to `most` the milliseconds of the two searches of a step, and the seconds of opening."""
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(_CENTRES, _DIMENSION))

    def states(count: int) -> Vector:
        drawn = centres[rng.integers(_CENTRES, size=count)] + 0.3 * rng.normal(size=(count, _DIMENSION))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)

    found: dict[int, tuple[float, float, float]] = {}
    settings, held = Settings(data_dir=folder), 0
    for size in (size for size in _SIZES if size <= most):
        with open_memory(settings, "made-up", "scale", _Embedder()) as agent_memory:
            for start in range(held, size, _BATCH):
                _fill(agent_memory, start, states(min(_BATCH, size - start)))
            held = size
            asked = states(_ROUNDS + 1)
            actor = _median_ms(_searching(lambda vector: agent_memory.actor.similar(vector, 8, 0.5), asked))
            critic = _median_ms(_searching(lambda vector: agent_memory.critic.similar(vector, 16, 0.5), asked))
            agent_memory.actor.reread()
            begun = time.perf_counter()
            known = len(agent_memory.actor.outcomes()[1])
            found[size] = actor, critic, time.perf_counter() - begun
            if known != size:
                raise SystemExit(f"{known} of {size} experiences were read")
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chroma", type=int, default=100_000, help="most experiences that Chroma is filled with")
    most = parser.parse_args().chroma
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((_ITEMS, _DIMENSION), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    beliefs = measure_beliefs(vectors)
    with tempfile.TemporaryDirectory() as folder:
        chroma = measure_chroma(most, Path(folder))
    lines = [
        "| experiences | 20,000 items weighed, ms | 8 actor experiences, ms | 16 critic experiences, ms "
        "| outcomes read from Chroma, s | believed anew, s |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    for size, (took, weighed) in beliefs.items():
        there = [f"{figure:.1f}" for figure in chroma[size]] if size in chroma else ["-"] * 3
        lines.append(f"| {size:,} | {weighed:.2f} | {there[0]} | {there[1]} | {there[2]} | {took:.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")


def _fill(agent_memory: AgentMemory, start: int, vectors: Vector) -> None:
    made = outcomes(len(vectors), np.random.default_rng(start))
    acted, judged = [], []
    for number, (vector, outcome) in enumerate(zip(vectors, made, strict=True), start=start):
        origin = Origin("run", str(number), "u", 1, 0)
        acted.append(
            ActorExperience(
                text="a state", vector=vector, item=outcome.item, item_title="Film",
                advantage=outcome.advantage, encouraged=outcome.advantage >= 0, reward=outcome.reward,
                relation=outcome.relation, before=outcome.before, left=outcome.left, origin=origin,
            )
        )  # fmt: skip
        judged.append(CriticExperience("a state", vector, origin, outcome.reward))
    agent_memory.actor.write(acted)
    agent_memory.critic.write(judged)


def _searching(search: Callable[[Vector], object], asked: Vector) -> Callable[[], None]:
    rows = iter(asked)

    def one() -> None:
        search(next(rows))

    return one


def _median_ms(work: Callable[[], None]) -> float:
    """Median milliseconds of `_ROUNDS` calls, after one that warms up."""
    work()
    seconds = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    main()
