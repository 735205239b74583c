"""User-steps a second of the simulators, what they hold in memory, and the time of a nearest-item lookup.

    python -m benchmarks.simulator

Needs no data: users and items have random vectors of the sizes of ml-100k (16 factors, 18 categories), of Steam (64
factors, 200 categories), and of catalogues of 1,000 to 1,000,000 items (64 factors). 1,000 users are stepped side by
side with random items, under both quit rules; a step that only begins a new episode is not counted. Each size runs in
a process of its own, which also builds, stores and loads both worlds, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from billp.agents.candidates import draw_shortlist
from billp.agents.grounding import nearest_item
from billp.settings import SimulatorSettings
from billp.simulators import VectorUserEnv, World, Worlds, load_worlds, save_worlds
from billp.simulators.quit.distance import distance_quantile
from billp.simulators.quit.registry import RULES
from billp.simulators.rating.accuracy import Accuracy, Errors
from billp.simulators.rating.deepfm import DeepFM
from billp.simulators.rating.networks import HIDDEN, INNER

_SIDE_BY_SIDE, _ROUNDS, _STEPS = 1000, 7, 40
_SIZES = {
    "ml-100k": (943, 1_682, 16, 18),
    "steam": (6_012, 190_365, 64, 200),
    "1k": (6_012, 1_000, 64, 200),
    "10k": (6_012, 10_000, 64, 200),
    "100k": (6_012, 100_000, 64, 200),
    "1M": (6_012, 1_000_000, 64, 200),
}
_CATALOGUE = (190_365, 384)


def made_up_worlds(users: int, items: int, factors: int, categories: int) -> Worlds:
    """A train and a test world with half of the users each, their factors drawn at random."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((items, factors), dtype=np.float32) * np.float32(0.5 / factors**0.25)
    sets = np.zeros((items, -(-categories // 64)), dtype=np.uint64)
    for _ in range(2):
        word, bit = np.divmod(rng.integers(categories, size=items), 64)
        sets[np.arange(items), word] |= np.left_shift(np.uint64(1), bit.astype(np.uint64))
    beta = distance_quantile(vectors, 0.05, rng)
    settings = SimulatorSettings.model_validate({"factors": factors})
    nothing = Errors(0.0, 0.0, 0.0, 0.0)

    def world(first: int, last: int) -> World:
        def drawn(*shape: int) -> NDArray[np.float32]:
            return rng.standard_normal(shape, dtype=np.float32) * np.float32(0.5 / factors**0.25)

        model = DeepFM.from_parameters({
            "mean": np.asarray(3.5),
            "user_bias": drawn(last - first),
            "item_bias": drawn(items),
            "user_vectors": drawn(last - first, factors),
            "item_vectors": vectors,
            "user_hidden": drawn(last - first, HIDDEN),
            "item_hidden": drawn(items, HIDDEN),
            "inner_weights": drawn(INNER, HIDDEN),
            "inner_bias": drawn(INNER),
            "output": drawn(INNER),
        })  # fmt: skip
        return World(
            name="made-up", split="test" if first else "train", n_users=users, n_items=items,
            users=np.arange(first, last, dtype=np.int32), interactions=0, model=model, categories=sets, beta=beta,
            settings=settings, accuracy=Accuracy(nothing, nothing, 0),
        )  # fmt: skip

    return Worlds(world(0, users // 2), world(users // 2, users), "made-up")


def stepping(sizes: tuple[int, int, int, int]) -> dict[str, float]:
    """User-steps a second under each rule (median of rounds), seconds to store and load, and peak gigabytes."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        save_worlds(Path(folder) / "made-up", made_up_worlds(*sizes))
        worlds = load_worlds(Path(folder) / "made-up")
    figures = {"build_s": round(time.perf_counter() - started, 1)}
    for rule in RULES:
        env = VectorUserEnv(worlds.quitting_by(rule).train, _SIDE_BY_SIDE)
        env.reset(seed=0)
        actions = np.random.default_rng(1).integers(sizes[1], size=(_STEPS, _SIDE_BY_SIDE))
        rates = []
        for _ in range(_ROUNDS + 1):  # the first warms up
            begun, counted = time.perf_counter(), 0
            for chosen in actions:
                counted += int(env.step(chosen)[4]["_reason"].sum())
            rates.append(counted / (time.perf_counter() - begun))
        figures[f"steps_per_s_{rule}"] = round(statistics.median(rates[1:]))
    return figures | {"peak_gb": _peak()}


def lookups() -> dict[str, float]:
    """Milliseconds (median) of one nearest-item search and of one shortlist, in a catalogue of Steam's size."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal(_CATALOGUE, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    masked = set(range(50))
    nearest, shortlist = [], []
    for proposal in vectors[:20].copy():
        begun = time.perf_counter()
        nearest_item(vectors, proposal, masked)
        nearest.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        draw_shortlist(
            vectors, rng, thought=proposal, experiences=(), evidence=1.0, masked=masked, size=6, pool=64
        )  # fmt: skip
        shortlist.append(time.perf_counter() - begun)
    return {
        "nearest_ms": round(1000 * statistics.median(nearest), 2),
        "shortlist_ms": round(1000 * statistics.median(shortlist), 2),
        "peak_gb": _peak(),
    }


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


def _apart(part: str) -> dict[str, float]:
    """What this program prints for one part, run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.simulator", part]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
    return figures


def main() -> None:
    """Prints one JSON object."""
    if len(sys.argv) == 1:
        shown: object = {part: _apart(part) for part in (*_SIZES, "lookups")}
    else:
        shown = lookups() if sys.argv[1] == "lookups" else stepping(_SIZES[sys.argv[1]])
    sys.stdout.write(json.dumps(shown) + "\n")


if __name__ == "__main__":
    main()
