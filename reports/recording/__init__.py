"""A recorded episode and a small comparison by a larger model, to be shown without that model."""

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
