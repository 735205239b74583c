"""The runs as a person keeps them: found, sorted, shown with their parts, renamed and removed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from billp.errors import ArtifactError, BadInputError
from billp.experiments.runs.run_names import is_called, origin_of
from billp.pages.answers import Launch, RunQuestion
from billp.pages.runs import Runs
from billp.pages.whole_runs import WholeRuns
from tests.reports.examples import comparison, episode, put_run


def whole(root: Path) -> WholeRuns:
    return WholeRuns(root, Runs(root))


def put(root: Path, name: str, *rewards: float, changed: int = 0, **given: Any) -> Path:
    folder = put_run(root / name, [episode("e", *rewards)], **given)
    os.utime(folder / "episodes.jsonl", (changed, changed))
    return folder


def names(root: Path, **asked: object) -> list[str]:
    return [run.name for run in whole(root).asked(RunQuestion.model_validate(asked)).runs]


def test_runs_come_newest_first_and_in_parts(tmp_path: Path):
    for number in range(5):
        put(tmp_path, f"run-{number}", 3.0, changed=100 + number)
    part = whole(tmp_path).asked(RunQuestion(offset=1, limit=2))
    assert (part.total, part.of, [run.name for run in part.runs]) == (5, 5, ["run-3", "run-2"])
    assert names(tmp_path / "nowhere") == []


def test_runs_are_found_by_all_of_the_words(tmp_path: Path):
    put(tmp_path, "one", 3.0, method="react")
    put(tmp_path, "two", 3.0, method="react", complete=False)
    put(tmp_path, "three", 3.0)
    assert names(tmp_path, text="REACT inter") == ["two"]
    assert names(tmp_path, text="nothing") == []
    assert whole(tmp_path).asked(RunQuestion(text="react")).total == 3


@pytest.mark.parametrize("down", [True, False])
def test_runs_are_sorted_by_what_they_came_to_and_those_without_it_come_last(tmp_path: Path, down: bool):
    put(tmp_path, "middle", 3.0)
    put(tmp_path, "best", 3.0, 5.0)
    put(tmp_path, "worst", 1.0)
    comparison(tmp_path / "all")
    ordered = ["best", "middle", "worst"] if down else ["worst", "middle", "best"]
    assert names(tmp_path, sort="r_traj", down=down) == [*ordered, "all"]


def test_a_run_is_shown_with_its_parts_results_first(tmp_path: Path):
    comparison(tmp_path / "all")
    found = whole(tmp_path).one("all")
    assert [part.kind for part in found.parts] == ["result"] * 4 + ["probe"] * 3 + ["training"]
    assert (found.run.parts, found.run.episodes, found.run.length) == (8, 24, None)
    put(tmp_path, "alone", 3.0)
    alone = whole(tmp_path).one("alone")
    assert ([part.name for part in alone.parts], alone.run.r_traj) == (["alone"], 3.0)


def test_how_much_is_planned_is_told(tmp_path: Path):
    put(tmp_path, "e", 3.0, users=["u0", "u1"], seeds=[0, 1, 2], complete=False)
    put(tmp_path, "t", 3.0, command="train", episodes=40)
    arms = {"random": {"method": "random"}, "billp": {"method": "billp"}}
    plan: dict[str, Any] = {
        "arms": arms,
        "train_episodes": 30,
        "users": 10,
        "seeds": [0, 1],
        "probes": [0, 10],
        "probe_users": 5,
    }
    put(tmp_path, "c", 3.0, command="compare", **plan)
    put(tmp_path, "odd", 3.0, command="train", episodes=None)
    planned = {name: whole(tmp_path).one(name).run.planned for name in ("e", "t", "c", "odd")}
    assert planned == {"e": 6, "t": 40, "c": 2 * (30 + 2 * 5 + 2 * 10), "odd": None}


def test_a_damaged_run_hides_no_other(tmp_path: Path):
    put(tmp_path, "good", 3.0)
    (put(tmp_path, "bad", 3.0) / "episodes.jsonl").write_text('{"nonsense": 1}\n')
    states = {run.name: run.state for run in whole(tmp_path).asked(RunQuestion()).runs}
    assert states == {"good": "finished", "bad": "damaged"}
    assert "line 1" in whole(tmp_path).one("bad").run.problem


def test_a_running_run_is_said_to_run_and_is_neither_renamed_nor_removed(tmp_path: Path):
    folder = put(tmp_path, "one", 3.0, complete=False)
    assert whole(tmp_path).one("one").run.state == "interrupted"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert whole(tmp_path).one("one").run.state == "running"
        with pytest.raises(ArtifactError, match="in use by another process"):
            whole(tmp_path).remove("one")
        with pytest.raises(ArtifactError, match="in use by another process"):
            whole(tmp_path).rename("one", "two")
    assert (folder / "episodes.jsonl").is_file()


def test_a_renamed_run_is_still_what_memory_means(tmp_path: Path):
    folder = put(tmp_path, "one", 3.0)
    done = whole(tmp_path).rename("one", "two")
    assert (done.run, names(tmp_path)) == ("two", ["two"])
    renamed = folder.with_name("two")
    assert is_called(renamed, "one")
    assert not is_called(renamed, "two"), "another run may have been called so"
    assert origin_of(renamed) == "live-one"
    whole(tmp_path).rename("two", "three")
    assert is_called(folder.with_name("three"), "one")


@pytest.mark.parametrize(
    ("name", "error"), [("taken", ArtifactError), ("../out", BadInputError), ("-x", BadInputError)]
)
def test_a_name_that_cannot_be_given_changes_nothing(tmp_path: Path, name: str, error: type[Exception]):
    put(tmp_path / "runs", "one", 3.0)
    put(tmp_path / "runs", "taken", 4.0)
    with pytest.raises(error):
        whole(tmp_path / "runs").rename("one", name)
    assert sorted(names(tmp_path / "runs")) == ["one", "taken"]


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "nothing", "out", "one/../one", "/etc"])
def test_only_a_run_of_the_folder_is_removed(tmp_path: Path, name: str):
    secret = put(tmp_path, "secret", 3.0)
    put(tmp_path / "runs", "one", 3.0)
    (tmp_path / "runs" / "out").symlink_to(secret)
    with pytest.raises(ArtifactError, match="There is no run"):
        whole(tmp_path / "runs").remove(name)
    assert (secret / "episodes.jsonl").is_file()
    whole(tmp_path / "runs").remove("one")
    assert not (tmp_path / "runs" / "one").exists()


def test_a_removal_that_is_killed_leaves_nothing_among_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("one", "two"):
        put(tmp_path, name, 3.0)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("billp.experiments.runs.listing.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            whole(tmp_path).remove("one")
    assert names(tmp_path) == ["two"]
    put(tmp_path, "one", 4.0)
    whole(tmp_path).remove("two")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    whole(tmp_path).remove("one")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_just_started_is_shown_before_it_has_a_folder(tmp_path: Path):
    launch = Launch(run="new", command="billp train --run new", state="running", code=None, said=[])
    found = whole(tmp_path).one("new", launch)
    assert (found.run.command, found.run.state, found.parts) == ("train", "running", [])
    with pytest.raises(ArtifactError):
        whole(tmp_path).one("new")
