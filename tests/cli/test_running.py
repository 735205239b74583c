"""Names of runs that nobody named."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.experiments.runs.configured_folder import CONFIG
from billp.experiments.runs.resuming import resumption
from billp.experiments.runs.run_names import run_name
from billp.settings import load_settings
from tests.cli.conftest import Billp


def test_two_runs_in_one_second_have_two_names():
    first = run_name("evaluate", "random")
    time.sleep(0.002)
    second = run_name("evaluate", "random")
    assert first.startswith("evaluate-random-")
    assert first != second
    assert first < second, "names sort by time"


def test_a_run_that_nobody_named_is_named_at_once_and_goes_on_by_that_name_only(billp: Billp, tiny: Path, hashed: None):
    at = ("--dataset", "tiny", "--method", "billp-memory-only")
    said = billp("train", *at, "--episodes", "2", "--json")
    (folder,) = Path(os.environ["BILLP_RUNS_DIR"]).iterdir()
    assert said.code == 0, said.words
    assert f"Run: {folder}" in said.err
    for command in (["train"], ["evaluate"], ["critic"], ["compare"], ["tune", "--method", "dqn"]):
        refused = billp(*command, "--resume")
        assert refused.code == 2
        assert "Name it with --run" in refused.words
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert billp("train", *at, "--episodes", "2", "--run", folder.name, "--resume", "--json").json == said.json


def test_a_second_training_into_a_memory_comes_after_the_first(billp: Billp, tiny: Path, hashed: None):
    at = ("--dataset", "tiny", "--method", "billp-memory-only", "--memory", "mine")
    for run in ("b", "a"):
        assert billp("train", *at, "--episodes", "2", "--run", run).code == 0
    assert billp("train", *at, "--episodes", "2", "--run", "b", "--resume").code == 0
    lessons = billp("memory", "list", "uses", *at[:2], "--memory", "mine", "--json").json["records"]
    assert [(lesson["origin"]["run"], lesson["ordinal"]) for lesson in lessons] == [
        ("a", 2), ("a", 3), ("b", 0), ("b", 1),
    ]  # fmt: skip


MADE = {
    "train": ["--method", "billp-memory-only", "--episodes", "3", "--memory", "mine"],
    "evaluate": ["--method", "billp-memory-only", "--untrained", "--users", "2", "--seeds", "0,1", "--horizon", "4"],
    "compare": ["--methods", "random,mmr,billp-memory-only", "--base", "mmr", "--episodes", "10", "--users", "3",
                "--probe-at", "0", "--set", "run.quit_rule=category-window", "--set", "memory.merged=3"],
}  # fmt: skip


@pytest.mark.parametrize("command", MADE)
def test_what_a_run_was_made_with_says_how_it_goes_on(billp: Billp, tiny: Path, hashed: None, command: str):
    made = billp(command, "--dataset", "tiny", *MADE[command], "--run", "first", "--json")
    assert made.code == 0, made.words
    folder = Path(os.environ["BILLP_RUNS_DIR"]) / "first"
    for end in ("metrics.json", "comparison.json"):
        (folder / end).unlink(missing_ok=True)
    assert f"Go on with it: billp {command}" in billp("runs", "show", "first").out
    arguments = resumption(folder, load_settings())
    again = billp(*arguments, "--json")
    assert again.code == 0, again.words
    before, after = made.json, again.json
    before["serving"] = after["serving"] = {}
    assert after == before
    assert billp("runs", "show", "first", "--json").json["state"] == "finished"


@pytest.mark.parametrize(
    ("name", "value"), [("llm.base_url", "http://elsewhere/v1"), ("prompts", "/elsewhere"), ("run.horizon", None)]
)
def test_a_run_leads_no_process_to_other_servers_or_folders(
    *, billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
):
    assert billp("evaluate", "--dataset", "tiny", "--method", "random", "--users", "2", "--run", "first").code == 0
    file = Path(os.environ["BILLP_RUNS_DIR"]) / "first" / CONFIG
    config = json.loads(file.read_text())
    *group, leaf = name.split(".")
    place = config["surroundings"]["settings"]
    (place[group[0]] if group else place)[leaf] = value
    file.write_text(json.dumps(config))
    monkeypatch.setenv("BILLP_RUN_HORIZON", "7")
    with pytest.raises(ArtifactError, match=f"goes on in a terminal, since it was made with another {name}"):
        resumption(file.parent, load_settings())
