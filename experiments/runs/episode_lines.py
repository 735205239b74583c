"""A finished episode as one line of `episodes.jsonl`."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr

from billp.errors import EpisodeError, NotFiniteError
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.experiments.stats.episode_metrics import METRICS
from billp.graphs.state import Trajectory


class EpisodeLine(BaseModel):
    """One finished episode. A failed one has an error and no output, and never counts as zero."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: str
    batch: int
    user: str
    seed: int
    split: Literal["train", "test"]
    method: str
    status: Literal["finished", "failed"]
    error: str = ""
    started: float
    """Seconds since the epoch."""
    ended: float
    output: Trajectory | None = None

    _numbers: dict[str, float] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, plan: EpisodePlan, method: str, started: float, played: Trajectory | EpisodeError) -> EpisodeLine:
        """Returns the line of an episode of `method` that ended now, played or failed."""
        failed = isinstance(played, EpisodeError)
        line = cls(
            id=plan.id, batch=plan.batch, user=plan.user, seed=plan.seed, split=plan.split, method=method,
            status="failed" if failed else "finished", error=str(played) if failed else "", started=started,
            ended=time.time(),
        )  # fmt: skip
        return line if failed else line.model_copy(update={"output": played})

    def number(self, metric: str) -> float | None:
        """Returns the episode's number in `metric`, a name in METRICS; None if it was not finished."""
        if self.output is None:
            return None
        return self._numbers[metric] if metric in self._numbers else METRICS[metric].of(self.output)

    def in_brief(self) -> EpisodeLine:
        """Returns the same episode without its steps, history and reflections: some hundred bytes."""
        if self.output is None:
            return self
        output: Trajectory = {**self.output, "steps": [], "history": [], "reflections": [], "valued": {}}
        brief = self.model_copy(update={"output": output})
        if not self._numbers:  # some are of the steps
            brief._numbers = {name: metric.of(self.output) for name, metric in METRICS.items()}
        return brief


def check_finite(done: Trajectory) -> None:
    """Raises NotFiniteError, naming the place, if a number of the episode is NaN or infinite.

    JSON has neither: stored as null, it would read as if no value had been estimated there.
    """
    try:
        json.dumps(done, allow_nan=False, default=float)  # finds that there is one much faster than where it is
    except ValueError as error:
        place = _not_finite(done, "")
        raise NotFiniteError(
            f"The episode's {place} is no finite number; check the simulator and the settings."
        ) from error


def _not_finite(value: object, place: str) -> str:
    if isinstance(value, float):
        return "" if math.isfinite(value) else place
    if isinstance(value, str):
        return ""
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, Sequence):
        parts = enumerate(value, start=1)
    for name, part in parts:
        if found := _not_finite(part, f"{place}.{name}".lstrip(".")):
            return found
    return ""
