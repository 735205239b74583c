"""The adapter on the real client, which writes to a folder here, and on a fake where that would need the network."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from billp.errors import SettingsError
from billp.experiments.stats.tables import TextTable
from billp.experiments.tracking.tracker import Point
from billp.experiments.tracking.wandb import open_wandb

TABLE = TextTable("tiny, 3 users", ("method", "R_traj"), (("random", "9.1 [8.0, 10.2]"),))


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="its client is not installed (extra wandb)")
@pytest.mark.filterwarnings("ignore")  # their own
def test_wandb_keeps_the_run_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    run = open_wandb("one", {"plan.method": "random"}, None)
    run.numbers([Point("evaluation", "r_traj", 1, 9.0), Point("evaluation", "r_traj", 2, 9.5)])
    run.tables([TABLE])
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    run.files({"part/config.json": tmp_path / "config.json"})
    run.end(failed=False)
    importlib.import_module("wandb").teardown()  # whose process writes what is left

    (folder,) = tmp_path.glob("wandb/offline-run-*")
    assert folder.name.endswith(run.id)
    (table,) = folder.rglob("*.table.json")
    assert json.loads(table.read_text(encoding="utf-8"))["data"] == [["random", "9.1 [8.0, 10.2]"]]
    stored = next(folder.glob("*.wandb")).read_bytes()
    for word in (b"plan.method", b"evaluation/r_traj", b"part/config.json"):
        assert word in stored


class FakeWandb(ModuleType):
    """The functions of their module that are called."""

    def __init__(self, *, key: bool) -> None:
        super().__init__("wandb")
        self.logged: list[dict[str, Any]] = []
        self.asked: dict[str, Any] = {}
        self.axes: dict[str, str] = {}
        self.login = lambda **_: key
        self.Settings = SimpleNamespace
        self.Table = lambda columns, data: (columns, data)

    def setup(self) -> SimpleNamespace:
        return SimpleNamespace(settings=SimpleNamespace(mode="online"))

    def init(self, **asked: Any) -> SimpleNamespace:
        self.asked = asked

        def axis(name: str, step_metric: str) -> None:
            self.axes[name] = step_metric

        return SimpleNamespace(id="x1", log=self.logged.append, define_metric=axis)


def test_each_series_has_its_own_count_of_episodes(monkeypatch: pytest.MonkeyPatch):
    fake = FakeWandb(key=True)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    run = open_wandb("one", {"a": "1"}, "x1")
    run.numbers([Point("a", "len", 4, 1.0), Point("a", "r_traj", 4, 2.0), Point("b", "len", 1, 3.0)])
    run.tables([TABLE])
    assert (fake.asked["id"], fake.asked["resume"], fake.asked["config"]) == ("x1", "allow", {"a": "1"})
    assert fake.axes == {"a/*": "a/episode", "b/*": "b/episode"}
    assert fake.logged == [
        {"a/len": 1.0, "a/r_traj": 2.0, "a/episode": 4},
        {"b/len": 3.0, "b/episode": 1},
        {"tables/tiny, 3 users": (["method", "R_traj"], [["random", "9.1 [8.0, 10.2]"]])},
    ]


def test_a_log_in_is_never_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb(key=False))
    with pytest.raises(SettingsError, match="wandb login"):
        open_wandb("one", {}, None)
