"""`billp play`: a person at the terminal, or lines on stdin, in place of a simulated user."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from billp.experiments.runs import live_session
from tests.cli.conftest import Billp

AT = ("play", "--dataset", "tiny", "--user", "Ada")


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def counts(billp: Billp, memory: str) -> dict[str, int]:
    found: dict[str, int] = billp("memory", "stats", "--dataset", "tiny", "--memory", memory, "--json").json["counts"]
    return found


def lines_of(run: str) -> list[dict[str, Any]]:
    path = Path(os.environ["BILLP_RUNS_DIR"]) / run / "episodes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_episode_is_played_from_stdin_recorded_and_taught(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch
):
    assert billp("train", "--dataset", "tiny", "--episodes", "1").code == 0
    before = counts(billp, "billp")
    typed(monkeypatch, "5", "?", "3", "2 q")
    said = billp(*AT, "--likes", "Film 7, The; film 9, the", "--run", "ada", "--learn", "--json")
    assert said.code == 0, said.err
    assert "'?' is no answer; give a rating from 1 to 5" in " ".join(said.err.split())
    done = said.json
    assert [step["reward"] for step in done["steps"]] == [5, 3, 2]
    assert (done["user"], done["ended"], done["history"]) == ("Ada", "left", [7, 9])
    (line,) = lines_of("ada")
    assert (line["status"], line["user"], line["output"]) == ("finished", "Ada", done)
    assert counts(billp, "live/Ada") == {"reflections": 1, "actor": 3, "critic": 3, "uses": 1}
    assert counts(billp, "billp") == before, "what a person taught stays apart"
    (taught,) = billp("memory", "list", "reflections", "--dataset", "tiny", "--memory", "live/Ada", "--json").json[
        "records"
    ]
    assert taught["origin"]["run"] == "live-ada"

    typed(monkeypatch, "q")
    again = billp(*AT, "--likes", "Film 7, The; film 9, the", "--run", "ada", "--learn", "--json")
    assert [lesson["text"] for lesson in again.json["reflections"]] == [done["reflection"]]
    assert [line["id"] for line in lines_of("ada")] == ["live-0-Ada-0", "live-0-Ada-1"]
    assert counts(billp, "live/Ada")["reflections"] == 2


def test_an_episode_that_a_kill_kept_from_being_taught_is_taught_before_the_next(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    command = (*AT, "--method", "billp-memory-only", "--learn", "--json")
    for run in ("whole", "killed"):
        for number in range(2):
            typed(monkeypatch, "5", "3", "q")
            with monkeypatch.context() as patched:
                if (run, number) == ("killed", 0):
                    patched.setattr(live_session, "learn_next", None)
                    with pytest.raises(TypeError):
                        billp(*command, "--run", "live", "--memory", run)
                else:
                    assert billp(*command, "--run", "live", "--memory", run).code == 0
        (Path(os.environ["BILLP_RUNS_DIR"]) / "live").rename(Path(os.environ["BILLP_RUNS_DIR"]) / run)
    assert counts(billp, "killed") == counts(billp, "whole")
    assert [line["output"]["steps"] for line in lines_of("killed")] == [
        line["output"]["steps"] for line in lines_of("whole")
    ]


def test_a_title_that_is_none_is_refused_before_anything_is_recorded(billp: Billp, tiny: Path, answered: None):
    said = billp(*AT, "--likes", "Film 7, The; Flim 31", "--run", "ada")
    assert said.code == 2
    assert "No item is titled 'Flim 31'; the nearest titles are Film 31, The" in " ".join(said.err.split())
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "ada").exists()


def test_a_screen_a_step(billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch):
    typed(monkeypatch, "4", "6", "no more llamas, a western", "q", "too many of them")
    said = billp(*AT, "--likes", "Film 7, The")
    assert said.code == 0, said.err
    for words in (
        "You like: Film 7, The",
        "Step 1 of at most 12",
        "Why: try something planner",
        "Your rating, 1 to 5",
        "Step 2 of at most 12",
        "'6' is no answer; a rating from 1 to 5, a wish, or q to leave.",
        'Why: Because you asked for "no more llamas, a western": Western',
        "Why? (Enter gives no reason)",
        "Len 2   R_each 2.50   R_traj 5.0",
        "Recorded in",
    ):
        assert words in said.out
    (folder,) = Path(os.environ["BILLP_RUNS_DIR"]).iterdir()
    assert folder.name.startswith("live-Ada-")
    assert (
        "There is no memory 'live/Ada'" in billp("memory", "stats", "--dataset", "tiny", "--memory", "live/Ada").words
    )


def test_ctrl_c_ends_with_130_and_leaves_no_episode(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch
):
    class Pressed:
        def readline(self) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Pressed())
    said = billp(*AT, "--json", "--run", "ada")
    assert said.code == 130
    assert said.err.endswith("billp: The episode was broken off; nothing of it was recorded or learned.\n")
    assert lines_of("ada") == []
    typed(monkeypatch, "q")
    assert billp(*AT, "--json", "--run", "ada").code == 0, "the name is free for another try"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--json"], "The answers ended at step 2, before the episode did"),
        ([], "The answers ended at step 2, before the episode did"),
        (["--method", "oracle"], "serves simulated users only"),
        (["--method", "react", "--learn"], "has no memory to teach"),
        (["--method", "billpp"], "There is no method 'billpp'"),
    ],
)
def test_what_cannot_be_played_ends_with_2(
    *, billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch, more: list[str], words: str
):
    typed(monkeypatch, "4")
    said = billp(*AT, *more)
    assert said.code == 2
    assert words in said.words


def test_nothing_is_learned_under_the_name_of_a_test_user(billp: Billp, tiny: Path, answered: None):
    from billp.simulators import load_dataset, load_worlds

    dataset = load_dataset(tiny, "tiny")
    examiner = dataset.user_keys[int(load_worlds(tiny / "simulators" / "tiny", dataset).test.users[0])]
    said = billp("play", "--dataset", "tiny", "--user", examiner, "--learn")
    assert said.code == 2
    assert "test users are for measuring" in said.words
