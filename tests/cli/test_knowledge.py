"""`billp knowledge`: items are asked about once, and what was said counts in runs, is recorded and explained."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Billp

TINY = ("--dataset", "tiny")
MINE = (*TINY, "--memory", "mine")


def recorded(run: str) -> dict[str, Any]:
    """What a run noted of the LLM's knowledge."""
    config = json.loads((Path(os.environ["BILLP_RUNS_DIR"]) / run / "config.json").read_text())
    noted: dict[str, Any] = config["surroundings"].get("knowledge", {})
    return noted


def test_every_item_is_asked_about_once_and_a_second_time_there_is_nothing_to_ask(
    billp: Billp, tiny: Path, answered: None
):
    first = billp("knowledge", "build", *TINY, "--json")
    assert first.code == 0, first.words
    assert (first.json["asked"], first.json["items"]) == (60, 60)
    (file,) = (tiny / "knowledge").iterdir()
    before = file.read_bytes()
    assert billp("knowledge", "build", *TINY, "--json").json == first.json
    assert file.read_bytes() == before
    assert billp("knowledge", "show", *TINY, "--json").json == first.json


def test_what_was_said_is_shown_to_people(billp: Billp, tiny: Path, answered: None):
    assert "0 of 60" in billp("knowledge", "show", *TINY).words
    assert "not asked about any item yet" in billp("doctor").words
    said = billp("knowledge", "build", *TINY)
    assert said.code == 0, said.words
    assert "60 of 60" in said.words
    assert "tiny: asked about 60 of 60 items" in billp("doctor").words


def test_other_words_are_another_question(billp: Billp, tiny: Path, answered: None, tmp_path: Path):
    import shutil

    from billp.agents.prompt_pack import DEFAULT_PACK

    pack = Path(shutil.copytree(DEFAULT_PACK, tmp_path / "own"))
    (pack / "item.md").write_text((pack / "item.md").read_text().replace("widely acclaimed", "loved by many"))
    assert billp("knowledge", "build", *TINY, "--json").json["asked"] == 60
    assert billp("knowledge", "show", *TINY, "--prompts", pack, "--json").json["asked"] == 0


def test_a_run_says_which_answers_it_began_with_and_goes_on_with_them(billp: Billp, tiny: Path, answered: None):
    assert billp("knowledge", "build", *TINY, "--set", "memory.llm_items=20").code == 0
    run = (*MINE, "--episodes", "4", "--run", "run", "--set", "run.batch=2", "--json")
    said = billp("train", *run)
    assert said.code == 0, said.words
    began = recorded("run")
    assert (began["answers"], began["items"]) == (20, 20)
    assert billp("knowledge", "build", *TINY).code == 0
    resumed = billp("train", *run, "--resume")
    assert resumed.code == 0, resumed.words
    assert resumed.json == said.json
    assert recorded("run") == began


def test_a_recommendation_is_explained_with_what_was_known_then(billp: Billp, tiny: Path, answered: None):
    assert billp("knowledge", "build", *TINY, "--set", "memory.llm_items=30").code == 0
    assert billp("train", *MINE, "--episodes", "4", "--run", "run", "--set", "run.batch=2").code == 0
    assert billp("knowledge", "build", *TINY).code == 0
    episodes = Path(os.environ["BILLP_RUNS_DIR"]) / "run" / "episodes.jsonl"
    last = json.loads(episodes.read_text().splitlines()[-1])
    told = billp("memory", "attribution", "run", last["id"], "1", "--json")
    assert told.code == 0, told.words
    assert told.json["as_it_was"] is True


@pytest.mark.parametrize("method", ["billp-memory-only", "billp-memory-only-no-logs"])
def test_memory_alone_knows_nothing_of_it(billp: Billp, tiny: Path, answered: None, method: str):
    assert billp("knowledge", "build", *TINY).code == 0
    run = ("evaluate", *TINY, "--method", method, "--untrained", "--users", "2", "--run")
    assert billp(*run, "with").code == 0
    assert recorded("with") == {}
    for file in (tiny / "knowledge").iterdir():
        file.unlink()
    assert billp(*run, "without").code == 0
    runs = Path(os.environ["BILLP_RUNS_DIR"])
    played = [
        [
            [step["item"] for step in json.loads(line)["output"]["steps"]]
            for line in (runs / name / "episodes.jsonl").read_text().splitlines()
        ]
        for name in ("with", "without")
    ]
    assert played[0] == played[1]


def test_what_was_recorded_replays_without_model_and_file(billp: Billp, tiny: Path, answered: None, tmp_path: Path):
    assert billp("knowledge", "build", *TINY).code == 0
    run = ("evaluate", *TINY, "--untrained", "--users", "2", "--json", "--tape-file", tmp_path / "tape.sqlite")
    first = billp(*run, "--run", "first", "--tape", "record")
    assert first.code == 0, first.words
    for file in (tiny / "knowledge").iterdir():
        file.unlink()
    again = billp(*run, "--run", "again", "--tape", "replay")
    assert again.code == 0, again.words
    assert recorded("again") == recorded("first")
    assert again.json["r_traj"] == first.json["r_traj"]
