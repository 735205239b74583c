"""What rows are called: once, for every place that shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.experiments.runs.names import row_name
from billp.pages.runs import Runs
from billp.reports import find_runs, write_csv
from billp.reports.rows import group_rows
from tests.reports.examples import comparison


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
    page = {run.method for run in Runs(tmp_path).newest(0, 100).runs}
    rows = write_csv(runs, tmp_path / "out")[0].read_text().splitlines()
    column = rows[0].split(",").index("name")
    assert report == page == {row.split(",")[column] for row in rows[1:]}
