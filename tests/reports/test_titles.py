"""Titles: from the registered dataset, where it is the one that the run was made with."""

from __future__ import annotations

import json
from pathlib import Path

from billp.reports import find_runs
from billp.reports.titles import catalogues
from billp.simulators import ColumnSpec, add_folder
from tests.fakes.worlds import tiny_dataset, write_atomic
from tests.reports.examples import episode, put_run


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
