"""Pictures of a report: there for what there is data for, of the right kind, and the same for the same numbers."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from billp.errors import BadInputError, SettingsError
from billp.reports import Report, find_runs, make_report
from billp.reports.pictures import write_pictures
from tests.reports.examples import comparison, episode, put_run

pytest.importorskip("matplotlib")


def report_of(root: Path) -> Report:
    return make_report(find_runs(root))


def words(file: Path) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", file.read_text(encoding="utf-8")))


def test_a_comparison_gives_its_methods_and_their_learning(tmp_path: Path):
    report = report_of(comparison(tmp_path / "all"))
    files = write_pictures(report, tmp_path, "svg")
    assert [file.name for file in files] == ["methods.svg", "learning.svg"]
    assert {"react", "billp"} <= set(words(files[0]).split())
    assert "training episodes" in words(files[1])
    again = [file.read_bytes() for file in files]
    write_pictures(report, tmp_path, "svg")
    assert [file.read_bytes() for file in files] == again
    for file in write_pictures(report, tmp_path, "png"):
        assert file.read_bytes().startswith(b"\x89PNG")


def test_a_training_alone_gives_its_curve(tmp_path: Path):
    lines = [episode(f"train-0-{n}", *[3.0] * (n + 1), split="train") for n in range(4)]
    put_run(tmp_path / "one", lines, command="train")
    (file,) = write_pictures(report_of(tmp_path / "one"), tmp_path, "svg")
    assert file.name == "training.svg"


def test_a_name_is_no_mathematics(tmp_path: Path):
    put_run(tmp_path / "one", [episode("e", 3.0), episode("f", 4.0, user="u1")], arm=r"$\frac{1}$")
    (file,) = write_pictures(report_of(tmp_path / "one"), tmp_path, "svg")
    assert r"$\frac{1}$" in words(file)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path):
    report = report_of(comparison(tmp_path / "all"))
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="cannot be written"):
        write_pictures(report, tmp_path / "file", "svg")


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report = report_of(comparison(tmp_path / "all"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"billp\[plots\]"):
        write_pictures(report, tmp_path, "png")
