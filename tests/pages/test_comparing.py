"""Runs side by side: pooled seeds, paired differences with their intervals, curves, and what they lack in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.pages.comparing import Compared, compared
from billp.reports import read_report
from tests.experiments.examples import failed
from tests.reports.examples import comparison, episode, put_run


def compare(root: Path, *runs: str, base: str = "") -> Compared:
    return compared(read_report([root / run for run in runs]), base)


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
    assert [row.training for row in found.rows] == [False, False, True]
    charts = {chart.name: chart.curves for chart in found.charts}
    (curve,) = charts["learning"]
    assert [point.x for point in curve.points] == [0, 3, 6]
    assert curve.points[0].low is not None
    (training,) = charts["training"]
    assert len(training.points) == 6


def test_a_comparison_is_told_whole(tmp_path: Path):
    found = compare(tmp_path, comparison(tmp_path / "all").name)
    assert list(found.facts) == ["data", "prompts", "horizon", "seeds", "episodes", "recorded"]
    assert (found.facts["seeds"], found.facts["episodes"]) == ("0, 1", "24 in 8 run folders")
    charts = {
        chart.name: [(each.label, [(at.x, at.y) for at in each.points]) for each in chart.curves]
        for chart in found.charts
    }
    assert charts["learning"] == [("billp", [(0, 3), (3, 15), (6, 27)])]
    assert charts["memory"] == [
        ("experiences", [(1, 1), (2, 3), (3, 6), (4, 10), (5, 11), (6, 13)]),
        ("reflections", [(n, n) for n in range(1, 7)]),
    ]
    assert charts["policies"] == [
        ("a2c, held-out users", [(1, 4), (2, 4)]),
        ("a2c, train users", [(1, 5), (2, 10)]),
        ("billp", [(1, 12), (2, 12)]),
    ]
    assert charts["reliability"][1:] == [("as foretold", [(0, 0), (5, 5)])]
    bars = {chart.name: {bar.label: bar.sizes for bar in chart.bars} for chart in found.bars}
    assert found.bars[0].parts == ["disappointed", "too close"]
    assert bars["quits"] == {"react": [1, 0], "billp": [0, 1], "billp (training)": [1, 0]}
    assert bars["reward-per-token"]["billp"] == [120]
    assert [table.title for table in found.tables] == [
        "beyond accuracy", "cost", "policies: steps of training and R_traj",
    ]  # fmt: skip
    rows = {row.label: row for row in found.rows}
    assert (rows["billp"].coverage, rows["billp"].numbers["r_traj"]) == ("25%", "12.0 [12.0, 12.0]")
    assert rows["react"].failed == 2
    assert "| billp |" in found.markdown
    assert r"\toprule" in found.latex
    assert [part.name for part in found.parts if part.row == "react"] == ["all/react/seed-0", "all/react/seed-1"]


def test_a_run_without_a_finished_episode_has_no_chart(tmp_path: Path):
    put_run(tmp_path / "one", [failed("a"), failed("b")])
    found = compare(tmp_path, "one")
    assert (found.charts, found.bars) == ([], [])
    assert found.rows[0].numbers["r_traj"] == "- (none finished)"


def test_words_of_the_stand_in_model_are_marked(tmp_path: Path):
    said = "Stand-in model: its words carry no knowledge."
    for name, words, pack in (("stand-in", False, "default"), ("model", True, "default"), ("none", False, "")):
        put_run(tmp_path / name, [episode("a", 4)], llm={"words": words}, pack=pack)
        assert (said in compare(tmp_path, name).notes) == (name == "stand-in")


def test_pairs_of_several_runs_say_which(tmp_path: Path):
    for name in ("monday", "tuesday"):
        comparison(tmp_path / name)
    found = compare(tmp_path, "monday", "tuesday")
    assert found.base == "react · monday"
    assert [each.label for each in found.differences] == ["react · tuesday", "billp · monday", "billp · tuesday"]
    (policies,) = (chart for chart in found.charts if chart.name == "policies")
    names = [curve.label for curve in policies.curves if "held-out" in curve.label]
    assert names == ["a2c · monday, held-out users", "a2c · tuesday, held-out users"]


def test_run_folders_of_the_same_name_are_told_apart(tmp_path: Path):
    for name in ("monday", "tuesday"):
        put_run(tmp_path / name / "one", [episode("a", 4.0)])
    names = [part.name for part in compare(tmp_path, "monday/one", "tuesday/one").parts]
    assert names == [str(tmp_path / name / "one") for name in ("monday", "tuesday")]


def test_a_damaged_comparison_is_refused(tmp_path: Path):
    (comparison(tmp_path / "all") / "comparison.json").write_text('{"pairs": [{"a": "billp"}]}')
    with pytest.raises(ArtifactError, match=r"comparison\.json cannot be read"):
        compare(tmp_path, "all")


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


def test_a_base_that_is_not_there_is_named(tmp_path: Path):
    put(tmp_path, "random", [1, 2])
    with pytest.raises(ArtifactError, match="no result 'x'"):
        compare(tmp_path, "random", base="x")
