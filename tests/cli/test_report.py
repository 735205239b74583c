"""`billp report`: what it writes, prints and refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Billp
from tests.reports.examples import comparison, episode, put_run


@pytest.fixture
def runs(own_folders: Path) -> Path:
    folder = Path(os.environ["BILLP_RUNS_DIR"])
    comparison(folder / "all")
    put_run(folder / "one", [episode("a", 4)])
    return folder


def test_the_page_lies_in_the_run(billp: Billp, runs: Path):
    said = billp("report", "all")
    assert said.code == 0
    assert f"Report: {runs / 'all' / 'report.html'}" in said.words
    assert (runs / "all" / "report.html").read_text().startswith("<!doctype html>")


def test_several_runs_share_a_page_in_the_first(billp: Billp, runs: Path):
    said = billp("report", "one", runs / "all", "one", "--json")
    assert said.code == 0
    assert said.json["report"] == str(runs / "one" / "report.html")
    assert [(row["run"], row["label"]) for row in said.json["rows"]] == [
        ("all", "react · all"), ("one", "billp · one"), ("all", "billp · all"),
        ("all", "billp (training) · all"),
    ]  # fmt: skip
    assert said.json["rows"][1]["r_traj"] == {"mean": 4.0, "ci95": None, "note": "one user"}
    assert [(pair["run"], pair["metric"]) for pair in said.json["pairs"]] == [("all", "r_traj"), ("all", "len")]
    assert not (runs / "all" / "report.html").exists()


def test_page_and_exports_go_where_they_are_sent(billp: Billp, runs: Path, tmp_path: Path):
    out, tables, file = tmp_path / "new" / "page.html", tmp_path / "tables", tmp_path / "all.parquet"
    said = billp("report", "all", "--out", out, "--csv", tables, "--parquet", file)
    assert said.code == 0
    made = {out, tables / "episodes.csv", tables / "steps.csv", file, tmp_path / "all-steps.parquet"}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == made
    assert all(str(path) in said.out for path in made)
    assert not (runs / "all" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "RUN is missing"),
        (["al"], "There is no run 'al' in"),
        (["one", "al"], "(did you mean all?); choose one of all,"),
        (["empty"], "holds no episode yet"),
        (["one", "--out", "."], "cannot be written to"),
    ],
    ids=str,
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(billp: Billp, runs: Path, arguments: list[str], words: str):
    (runs / "empty").mkdir()
    said = billp("report", *arguments)
    assert (said.code, words in said.words) == (2, True), said.words
    assert said.out == ""
    assert not list(runs.rglob("report.html"))


def test_tables_are_written_for_papers(billp: Billp, runs: Path, tmp_path: Path):
    markdown, latex = tmp_path / "new" / "table.md", tmp_path / "table.tex"
    said = billp("report", "one", "--markdown", markdown, "--latex", latex)
    assert said.code == 0
    assert f"Export: {markdown}" in said.words
    assert "| billp | " in markdown.read_text()
    assert "4.0 [-] (one user)" in markdown.read_text()
    assert r"billp & " in latex.read_text()
    assert billp("report", "all", "--markdown", tmp_path / "all.md").code == 0
    assert "against react, paired by user and seed" in (tmp_path / "all.md").read_text()


def test_a_comparison_of_an_earlier_version_says_how_to_bring_it_up_to_date(billp: Billp, runs: Path):
    file = runs / "all" / "comparison.json"
    stored = json.loads(file.read_text())
    del stored["serving"]
    file.write_text(json.dumps(stored))
    refused = billp("report", "all")
    assert refused.code == 2
    assert "run the comparison again with --resume" in refused.words
