"""`--log-to`: runs in a tracker of their own client."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from billp.experiments import checks
from billp.experiments.tracking import logged, mlflow
from tests.cli.conftest import Billp
from tests.fakes.tracker import FakeTracker

EVALUATION = ("evaluate", "--method", "random", "--dataset", "tiny", "--users", "3", "--set", "run.horizon=4")


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="MLflow is not installed (extra mlflow)")
@pytest.mark.filterwarnings("ignore")  # their own
def test_mlflow_keeps_the_run(billp: Billp, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    said = billp(*EVALUATION, "--log-to", "mlflow", "--run", "one", "--json")
    assert said.code == 0, said.words
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("billp")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "one"
    assert run.info.status == "FINISHED"
    assert run.data.params["plan.method"] == "random"
    assert run.data.metrics["results/random/r_traj"] == pytest.approx(said.json["r_traj"]["mean"])
    assert run.data.metrics["results/random/r_traj_low"] == pytest.approx(said.json["r_traj"]["ci95"][0])
    assert [each.step for each in client.get_metric_history(run.info.run_id, "evaluation/r_traj")] == [1, 2, 3]
    kept = {each.path for folder in ("run", "tables") for each in client.list_artifacts(run.info.run_id, folder)}
    assert {"run/episodes.jsonl", "run/config.json"} <= kept
    assert any(path.startswith("tables/") for path in kept)

    billp(*EVALUATION, "--log-to", "mlflow", "--run", "one", "--resume")
    assert len(client.search_runs([experiment.experiment_id])) == 1


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="MLflow is not installed (extra mlflow)")
@pytest.mark.filterwarnings("ignore")  # their own
@pytest.mark.enable_socket
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("server", "reason"), [("http://127.0.0.1:9", "Connection refused"), ("", "no server is named")]
)
def test_a_server_that_is_away_or_not_named_costs_one_warning(
    billp: Billp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, server: str, reason: str
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setattr(mlflow, "find_spec", lambda _: None)  # no database here
    said = billp(*EVALUATION, "--log-to", "mlflow", "--json")
    assert (said.code, said.json["episodes"]) == (0, 3)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("MLflow cannot be used (")
    assert reason in warning


def test_a_policy_logs_the_points_of_its_training(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    told = FakeTracker()
    monkeypatch.setitem(logged._OPENS, "mlflow", told)
    monkeypatch.setattr(checks, "find_spec", lambda _: True)
    said = billp("train", "--method", "a2c", "--dataset", "tiny", "--epochs", "1", "--log-to", "mlflow", "--json")
    assert said.code == 0, said.words
    assert told.series("training", "train_users_r_traj") == [(1, said.json["train_users"]["r_traj"])]
    assert told.ended == [False]


def test_a_package_that_is_not_installed_is_named_before_anything_is_announced(
    billp: Billp, tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    said = billp(*EVALUATION, "--log-to", "wandb")
    assert said.code == 2
    assert said.words.startswith("billp: Weights & Biases (run.log_to=wandb) is not installed")
