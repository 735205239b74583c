"""What a run says to a tracker, and that no tracker can harm it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import billp
from billp.errors import SettingsError
from billp.experiments import checks
from billp.experiments.tracking import logged
from billp.experiments.tracking.tracker import Point
from tests.fakes.embedder import hash_everywhere
from tests.fakes.tracker import FakeTracker

Follow = Callable[[FakeTracker], FakeTracker]
SHORT = {"run.horizon": 4, "run.log_to": "mlflow"}


@pytest.fixture
def follow(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Makes runs speak to this tracker."""
    hash_everywhere(monkeypatch.setattr)
    monkeypatch.setattr(checks, "find_spec", lambda _: True)

    def put(tracker: FakeTracker) -> FakeTracker:
        monkeypatch.setitem(logged._OPENS, "mlflow", tracker)
        return tracker

    return put


def evaluated(**more: Any) -> billp.Result:
    given: dict[str, Any] = {"dataset": "tiny", "users": 3, "run": "one", "progress": False, "settings": SHORT} | more
    return billp.evaluate("random", **given)


def test_a_run_says_parameters_episodes_results_and_files(follow: Follow):
    told = follow(FakeTracker())
    found = evaluated()

    (opened,) = told.opened
    assert opened[0] == "one"
    assert opened[1]["plan.method"] == "random"
    assert opened[1]["settings.run.horizon"] == "4"
    assert opened[2] is None
    rows = found.episodes()
    assert sorted(value for _, value in told.series("evaluation", "r_traj")) == sorted(rows.reward_trajectory)
    assert [step for step, _ in told.series("evaluation", "len")] == [1, 2, 3]
    summary = found.methods["random"]
    assert summary.r_traj.ci95 is not None
    for name, value in zip(("r_traj", "r_traj_low", "r_traj_high"), (summary.r_traj.mean, *summary.r_traj.ci95),
                           strict=True):  # fmt: skip
        assert told.series("results/random", name) == [(0, value)]
    assert len(told.titles) == 1
    assert {"config.json", "episodes.jsonl", "metrics.json"} <= told.kept.keys()
    assert told.ended == [False]
    assert threading.get_ident() not in told.threads


def test_a_comparison_has_a_series_for_each_part_of_each_arm(follow: Follow):
    told = follow(FakeTracker())
    billp.compare(
        ["random", "billp-memory-only-no-logs"], dataset="tiny", episodes=20, users=3, seeds=[0, 1], probes=[10],
        probe_users=2, settings=SHORT, progress=False,
    )  # fmt: skip
    counts = {point.series: point.step for point in told.points}
    learning = "billp-memory-only-no-logs"
    for seed in (0, 1):
        assert counts[f"random/seed-{seed}/evaluation"] == 3
        assert counts[f"{learning}/seed-{seed}/training"] == 20
        assert counts[f"{learning}/seed-{seed}/probe-10"] == 2
    assert told.series(f"results/{learning}", "failed") == [(0, 0.0)]
    assert any("paired" in title for title in told.titles)
    assert "comparison.json" in told.kept


def test_a_resumed_run_goes_on_with_the_trackers_run_and_counts_on(follow: Follow):
    told = follow(FakeTracker())
    billp.train("billp-memory-only-no-logs", dataset="tiny", episodes=3, run="one", settings=SHORT, progress=False)
    folder = evaluated(run="two").run
    lines = (folder / "episodes.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "episodes.jsonl").write_text("".join(lines[:2]), encoding="utf-8")
    evaluated(run="two", resume=True)

    assert [known for _, _, known in told.opened] == [None, None, "id-1"]
    assert [step for step, _ in told.series("evaluation", "len")] == [1, 2, 3, 3]
    assert json.loads((folder / "tracked.json").read_text(encoding="utf-8")) == {"mlflow": "id-1"}


@pytest.mark.parametrize("call", ["open", "numbers", "tables", "files", "end"])
def test_a_tracker_that_fails_costs_one_warning_and_nothing_of_the_run(
    follow: Follow, caplog: pytest.LogCaptureFixture, call: str
):
    follow(FakeTracker(call))
    with caplog.at_level(logging.WARNING):
        assert evaluated().methods["random"].episodes == 3
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == "MLflow cannot be used (the server is away); the run goes on without it."


def test_a_tracker_that_hangs_is_left_behind(
    follow: Follow, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    let_go = threading.Event()

    class Hanging(FakeTracker):
        def numbers(self, points: Sequence[Point]) -> None:
            let_go.wait(60)

    follow(Hanging())
    monkeypatch.setattr(logged, "_PATIENCE_S", 0.1)
    with caplog.at_level(logging.WARNING):
        assert evaluated().methods["random"].episodes == 3
    let_go.set()
    assert "MLflow takes too long" in caplog.text


def test_a_run_that_fails_is_said_to_have_failed(follow: Follow, monkeypatch: pytest.MonkeyPatch):
    told = follow(FakeTracker())
    monkeypatch.setattr("billp.experiments.runs.evaluation.summarise", _broken)
    with pytest.raises(ZeroDivisionError):
        evaluated()
    assert told.ended == [True]


def _broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_a_package_that_is_not_installed_is_named_before_the_run(tiny: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'billp\[wandb\]'"):
        evaluated(settings={"run.log_to": "wandb"})


def test_without_a_tracker_nothing_is_kept(tiny: Path):
    assert not (evaluated(settings={"run.horizon": 4}).run / "tracked.json").exists()
