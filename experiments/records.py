"""A finished episode as one line of `episodes.jsonl`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from graphs.state import EpisodeOutput


class EpisodeLine(BaseModel):
    """One episode that is over. A failed one has an error and no output, and never counts as zero."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    output: EpisodeOutput | None = None
