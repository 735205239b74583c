"""MLflow through its own client; MLFLOW_TRACKING_URI and its other variables say where runs go."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from billp.errors import SettingsError
from billp.experiments.stats.tables import TextTable
from billp.experiments.tracking.tracker import PROJECT, Point

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_UNFIT = re.compile(r"[^\w\-. :/]", re.ASCII)  # what MLflow refuses in names
_LONGEST_VALUE = 6000  # characters
_METRICS, _PARAMETERS = 1000, 100  # that a request may hold
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}  # minutes by default
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true"}


class MlflowRun:
    """A run of the experiment `billp`, or of the one that MLFLOW_EXPERIMENT_NAME names."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client, self.id = client, run_id

    def numbers(self, points: Sequence[Point]) -> None:
        """Logs metrics named by series and name."""
        from mlflow.entities import Metric  # noqa: PLC0415 -- an extra

        now = int(time.time() * 1000)
        metrics = [Metric(_name(f"{point.series}/{point.name}"), point.value, now, point.step) for point in points]
        for start in range(0, len(metrics), _METRICS):
            self._client.log_batch(self.id, metrics=metrics[start : start + _METRICS])

    def tables(self, tables: Sequence[TextTable]) -> None:
        """Logs tables as Markdown."""
        for table in tables:
            self._client.log_text(self.id, table.markdown(), f"tables/{_name(table.title).replace('/', '-')}.md")

    def files(self, paths: Mapping[str, Path]) -> None:
        """Logs files as artifacts under `run`."""
        for name, path in paths.items():
            self._client.log_artifact(self.id, str(path), str(PurePosixPath("run") / PurePosixPath(name).parent))

    def end(self, *, failed: bool) -> None:
        """Says whether the run came to its end."""
        self._client.set_terminated(self.id, "FAILED" if failed else "FINISHED")


def open_mlflow(name: str, parameters: Mapping[str, str], known: str | None) -> MlflowRun:
    """Returns the run `known`, or a new one of this name with these parameters.

    Raises SettingsError if no server is named and none of MLflow's databases can be used here.
    """
    for variable, value in (_PATIENCE | _QUIET).items():
        os.environ.setdefault(variable, value)
    from mlflow.entities import Param  # noqa: PLC0415 -- an extra
    from mlflow.tracking import MlflowClient, get_tracking_uri  # noqa: PLC0415

    if get_tracking_uri().startswith("sqlite:") and find_spec("sqlalchemy") is None:  # its default
        raise SettingsError("no server is named; set MLFLOW_TRACKING_URI, or install mlflow for a database here")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry would be a warning
    client = MlflowClient()
    if known is not None:
        client.update_run(known, status="RUNNING")
        return MlflowRun(client, known)
    project = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    found = client.get_experiment_by_name(project)
    experiment = client.create_experiment(project) if found is None else found.experiment_id
    run_id = client.create_run(experiment, run_name=name).info.run_id
    params = [Param(_name(key), value[:_LONGEST_VALUE]) for key, value in parameters.items()]
    for start in range(0, len(params), _PARAMETERS):
        client.log_batch(run_id, params=params[start : start + _PARAMETERS])
    return MlflowRun(client, run_id)


def _name(text: str) -> str:
    return _UNFIT.sub("-", text)
