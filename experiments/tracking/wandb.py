"""Weights & Biases through its own client; WANDB_MODE, WANDB_PROJECT and its other variables hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from billp.errors import SettingsError
from billp.experiments.stats.tables import TextTable
from billp.experiments.tracking.tracker import PROJECT, Point

if TYPE_CHECKING:
    import wandb

_PATIENCE_S = 60
_STEP = "episode"


class WandbRun:
    """A run of the project `billp`, or of the one that WANDB_PROJECT names."""

    def __init__(self, run: wandb.Run) -> None:
        self._run = run
        self._series: set[str] = set()

    @property
    def id(self) -> str:
        """The run's id in its project."""
        return str(self._run.id)

    def numbers(self, points: Sequence[Point]) -> None:
        """Logs metrics named by series and name, each series over its own count of episodes."""
        for (series, step), group in groupby(points, key=lambda point: (point.series, point.step)):
            if series not in self._series:
                self._series.add(series)
                self._run.define_metric(f"{series}/*", step_metric=f"{series}/{_STEP}")
            self._run.log({f"{series}/{point.name}": point.value for point in group} | {f"{series}/{_STEP}": step})

    def tables(self, tables: Sequence[TextTable]) -> None:
        """Logs tables as theirs."""
        import wandb  # noqa: PLC0415 -- an extra

        for table in tables:
            rows = [list(row) for row in table.rows]
            self._run.log({f"tables/{table.title}": wandb.Table(columns=list(table.columns), data=rows)})

    def files(self, paths: Mapping[str, Path]) -> None:
        """Logs files as one artifact of the type `run`."""
        import wandb  # noqa: PLC0415 -- an extra

        kept = wandb.Artifact(f"run-{self.id}", type="run")
        for name, path in paths.items():
            kept.add_file(str(path), name=name)
        self._run.log_artifact(kept)

    def end(self, *, failed: bool) -> None:
        """Waits until all is sent, for at most a minute."""
        self._run.finish(exit_code=int(failed))


def open_wandb(name: str, parameters: Mapping[str, str], known: str | None) -> WandbRun:
    """Returns the run `known`, or a new one of this name with these parameters.

    Raises SettingsError if there is no API key.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb  # noqa: PLC0415 -- an extra

    if wandb.setup().settings.mode == "online" and not wandb.login(prompt=False, verify=False):
        raise SettingsError("no API key is known; run `wandb login`, or set WANDB_MODE=offline")
    quiet = wandb.Settings(silent=True, console="off", init_timeout=_PATIENCE_S, finish_timeout=_PATIENCE_S)
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT), name=name, config=dict(parameters), id=known,
        resume="allow" if known else None, reinit="create_new", settings=quiet,
    )  # fmt: skip
    return WandbRun(run)
