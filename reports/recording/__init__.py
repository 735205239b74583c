"""An episode and a small comparison that were recorded with a larger model, to be seen where there is none."""

from billp.reports.recording.recording import (
    DATASET,
    EPISODE,
    FILES,
    METHOD,
    RUNS,
    SETTINGS,
    TAPE,
    USER,
    Recording,
    recorded_episode,
    replayed,
)

__all__ = [
    "DATASET",
    "EPISODE",
    "FILES",
    "METHOD",
    "RUNS",
    "SETTINGS",
    "TAPE",
    "USER",
    "Recording",
    "recorded_episode",
    "replayed",
]
