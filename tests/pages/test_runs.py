"""Runs and their episodes as the page reads them, also while they grow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from billp.errors import ArtifactError
from billp.experiments.runs.run_folder import parse_line
from billp.pages.runs import Runs
from billp.reports.episode_view import Place
from billp.reports.provenance import Source
from tests.experiments.examples import failed
from tests.reports.examples import episode, put_run


def put(folder: Path, *lines: object, changed: int = 0, **given: object) -> Path:
    put_run(folder, lines, **given)  # type: ignore[arg-type]
    os.utime(folder / "episodes.jsonl", (changed, changed))
    return folder


def append(folder: Path, text: str) -> None:
    with (folder / "episodes.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_rows_come_in_the_order_asked_for_and_what_is_gone_is_left_out(tmp_path: Path):
    for number in range(3):
        put(tmp_path / "all" / f"run-{number}", episode(f"e{number}", 3.0))
    runs = Runs(tmp_path)
    assert [row.name for row in runs.rows(["all/run-2", "all/gone", "all/run-0"])] == ["all/run-2", "all/run-0"]
    assert Runs(tmp_path / "nowhere").rows(["a"]) == []


def test_a_row_says_what_a_run_came_to(tmp_path: Path):
    put(tmp_path / "a", episode("x", 4.0, 2.0), episode("y", 5.0), failed("z"), changed=7, complete=False)
    (row,) = Runs(tmp_path).rows(["a"])
    assert (row.episodes, row.failed, row.length, row.r_traj) == (3, 1, 1.5, 5.5)
    assert (row.method, row.dataset, row.command, row.changed) == ("billp", "tiny", "evaluate", 7)
    assert not row.complete
    put(tmp_path / "b", failed("z"), changed=8)
    (row,) = Runs(tmp_path).rows(["b"])
    assert (row.length, row.r_traj, row.complete) == (None, None, True)


def test_what_a_person_plays_lacks_nothing(tmp_path: Path):
    put(tmp_path / "a", episode("x", 4.0), command="play", complete=False)
    assert Runs(tmp_path).rows(["a"])[0].complete


def test_a_damaged_run_is_shown_with_its_fault_and_hides_no_other(tmp_path: Path):
    put(tmp_path / "good", episode("x", 4.0), changed=1)
    bad = put(tmp_path / "bad", episode("x", 4.0), changed=2)
    append(bad, '{"nonsense": 1}\n')
    runs = Runs(tmp_path)
    damaged, good = runs.rows(["bad", "good"])
    assert "line 2 is no episode" in damaged.problem
    assert (good.name, good.problem, good.episodes) == ("good", "", 1)
    with pytest.raises(ArtifactError, match="line 2"):
        runs.episodes("bad", 0, 20)


def test_a_growing_run_is_read_on_from_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = put(tmp_path / "a", episode("x", 4.0))
    runs = Runs(tmp_path)
    assert runs.episodes("a", 0, 20).of == 1
    parsed: list[int] = []

    def counting(path: Path, number: int, line: bytes) -> object:
        parsed.append(number)
        return parse_line(path, number, line)

    monkeypatch.setattr("billp.pages.runs.parse_line", counting)
    text = episode("y", 5.0, 3.0).model_dump_json()
    append(folder, text[:40])
    assert runs.episodes("a", 0, 20).of == 1, "a line that is still being written is no episode"
    append(folder, text[40:] + "\n")
    part = runs.episodes("a", 1, 20)
    assert [(row.number, row.id, row.length) for row in part.episodes] == [(2, "y", 2)]
    assert parsed == [2]
    _, line, _ = runs.episode("a", 2)
    assert line.id == "y"


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path):
    folder = put(tmp_path / "a", episode("x", 4.0), episode("y", 4.0))
    runs = Runs(tmp_path)
    assert runs.episodes("a", 0, 20).of == 2
    other = folder / "other"
    other.write_text(episode("z", 4.0).model_dump_json() + "\n")
    other.replace(folder / "episodes.jsonl")
    assert [row.id for row in runs.episodes("a", 0, 20).episodes] == ["z"]


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "a/../../secret", "/etc", "a/", "A", "a\0", "x" * 5000])
def test_a_name_that_is_no_run_leads_nowhere(tmp_path: Path, name: str):
    put(tmp_path / "secret", episode("x", 4.0))
    put(tmp_path / "runs" / "a", episode("x", 4.0))
    runs = Runs(tmp_path / "runs")
    with pytest.raises(ArtifactError, match="There is no run"):
        runs.episodes(name, 0, 20)
    with pytest.raises(ArtifactError, match="There is no run"):
        runs.episode(name, 1)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path):
    put(tmp_path / "secret" / "inner", episode("x", 4.0))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "out").symlink_to(tmp_path / "secret")
    assert Runs(tmp_path / "runs").rows(["out/inner"]) == []


@pytest.mark.parametrize("number", [0, -1, 3])
def test_an_episode_that_is_not_there_is_named(tmp_path: Path, number: int):
    put(tmp_path / "a", episode("x", 4.0), episode("y", 4.0))
    with pytest.raises(ArtifactError, match=f"has no episode {number}; it has 2"):
        Runs(tmp_path).episode("a", number)


def test_places_are_those_nearest_to_the_reader(tmp_path: Path):
    for seed in ("a", "b"):
        put(tmp_path / seed / "training", episode("train-0-0", 3.0))
        put(tmp_path / seed / "test", episode("test-0-u0", 3.0))
    runs, source = Runs(tmp_path), Source("training", "train-0-0", 1, 0)
    whole = Source("b/training", "train-0-0", -1, 0)
    assert runs.places([source, whole], "a/test") == {
        source: Place(run="a/training", number=1),
        whole: Place(run="b/training", number=1),
    }
    assert runs.places([source]) == {}, "both are as near"
    assert runs.places([Source("training", "train-0-9", 1, 0)], "a/test") == {}


def test_of_an_episode_that_was_tried_again_the_last_try_counts(tmp_path: Path):
    folder = put(tmp_path / "a", failed("x"), episode("y", 5.0))
    runs = Runs(tmp_path)
    assert [row.id for row in runs.episodes("a", 0, 9).episodes] == ["x", "y"]
    append(folder, episode("x", 4.0, 2.0).model_dump_json() + "\n" + episode("z", 1.0).model_dump_json() + "\n")
    for reader in (runs, Runs(tmp_path)):
        found = reader.episodes("a", 0, 9)
        assert [(row.number, row.id) for row in found.episodes] == [(1, "x"), (2, "y"), (3, "z")]
        assert (found.run.episodes, found.run.failed) == (3, 0)
        line = reader.episode("a", 1)[1]
        assert line.output is not None
        assert line.output["reward_trajectory"] == 6.0
