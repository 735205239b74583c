"""Finding runs: at any depth, still going on, damaged, or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from billp.errors import ArtifactError
from billp.reports import find_runs
from billp.reports.run_data import catalogues
from billp.simulators import ColumnSpec, add_folder
from tests.fakes.worlds import tiny_dataset, write_atomic
from tests.reports.examples import comparison, episode, put_run


def test_every_run_below_a_folder_is_found(tmp_path: Path):
    runs = find_runs(comparison(tmp_path / "all"))
    assert [run.name for run in runs] == [
        "billp/probe-0", "billp/probe-3", "billp/probe-6", "billp/seed-0", "billp/seed-1", "billp/training",
        "react/seed-0", "react/seed-1",
    ]  # fmt: skip
    assert [run.training for run in runs].count(True) == 1
    assert all(run.complete for run in runs)


def test_a_run_is_found_by_itself(tmp_path: Path):
    (run,) = find_runs(put_run(tmp_path / "one", [episode("a", 3)], trained=7, nonsense=1))
    assert (run.name, run.method, run.config.plan.trained, len(run.lines)) == ("one", "billp", 7, 1)


def test_a_run_still_going_on_is_read_as_far_as_it_is(tmp_path: Path):
    folder = put_run(tmp_path / "one", [episode("a", 3), episode("b", 4)], complete=False)
    with (folder / "episodes.jsonl").open("a") as file:
        file.write('{"id": "c", "batch"')  # killed, or just being written
    before = (folder / "episodes.jsonl").read_bytes()
    (run,) = find_runs(tmp_path)
    assert [line.id for line in run.lines] == ["a", "b"]
    assert not run.complete
    assert (folder / "episodes.jsonl").read_bytes() == before, "reading must leave the run as it is"


def test_a_folder_without_an_episode_is_refused(tmp_path: Path):
    put_run(tmp_path / "empty", [], complete=False)
    with pytest.raises(ArtifactError, match="holds no episode yet"):
        find_runs(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("config.json", "{", "config.json cannot be read"),
        ("config.json", '{"plan": {"trained": "many"}}', "plan.trained"),
        ("episodes.jsonl", '{"id": 1}\n', "line 1 is no episode of this version"),
    ],
)
def test_a_damaged_run_is_refused(tmp_path: Path, file: str, text: str, words: str):
    folder = put_run(tmp_path / "one", [episode("a", 3)])
    (folder / file).write_text(text)
    with pytest.raises(ArtifactError, match=words):
        find_runs(tmp_path)


@pytest.mark.parametrize(
    ("stored", "rule"),
    [
        ({"simulator": {"quit_rule": "satiation", "judgement_rounding": "none"}}, "quit rule satiation (window 5"),
        ({"simulator": {"window": 2}}, "quit rule distance (window 2) on ratings in whole stars"),  # before it was set
        ({"simulator": {"another": 1}}, ""),
        ({}, ""),
    ],
)
def test_a_run_says_under_which_rule_it_was_made(tmp_path: Path, stored: dict[str, Any], rule: str):
    (run,) = find_runs(put_run(tmp_path / "one", [episode("a", 3)], settings=stored))
    assert run.config.rule.startswith(rule)
    assert bool(run.config.rule) == bool(rule)


def test_only_the_dataset_of_the_run_gives_titles(tmp_path: Path):
    run = put_run(tmp_path / "run", [episode("a", 3)])
    assert catalogues(tmp_path / "data", find_runs(run)) == {}, "not registered"
    write_atomic(tmp_path / "source", tiny_dataset())
    dataset = add_folder(
        tmp_path / "data", tmp_path / "source", columns=ColumnSpec(categories="class", title="movie_title")
    )
    assert catalogues(tmp_path / "data", find_runs(run)) == {}, "registered, but another one"
    config = json.loads((run / "config.json").read_text())
    config["dataset"]["fingerprint"] = dataset.fingerprint
    (run / "config.json").write_text(json.dumps(config))
    assert catalogues(tmp_path / "data", find_runs(run))[dataset.fingerprint][3].title == "Film 3, The"


def test_a_run_that_names_no_dataset_has_no_titles(tmp_path: Path):
    run = put_run(tmp_path / "run", [episode("a", 3)])
    (run / "config.json").write_text("{}")
    assert catalogues(tmp_path / "data", find_runs(run)) == {}
