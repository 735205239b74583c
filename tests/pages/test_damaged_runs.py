"""Whatever lies in the runs folder, the page answers in time, in a sentence, and hides no other run."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from billp.errors import ArtifactError
from billp.experiments.runs.listing import remove_run
from billp.experiments.runs.run_names import run_named
from billp.settings import load_settings
from tests.pages.test_routes import the_page
from tests.reports.examples import episode, put_run


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def endless(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10_000_000_000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40] if path.exists() else b"")


ASKED = [
    "runs", "runs?sort=r_traj", "runs/one", "runs/one/episodes", "runs/one/episodes/1", "runs/two/episodes/1",
    "comparison?run=one&run=two",
]  # fmt: skip


@pytest.mark.parametrize("name", ["config.json", "episodes.jsonl", "metrics.json", ".lock", ".first-name"])
@pytest.mark.parametrize("damage", [folder, pipe, loop, endless, sparse, cut])
def test_a_damaged_run_is_told_and_hides_no_other(name: str, damage: Callable[[Path], None]):
    runs = load_settings().runs_dir
    damage(put_run(runs / "one", [episode("e", 4.0)]) / name)
    put_run(runs / "two", [episode("e", 4.0)])
    client = TestClient(the_page(), base_url="http://127.0.0.1:2024/page", raise_server_exceptions=False)
    for path in ASKED:
        answer = client.get(f"/api/{path}")
        assert answer.status_code == 200 or (answer.status_code, bool(answer.json()["error"])) == (404, True), path
        assert answer.status_code == 200 or "one" in path, path
    assert "two" in {run["name"] for run in client.get("/api/runs").json()["runs"]}
    for change in ({"name": "three"}, {}):  # it may be refused
        answer = client.post(f"/api/runs/one/{'name' if change else 'removal'}", json=change)
        assert answer.status_code in (200, 404), answer.text
        assert (runs / "two" / "episodes.jsonl").is_file()


def test_a_lock_that_is_a_link_leads_to_no_other_file(tmp_path: Path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    run = put_run(load_settings().runs_dir / "one", [episode("e", 4.0)])
    (run / ".lock").symlink_to(precious)
    client = TestClient(the_page(), base_url="http://127.0.0.1:2024/page", raise_server_exceptions=False)
    assert client.post("/api/runs/one/name", json={"name": "two"}).status_code == 404
    assert precious.read_text() == "kept"


def test_what_has_a_name_that_is_no_text_hides_nothing_else(tiny: Path):
    odd, settings = os.fsdecode(b"odd\xff"), load_settings()
    put_run(settings.runs_dir / "one", [episode("e", 3.0)])
    put_run(settings.runs_dir / odd, [episode("e", 3.0)])
    put_run(settings.runs_dir / "one" / odd, [episode("e", 3.0)])
    for kind in ("datasets", "simulators"):
        shutil.copytree(settings.data / kind / "tiny", settings.data / kind / odd)
    client = TestClient(the_page())
    assert [run["name"] for run in client.get("/page/api/runs").json()["runs"]] == ["one"]
    assert client.get("/page/api/runs/one").status_code == 200
    assert [each["name"] for each in client.get("/page/api/choices").json()["datasets"]] == ["tiny"]
    with pytest.raises(ArtifactError, match="is no text"):
        run_named(settings.runs_dir, odd)


def test_runs_are_listed_while_others_are_removed(tiny: Path):
    runs, over = load_settings().runs_dir, threading.Event()
    put_run(runs / "one", [episode("e", 3.0)])

    def come_and_go() -> None:
        while not over.is_set():
            remove_run(put_run(runs / "two" / "part", [episode("e", 3.0)]).parent)

    client = TestClient(the_page())
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(come_and_go)
        try:
            answers = [client.get("/page/api/runs") for _ in range(150)]
        finally:
            over.set()
        coming.result(30)
    assert {answer.status_code for answer in answers} == {200}
    assert all("one" in {run["name"] for run in answer.json()["runs"]} for answer in answers)


def test_what_was_not_foreseen_is_answered_with_a_sentence(monkeypatch: pytest.MonkeyPatch):
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("billp.pages.routes.drawing", failing)
    answer = TestClient(the_page(), raise_server_exceptions=False).get("/page/api/drawing")
    assert (answer.status_code, "the server's log" in answer.json()["error"]) == (500, True)
