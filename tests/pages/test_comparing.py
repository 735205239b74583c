"""Runs side by side: pooled seeds, paired differences with their intervals, curves, and what they lack in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.pages.comparing import Compared, ComparisonQuestion, compared
from billp.pages.runs import Runs
from billp.pages.whole_runs import WholeRuns
from tests.reports.examples import comparison, episode, put_run


def compare(root: Path, *runs: str, base: str = "") -> Compared:
    return compared(WholeRuns(root, Runs(root)), ComparisonQuestion(run=list(runs), base=base))


def put(root: Path, name: str, rewards: list[float], **given: object) -> None:
    lines = [episode(f"e{n}", *[4.0] * int(reward), user=f"u{n}", method=name) for n, reward in enumerate(rewards)]
    put_run(root / name, lines, method=name, **given)  # type: ignore[arg-type]


def test_two_runs_are_compared_user_by_user(tmp_path: Path):
    put(tmp_path, "random", [1, 2, 3, 4])
    put(tmp_path, "act-only", [3, 4, 5, 6])
    found = compare(tmp_path, "random", "act-only", base="random · random")
    (difference,) = found.differences
    assert (found.base, difference.label, difference.pairs) == ("random · random", "act-only · act-only", 4)
    assert difference.differences["len"] == "+2.0 [+2.0, +2.0]", "every user stays for two more"
    assert set(difference.apart) == {"len", "r_traj"}
    assert difference.r_traj is not None
    assert difference.r_traj.y == 8.0
    turned = compare(tmp_path, "random", "act-only", base="act-only · act-only")
    assert turned.differences[0].differences["len"] == "-2.0 [-2.0, -2.0]"


def test_a_comparison_keeps_its_base_and_shows_its_curves(tmp_path: Path):
    root = comparison(tmp_path / "all")
    (root / "config.json").write_text('{"plan": {"command": "compare", "base": "react"}}')
    found = compare(tmp_path, "all")
    assert found.base == "react"
    assert [each.label for each in found.differences] == ["billp"]
    (curve,) = found.learning
    assert [point.x for point in curve.points] == [0, 3, 6]
    assert curve.points[0].low is not None
    assert (len(found.training), len(found.training[0].points)) == (1, 6)
    assert [row.training for row in found.rows] == [False, False, True]


def test_what_has_nothing_in_common_is_not_compared(tmp_path: Path):
    put(tmp_path, "random", [1, 2])
    put_run(tmp_path / "other", [episode("e", 4.0, user="u9", method="react")], method="react")
    found = compare(tmp_path, "random", "other", base="random · random")
    assert "no user" in found.differences[0].note
    assert found.notes == []


def test_what_runs_do_not_share_is_said(tmp_path: Path):
    put(tmp_path, "random", [1, 2], settings={"run": {"horizon": 5}})
    put(tmp_path, "react", [1, 2], settings={"run": {"horizon": 9}}, complete=False)
    notes = " ".join(compare(tmp_path, "random", "react").notes)
    assert "different horizons" in notes
    assert "not come to its end" in notes


def test_a_run_or_a_base_that_is_not_there_is_named(tmp_path: Path):
    put(tmp_path, "random", [1, 2])
    with pytest.raises(ArtifactError, match="no run 'nothing'"):
        compare(tmp_path, "random", "nothing")
    with pytest.raises(ArtifactError, match="no result 'x'"):
        compare(tmp_path, "random", base="x")
