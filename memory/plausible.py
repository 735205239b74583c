"""Whether what a record says can have happened: asked of records that come from outside."""

from __future__ import annotations

import json
import re

import numpy as np

from billp.memory.experience_records import ActorExperience, CriticExperience, Reflection, Uses
from billp.memory.receipts import Used

View = Reflection | ActorExperience | CriticExperience | Uses
_MOST_STARS = 1e6  # of an episode, a value or an advantage; far beyond any horizon
_FARTHEST = 1e3  # length of a vector; those of embedders are of length 1, and 0 stands for nothing known
_MOST = 2**31  # episodes, steps and items that are counted
_RELATION = re.compile(r"[0-3]-[0-3]-[0-3]")


def implausible(record: View) -> str:
    """What cannot have been, in words; empty where everything can."""
    numbers: dict[str, float] = {}
    counts: dict[str, int] = {}
    if isinstance(record, ActorExperience):
        numbers = {"advantage": record.advantage, "reward": record.reward}
        counts = {"item": record.item} | ({"item before": min(record.before)} if record.before else {})
        if not _RELATION.fullmatch(record.relation):
            return f"relation {record.relation[:40]!r}"
    elif isinstance(record, CriticExperience):
        numbers = {"value": record.value}
    else:
        numbers = {"reward": record.reward}
        counts = {"length": record.length, "ordinal": record.ordinal}
        if isinstance(record, Reflection) and not _is_object(record.evidence):
            return f"evidence {record.evidence[:40]!r}"
        if isinstance(record, Reflection) and not _is_object(record.claim):
            return f"claim {record.claim[:40]!r}"
        if isinstance(record, Uses):
            Used.from_json(record.used)  # raises MemoryStoreError
    wrong = [f"{name} {value:g}" for name, value in numbers.items() if abs(value) > _MOST_STARS]
    wrong += [f"{name} {count}" for name, count in counts.items() if not 0 <= count < _MOST]
    length = float(np.linalg.norm(record.vector.astype(np.float64)))
    wrong += [f"a vector of length {length:g}"] if length > _FARTHEST else []
    return wrong[0] if wrong else ""


def _is_object(text: str) -> bool:
    try:
        return text == "" or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
