"""Names of runs that nobody named."""

from __future__ import annotations

import os
import time
from pathlib import Path

from billp.experiments.runs.run_names import run_name
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
