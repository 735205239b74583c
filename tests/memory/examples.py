"""Records for the memory tests: single ones by hand, many at random, and Hypothesis strategies."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from billp.memory import (
    KINDS,
    ActorExperience,
    AgentMemory,
    CriticExperience,
    EpisodeUsage,
    Origin,
    Record,
    Reflection,
    UsageEntry,
    Vector,
)

DIMENSION = 32
NOTHING = {"reflections": 0, "actor": 0, "critic": 0, "uses": 0}


def origin(episode: int | str = 0, step: int = 0, run: str = "run") -> Origin:
    return Origin(run=run, episode=str(episode), user="7", step=step, seed=3)


def unit(seed: int, dimension: int = DIMENSION) -> Vector:
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def record(name: str, vector: Vector | None = None, **fields: str | int | float | bool) -> Record:
    vector = unit(len(name)) if vector is None else vector
    return Record(name, f"text of {name}", vector, fields or {"number": 1}, origin())


def reflection(episode: int, text: str = "vary the categories") -> Reflection:
    return Reflection(text, unit(episode), origin(f"{episode:04d}", -1), "quit", 5, 17.5, episode, "{}")


def actor(episode: int, step: int = 0) -> ActorExperience:
    vector = unit(100 * episode + step)
    return ActorExperience(
        f"state {episode} {step}",
        vector,
        origin(episode, step),
        5,
        "Heat (1995)",
        -0.25,
        False,
        4.0,
        "0-1-3",
        (3, 9, 5),
        True,
    )


def critic(episode: int, step: int = 0) -> CriticExperience:
    return CriticExperience(f"state {episode} {step}", unit(100 * episode + step), origin(episode, step), 6.5)


def usage(ordinal: int, reward: float, used: EpisodeUsage, run: str = "run") -> UsageEntry:
    return UsageEntry("text", unit(ordinal), origin(ordinal, -1, run), "horizon", 5, reward, ordinal, used.to_json())


def fill(agent_memory: AgentMemory, episodes: int = 3) -> None:
    agent_memory.reflections.write([reflection(episode) for episode in range(episodes)])
    agent_memory.actor.write([actor(episode, step) for episode in range(episodes) for step in range(2)])
    agent_memory.critic.write([critic(episode, step) for episode in range(episodes) for step in range(2)])


def everything(agent_memory: AgentMemory) -> list[list[Record]]:
    return [agent_memory.records(kind, limit=10**6) for kind in KINDS]


_text = st.text(max_size=30)
_real = st.floats(-1e6, 1e6, allow_nan=False, allow_infinity=False)
_vector = st.lists(
    st.floats(-100, 100, width=32, allow_nan=False, allow_infinity=False), min_size=DIMENSION, max_size=DIMENSION
).map(lambda values: np.array(values, dtype=np.float32))
_whole = st.integers(-(2**63), 2**63 - 1)
_count = st.integers(0, 2**31 - 1)
_evidence = st.sampled_from(["", "{}", '{"shown": [1.0]}'])


def _origins(steps: st.SearchStrategy[int]) -> st.SearchStrategy[Origin]:
    return st.builds(Origin, _text, _text, _text, steps, _whole)


reflections = st.builds(Reflection, _text, _vector, _origins(st.just(-1)), _text, _count, _real, _count, _evidence)
_relations = st.from_regex(r"[0-3]-[0-3]-[0-3]", fullmatch=True)
actors = st.builds(
    ActorExperience,
    _text,
    _vector,
    _origins(st.integers(0, 10**5)),
    _count,
    _text,
    _real,
    st.booleans(),
    _real,
    _relations,
    st.lists(st.integers(0, 10**6), max_size=8).map(tuple),
    st.none() | st.booleans(),
)
critics = st.builds(CriticExperience, _text, _vector, _origins(st.integers(0, 10**5)), _real)
