"""A run is named, or is where a path says."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.experiments.runs.run_names import row_name, run_named
from billp.pages.runs import Runs
from billp.pages.whole_runs import WholeRuns
from billp.reports import find_runs, write_csv
from billp.reports.report_rows import group_rows
from tests.reports.examples import comparison


def test_a_run_is_a_name_or_a_path(tmp_path: Path):
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    assert run_named(tmp_path / "runs", "mine") == folder
    assert run_named(tmp_path / "elsewhere", str(folder)) == folder


def test_a_run_that_is_not_there_is_answered_with_names_like_it(tmp_path: Path):
    for name in ("train-1", "train-2", "demo"):
        (tmp_path / name).mkdir()
    with pytest.raises(
        ArtifactError, match=r"'train-3' in .* \(did you mean train-\d or train-\d\?\); choose one of demo,"
    ):
        run_named(tmp_path, "train-3")
    with pytest.raises(ArtifactError, match="none yet"):
        run_named(tmp_path / "nowhere", "train-3")
    with pytest.raises(ArtifactError, match="There is no run"):
        run_named(tmp_path, "a\0b")
    with pytest.raises(ArtifactError, match="cannot be looked up"):
        run_named(tmp_path, "x" * 5000)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"method": "random", "trained": 0}, "random"),
        ({"method": "billp"}, "billp"),
        ({"method": "billp", "trained": 0}, "billp before learning"),
        ({"method": "billp", "trained": 1}, "billp after 1 episode"),
        ({"method": "billp", "trained": 30}, "billp after 30 episodes"),
        ({"method": "billp", "trained": 30, "arm": "billp@terse"}, "billp@terse"),
        ({"method": "billp", "trained": 30, "arm": "billp", "probe": True}, "billp after 30 episodes (probe)"),
        ({"method": "billp", "arm": "billp", "training": True}, "billp (training)"),
        ({"method": "dqn", "trained": 0}, "dqn"),
    ],
)
def test_a_row_is_named_by_what_was_learned(given: dict[str, object], name: str):
    assert row_name(**given) == name  # type: ignore[arg-type]


def test_report_page_and_export_have_one_name(tmp_path: Path):
    root = comparison(tmp_path / "all")
    runs = find_runs(root)
    report = {row.label for row in group_rows(runs)}
    page = {part.method for part in WholeRuns(tmp_path, Runs(tmp_path)).one("all").parts}
    rows = write_csv(runs, tmp_path / "out")[0].read_text().splitlines()
    column = rows[0].split(",").index("name")
    assert report == page == {row.split(",")[column] for row in rows[1:]}
