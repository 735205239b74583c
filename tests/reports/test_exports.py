"""Exports: every episode and step, read back as they were."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from billp.errors import BadInputError
from billp.experiments.stats.endings import outcome_words
from billp.memory import Origin
from billp.reports import RunData, find_runs, write_csv, write_parquet
from billp.reports.exports import EPISODES, FORMULA, STEPS
from tests.experiments.examples import failed
from tests.reports.examples import HOSTILE, episode, put_run

Writer = Callable[[Sequence[RunData], Path], list[Path]]
TITLE = f'a "quoted", title\nin two lines; {HOSTILE}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    source = Origin("training", "train-0-2", "u2", -1, 0)
    lines = [episode("a", 4, 1, ended="too_close", title=TITLE, judged=True, source=source), failed("b", user="u1")]
    put_run(tmp_path / "all" / "one", lines, trained=3)
    put_run(tmp_path / "all" / "two", [episode("a", 2, 3, 4, method="react")], method="react", pack="terse")
    return tmp_path / "all"


def rows_of(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    return found


def test_parquet_gives_back_what_was_recorded(root: Path, tmp_path: Path):
    runs = find_runs(root)
    files = write_parquet(runs, tmp_path / "out")
    assert [file.name for file in files] == ["episodes.parquet", "steps.parquet"]
    episodes, steps = (rows_of(file) for file in files)
    assert [list(row) for row in (episodes[0], steps[0])] == [list(EPISODES), list(STEPS)]
    outputs = [line.output for run in runs for line in run.lines]
    assert [row["reward_trajectory"] for row in episodes] == [5, None, 9]
    assert [row["outcome"] for row in episodes] == ["too close", "failed", "disappointed"]
    assert [(row["run"], row["pack"], row["trained"]) for row in episodes] == [
        ("one", "default", 3), ("one", "default", 3), ("two", "terse", None),
    ]  # fmt: skip
    assert episodes[0]["reflections"] == ["reflections/training/train-0-2/-001"]
    recorded = [step for output in outputs if output is not None for step in output["steps"]]
    assert len(steps) == len(recorded) == 5
    for row, step in zip(steps, recorded, strict=True):
        reason = outcome_words(step["reason"])[0] if step["reason"] else ""
        assert {name: row[name] for name in step} == {**step, "plan": json.dumps(step["plan"]), "reason": reason}


def test_csv_holds_the_same_as_parquet(root: Path, tmp_path: Path):
    runs = find_runs(root)
    tables = zip(write_csv(runs, tmp_path / "out"), write_parquet(runs, tmp_path / "out"), strict=True)
    for text, table in tables:
        with text.open(newline="", encoding="utf-8") as stream:
            read = list(csv.DictReader(stream))
        expected = rows_of(table)
        assert len(read) == len(expected) > 0
        for row, known in zip(read, expected, strict=True):
            assert list(row) == list(known)
            for name, value in known.items():
                said = row[name]
                if value is None:
                    assert said == ""
                elif isinstance(value, list):
                    assert json.loads(said) == value
                elif isinstance(value, float):
                    assert float(said) == value
                else:
                    assert said == str(value)


@pytest.mark.parametrize(("write", "suffix"), [(write_csv, ".csv"), (write_parquet, ".parquet")])
def test_a_file_gets_its_steps_beside_it(root: Path, tmp_path: Path, write: Writer, suffix: str):
    files = write(find_runs(root), tmp_path / "deep" / f"mine{suffix}")
    assert [file.name for file in files] == [f"mine{suffix}", f"mine-steps{suffix}"]
    assert all(file.stat().st_size for file in files)


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(root: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written to"):
        write_csv(find_runs(root), tmp_path / "file")


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_a_text_that_a_spreadsheet_would_calculate_stays_a_text_in_csv(tmp_path: Path, start: str):
    put_run(tmp_path / "runs" / "one", [episode("e", -4.0, title=start, user=start)])
    for file, columns in zip(write_csv(find_runs(tmp_path / "runs"), tmp_path / "csv"), (EPISODES, STEPS), strict=True):
        with file.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert {row["user"] for row in rows} == {f"'{start}"}
        texts = [row[name] for row in rows for name, kind in columns.items() if kind == "text"]
        assert not [text for text in texts if text.startswith(FORMULA)]
