"""What is not there, or cannot be, is refused at once, with names like it, before anything is loaded or announced."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from billp.memory import open_memory
from billp.settings import load_settings
from tests.cli.conftest import Billp, files
from tests.fakes.embedder import HashEmbedder
from tests.memory.examples import actor

AT = ["--dataset", "tiny"]


@pytest.fixture
def memories(tiny: Path, own_folders: Path) -> None:
    """A memory `lessons` that holds something, and one `emptied` that held something once."""
    for name in ("lessons", "emptied"):
        with open_memory(load_settings(), "tiny", name, HashEmbedder()) as agent_memory:
            agent_memory.actor.write([actor(1)])
            if name == "emptied":
                agent_memory.forget([record.id for record in agent_memory.records("actor")])


READING = [
    ["evaluate", *AT],
    ["evaluate", *AT, "--method", "billp-memory-only"],
    ["episode", *AT, "--user", "u1"],
    ["critic", *AT],
    ["play", *AT, "--user", "me"],
    ["memory", "stats", *AT],
    ["memory", "list", "actor", *AT],
    ["memory", "search", "war", *AT],
    ["memory", "show", "actor/r/e/0001", *AT],
    ["memory", "export", "out.jsonl", *AT],
    ["memory", "prune", *AT],
    ["memory", "clear", "--yes", *AT],
    ["memory", "clear", "--yes", "--kind", "actor", *AT],
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_memory_that_is_not_there_is_refused_with_names_like_it(
    billp: Billp, memories: None, command: list[str], tmp_path: Path
):
    before = files(tmp_path)
    said = billp(*command, "--memory", "lesson")

    assert said.code == 2
    assert "There is no memory 'lesson' of 'tiny' (did you mean lessons?); choose one of" in said.words
    assert "Run:" not in said.words
    assert {name: kept for name, kept in files(tmp_path).items() if "billp.lock" not in name} == before


@pytest.mark.parametrize("method", ["billp", "billp-memory-only", "reflexion", "billp-llm-only"])
def test_an_empty_memory_is_no_result_unless_that_is_asked_for(
    billp: Billp, memories: None, answered: None, method: str
):
    at = ["evaluate", *AT, "--method", method, "--users", "1"]
    said = billp(*at, "--memory", "emptied")
    assert said.code == 2
    assert "Memory 'emptied' of 'tiny' is empty" in said.words
    assert "--untrained" in said.words
    assert billp(*at, "--memory", "emptied", "--untrained").code == 0
    assert billp(*at, "--memory", "never there", "--untrained").code == 0
    held = billp(*at, "--memory", "lessons", "--untrained")
    assert held.code == 2
    assert "Memory 'lessons' of 'tiny' holds 1 records" in held.words


@pytest.mark.parametrize("method", ["random", "act-only", "react", "oracle"])
def test_a_method_that_reads_no_memory_needs_none(billp: Billp, memories: None, answered: None, method: str):
    assert billp("evaluate", *AT, "--method", method, "--users", "1").code == 0


WRONG = [
    (["evaluate", *AT, "--method", "bilp"], "There is no method 'bilp' (did you mean billp"),
    (["train", *AT, "--method", "bilp"], "There is no method 'bilp'"),
    (["train", *AT, "--method", "random"], "Method 'random' has no memory to train"),
    (["episode", *AT, "--user", "u1", "--method", "bilp"], "There is no method 'bilp'"),
    (["episode", *AT, "--user", "u1", "--method", "random", "--learn"], "Method 'random' has no memory to train"),
    (["play", *AT, "--user", "me", "--method", "oracle"], "serves simulated users only"),
    (["play", *AT, "--user", "me", "--method", "dqn"], "serves simulated users only"),
    (["compare", *AT, "--methods", "random,bilp"], "There is no method 'bilp'"),
    (["compare", *AT, "--methods", "random"], "There is only random to compare"),
    (["compare", *AT, "--methods", "random,popular", "--base", "act-only"], "The base 'act-only' is not compared"),
    (
        ["evaluate", *AT, "--method", "random", "--users", "99"],
        "has 10 users and 99 were asked for; ask for at most 10",
    ),
    (["compare", *AT, "--methods", "random,popular", "--users", "99"], "has 10 users and 99 were asked for"),
    (["critic", *AT, "--method", "random", "--users", "99"], "has 10 users and 99 were asked for"),
    (["evaluate", "--dataset", "tinny", "--method", "random"], "There is no dataset 'tinny' (did you mean tiny?)"),
    (["train", "--dataset", "tinny"], "There is no dataset 'tinny' (did you mean tiny?)"),
    (["compare", "--dataset", "tinny"], "There is no dataset 'tinny' (did you mean tiny?)"),
    (["episode", "--dataset", "tinny", "--user", "u1"], "There is no dataset 'tinny'"),
    (["play", "--dataset", "tinny", "--user", "u1"], "There is no dataset 'tinny'"),
    (["critic", "--dataset", "tinny"], "There is no dataset 'tinny'"),
    (["tune", "--dataset", "tinny", "--method", "dqn"], "There is no dataset 'tinny'"),
    (["evaluate", *AT, "--method", "dqn", "--memory", "mine"], "There is no trained policy 'mine' of 'tiny'"),
    (["evaluate", *AT, "--method", "random", "--set", "critic.gama=0.5"], "There is no setting 'critic.gama'; the nea"),
    (["evaluate", *AT, "--method", "random", "--set", "gamma"], "has no '='"),
    (["evaluate", *AT, "--method", "random", "--resume"], "which run is to go on?"),
    (["evaluate", *AT, "--method", "random", "--run", "taken"], "Run runs/taken exists; add --resume"),
    (["train", *AT, "--run", "taken"], "exists; add --resume"),
    (["compare", *AT, "--run", "taken"], "exists; add --resume"),
    (["critic", *AT, "--untrained", "--run", "taken"], "exists; add --resume"),
    (["tune", *AT, "--method", "dqn", "--run", "taken"], "exists; add --resume"),
    (["critic", "--recorded", "takn"], "(did you mean taken?)"),
    (["report", "takn"], "(did you mean taken?)"),
    (["memory", "attribution", "takn", "e", "1"], "(did you mean taken?)"),
]
PATHS = [
    "~",
    "~root",
    "-",
    "/etc",
    "..",
    ".",
    "a/b",
    "../../x",
    "",
    ".hidden",
    "a\\b",
    "\u202etxt",
    "a\u200bb",
    "x" * 300,
]


# One process for all of them: each costs it milliseconds, and a process of its own a second.
ASKED = """
import contextlib, io, json, sys
from billp import cli
for command in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(command)
        except SystemExit as ended:
            code = ended.code
    heavy = {"torch", "chromadb", "langgraph", "sentence_transformers"} & set(sys.modules)
    print(json.dumps([code, out.getvalue(), err.getvalue(), sorted(heavy)]))
"""


@pytest.fixture(scope="module")
def refusals(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, str, list[str]]]:
    """Exit code, output, errors and what heavy was loaded by then, for each of WRONG; none of them changed a file."""
    home = tmp_path_factory.mktemp("refusals")
    shutil.copytree(tiny_home / "data", home / "data")
    (home / "runs" / "taken").mkdir(parents=True)
    (home / "runs" / "taken" / "config.json").write_text("{}")
    before = files(home)
    folders = {"BILLP_DATA_DIR": str(home / "data"), "BILLP_RUNS_DIR": "runs"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BILLP_")}
    done = subprocess.run(  # noqa: S603 -- our own words
        [sys.executable, "-c", ASKED, json.dumps([command for command, _ in WRONG])], cwd=home, capture_output=True,
        text=True, check=True, env={**kept, **folders, "COLUMNS": "300", "NO_COLOR": "1"},
    )  # fmt: skip
    assert files(home) == before
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("position", range(len(WRONG)), ids=[" ".join(command) for command, _ in WRONG])
def test_what_cannot_be_is_refused_before_anything_is_loaded(refusals: list[tuple[object, ...]], position: int):
    code, out, err, heavy = refusals[position]
    assert (code, out, heavy) == (2, "", []), err
    assert WRONG[position][1] in str(err)
    assert "Traceback" not in str(err)
    assert "Run: " not in str(err)


@pytest.mark.parametrize("name", PATHS)
def test_a_name_is_no_path(billp: Billp, tiny: Path, hashed: None, name: str, tmp_path: Path):
    before = files(tmp_path)
    for command in (
        ["evaluate", *AT, "--method", "random", "--run", name],
        ["train", *AT, "--run", name],
        ["compare", *AT, "--methods", "random,popular", "--run", name],
        ["play", *AT, "--user", "me", "--run", name or "/"],
        ["evaluate", *AT, "--method", "dqn", "--memory", name or "/"],
    ):
        said = billp(*command)
        assert said.code == 2
        assert "cannot be the name of a" in said.words
    assert files(tmp_path) == before
