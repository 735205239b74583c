"""What `billp demo --recorded` shows: the episode is played from its tape and comes out as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import billp.graphs.resources
from billp.graphs.state import Trajectory
from billp.reports import find_runs
from billp.reports.facts import facts_of
from billp.reports.recording import DATASET, FILES, RUNS, TAPE, recorded_episode, replayed
from billp.simulators import load_dataset
from tests.recorded.test_replay import differences

ANEW = "If that is meant, record it anew: tests/recorded/demo.py says how."
_LARGEST = 2 * 2**20


def seen(done: Trajectory) -> dict[str, object]:
    """What a person sees of an episode, whatever else is kept of it from version to version."""
    names = ("number", "thought", "proposal", "title", "reward", "reason")
    steps = [{name: step[name] for name in names} for step in done["steps"]]  # type: ignore[literal-required]
    return {"steps": steps, "ended": done["ended"], "length": done["length"], "tokens": done["usage"]["prompt_tokens"]}


@pytest.mark.enable_socket
async def test_the_episode_comes_out_as_it_was_and_the_page_has_the_recorded_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def no_server(_: object) -> None:
        raise AssertionError("a recording starts no model")

    monkeypatch.setattr(billp.graphs.resources, "start", no_server)
    monkeypatch.setenv("BILLP_PLANNER_STEPS", "3")  # what a person has set plays no part
    shown = await replayed(tmp_path / "home")
    found = differences(seen(recorded_episode()), seen(shown.episode))
    assert not found, "\n".join([f"The episode is not the recorded one. {ANEW}", *found[:20]])
    assert facts_of(shown.report)["language model"] == shown.model
    rows = [(row["label"], row["r_traj"]) for row in shown.report.plain()["rows"] if not row["training"]]
    kept = [
        json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        for run in find_runs(FILES / RUNS)
        if run.config.plan.command == "evaluate"
    ]
    assert sorted(rows) == sorted((each["name"], each["r_traj"]) for each in kept)
    assert len(rows) == 5


def test_what_is_shipped_is_small_invented_and_of_no_machine(tmp_path: Path):
    files = [path for path in FILES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= _LARGEST
    assert (FILES / TAPE).is_file()
    for path in files:
        if path.suffix in (".json", ".jsonl"):
            assert "/tmp/" not in path.read_text(encoding="utf-8"), path  # noqa: S108
    data = load_dataset(FILES / "data", DATASET)
    assert data.user_keys[0] == "u0"


def test_the_recording_is_worth_showing():
    lines = [
        json.loads(line)
        for path in FILES.rglob("episodes.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    outputs = [line["output"] for line in lines]
    assert all(line["status"] == "finished" for line in lines), ANEW
    assert any(output.get("claim") for output in outputs), "the Reflector says why users left"
    assert any(output["reflections"] for output in outputs), "lessons are read"
    assert any(step["preferences"] for output in outputs for step in output["steps"]), "the LLM chooses"
    assert len(recorded_episode()["steps"]) > 3
