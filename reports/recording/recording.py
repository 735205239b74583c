"""The shipped recording, and how it is played: the episode from its tape, the comparison as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from billp.catalogue import Catalogue
from billp.experiments.runs.configured_folder import completed
from billp.experiments.runs.single_episode import run_single
from billp.graphs.resources import Resources
from billp.graphs.state import Trajectory
from billp.reports import Report, find_runs, make_report
from billp.reports.run_data import catalogues
from billp.settings import Settings

FILES = Path(__file__).parent / "files"
DATA, RUNS, TAPE, SETTINGS, EPISODE = "data", "comparison", "tape.sqlite", "settings.json", "episode.json"
DATASET, METHOD, USER = "films", "react", "u0"


@dataclass(frozen=True)
class Recording:
    """The result of playing it: `model` is the LLM that was recorded, `report` says what the comparison came to."""

    model: str
    episode: Trajectory
    report: Report
    catalogues: Mapping[str, Catalogue]


async def replayed(home: Path) -> Recording:
    """Plays the recording in the folder `home`, which it creates; needs no LLM and no network.

    The episode runs through the graph again and its replies come from the tape. The comparison is shown as it was
    recorded, since what memory chooses may change from version to version. Raises TapeError if the episode asks what is
    not on the tape.
    """
    shutil.copytree(FILES / DATA, home / DATA)
    shutil.copytree(FILES / RUNS, home / RUNS)
    settings = recorded_settings(home)
    async with Resources(settings) as resources:
        episode = await run_single(
            resources, dataset=DATASET, method=METHOD, user=USER, seed=0, memory="none", learn=False
        )
    runs = find_runs(home / RUNS)
    return Recording(settings.llm.model, episode, make_report(runs), catalogues(settings.data, runs))


def recorded_settings(home: Path) -> Settings:
    """Returns the recorded settings, whatever environment and file say; data are in `home`."""
    stored = json.loads((FILES / SETTINGS).read_text(encoding="utf-8"))
    whole = completed(stored) | {"data_dir": home / DATA, "runs_dir": home, "prompts": FILES / "prompts"}
    whole["run"] = whole["run"] | {"tape": "replay", "tape_file": FILES / TAPE}
    return Settings(**whole)


def recorded_episode() -> Trajectory:
    """Returns the episode as it was recorded."""
    return cast(Trajectory, json.loads((FILES / EPISODE).read_text(encoding="utf-8")))
