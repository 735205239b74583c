"""The command line: what each command prints, refuses and leaves behind."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from billp.cli import app
from tests.cli.conftest import Billp, files

PLANTED = "sk-planted-0123456789"


def silent(command: Any, path: str) -> list[str]:  # noqa: ANN401 -- Typer's own class has no public name
    """Commands and options that do not say what they are."""
    found = [] if command.help else [path]
    found += [
        f"{path} {each.opts[0]}"
        for each in command.params
        if each.opts and not getattr(each, "help", "") and not getattr(each, "hidden", False)
    ]
    for name, child in getattr(command, "commands", {}).items():
        found += silent(child, f"{path} {name}")
    return found


def test_every_command_and_option_says_what_it_is(billp: Billp):
    assert silent(get_command(app), "billp") == []
    said = billp("simulator", "build", "--help")
    assert (said.code, said.err, "Usage: " in said.out) == (0, "", True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "There is no command 'nonsense'; see `billp --help`"),
        (["data", "fetch", "ml-25m"], "'ml-25m' cannot be fetched, only ml-100k and ml-1m"),
        (["data", "info", "nowhere"], "There is no dataset 'nowhere'; choose one of tiny"),
        (["data", "info", "../tiny"], "Dataset name '../tiny' is not usable"),
        (["data", "add", "nowhere"], "nowhere does not exist; check the folder and the name"),
        (["data", "add", "nowhere.csv.gz", "--items", "none.csv"], "nowhere.csv.gz does not exist; check the folder"),
        (["data", "add", "."], ". holds no file named *.inter"),
        (["data", "add", ".", "--items", "none.csv"], ". is a folder, which holds its items itself"),
        (["data", "add", "nowhere", "--min-user", "-1"], "--min-user must be at least 0, not '-1'"),
        (["simulator", "build", "nowhere"], "There is no dataset 'nowhere'"),
        (["simulator", "info", "nowhere"], "There is no dataset 'nowhere'"),
        (["train", "--dataset", "tiny", "--episodes", "0"], "--episodes must be at least 1, not '0'"),
        (["train", "--dataset", "tiny", "--seeds", "-1"], "'-1' is not a list of numbers"),
        (["train", "--dataset", "tiny", "--seeds", "0,1"], "'0,1' names several; this command takes one"),
        (["train", "--dataset", "tiny", "--seed", "1", "--seeds", "2"], "it is called --seeds now; give one"),
        (["train", "--nonsense", "1"], "There is no option --nonsense; see `billp train --help`"),
        (["evaluate", "--dataset", "tiny", "--method", "random", "--seeds", "a"], "'a' is not a list of numbers"),
        (["evaluate", "--dataset", "tiny", "--method", "random", "--seeds", "1,1"], "'1,1' names a seed twice"),
        (["evaluate", "--dataset", "tiny", "--method", "random", "--seeds", "-1"], "'-1' is not a list of numbers"),
        (["episode"], "--user is missing; see `billp episode --help`"),
        (["episode", "--dataset", "tiny", "--method", "random", "--user", "u99"], "has no user 'u99'; ids like it are"),
        (["settings", "--set", "nonsense=1"], "There is no setting 'nonsense'; the nearest are"),
        (["settings", "--set", "critic.nonsense=1"], "There is no setting 'critic.nonsense'; the nearest are critic."),
        (["settings", "--set", "critic.gamma=2"], "Setting critic.gamma must be below 1.0, not '2'"),
        (["settings", "--set", "critic.gamma=much"], "Setting critic.gamma must be a number, not 'much'"),
        (["settings", "--set", "actor.mode=both"], "Setting actor.mode must be 'shortlist' or 'free', not 'both'"),
        (["train", "--dataset", "tiny", "--set", "run.batch=0"], "Setting run.batch must be at least 1, not '0'"),
        (["evaluate", "--dataset", "tiny", "--side-by-side", "0"], "Setting run.side_by_side must be at least 1, not"),
        (["prompts", "show", "nobody"], "There is no role 'nobody'; roles are "),
        (["prompts", "check", "nowhere"], "nowhere"),
        (["prompts", "list", "--prompts", "nowhere"], "nowhere"),
        (["memory", "list", "nonsense"], "There is no KIND 'nonsense'; choose one of reflections, actor, critic"),
        (["memory", "import", "nowhere.jsonl"], "The export nowhere.jsonl cannot be read"),
        (["memory", "export", "no/where.jsonl"], "There is no memory 'billp' of 'ml-100k'; there are none yet"),
        (["memory", "stats", "--memory", " "], "There is no memory ' ' of 'ml-100k'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(
    billp: Billp, tiny: Path, hashed: None, arguments: list[str], words: str
):
    before = files(tiny / "datasets") | files(tiny / "simulators")
    said = billp(*arguments)
    assert (said.code, words in said.words) == (2, True), said.words
    assert said.out == ""
    assert "Traceback" not in said.err
    assert files(tiny / "datasets") | files(tiny / "simulators") == before
    assert not Path(os.environ["BILLP_RUNS_DIR"]).exists()


def test_an_api_key_is_shown_and_stored_nowhere(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("BILLP_LLM_API_KEY", PLANTED)
    caplog.set_level(logging.DEBUG)
    said = [
        billp("settings"),
        billp("settings", "--json"),
        billp("--verbose", "train", "--dataset", "tiny", "--episodes", "1", "--run", "one"),
        billp("evaluate", "--dataset", "tiny", "--users", "1", "--run", "two", "--json"),
        billp("train", "--dataset", "tiny", "--episodes", "2", "--run", "one", "--resume"),
        billp("settings", "--set", "llm.timeout_s=0"),
    ]
    assert [each.code for each in said] == [0, 0, 0, 0, 2, 2]
    assert all(PLANTED not in each.out + each.err for each in said)
    assert PLANTED not in caplog.text
    assert said[1].json["llm.api_key"].strip("*") == ""
    assert said[1].json["llm.api_key"] != ""
    monkeypatch.delenv("BILLP_LLM_API_KEY")
    assert billp("settings", "--json").json["llm.api_key"] == "", "asterisks say that there is a key"
    runs = Path(os.environ["BILLP_RUNS_DIR"])
    assert (runs / "one" / "config.json").exists()
    assert not [name for name, content in (files(runs) | files(tiny)).items() if PLANTED.encode() in content]


def test_settings_lists_every_setting_with_its_value(billp: Billp):
    from billp.settings import setting_names

    assert billp("settings", "--json", "--set", "critic.gamma=0.25").json["critic.gamma"] == 0.25
    assert list(billp("settings", "--json").json) == list(setting_names())
    assert "critic.gamma" in billp("settings").out


def test_flag_beats_environment_beats_file_beats_default(billp: Billp, monkeypatch: pytest.MonkeyPatch):
    def gamma(*flags: str) -> object:
        return billp("settings", "--json", *flags).json["critic.gamma"]

    assert gamma() == 0.95
    Path("billp.toml").write_text("[critic]\ngamma = 0.6\n")
    assert gamma() == 0.6
    monkeypatch.setenv("BILLP_CRITIC_GAMMA", "0.7")
    assert gamma() == 0.7
    assert gamma("--set", "critic.gamma=0.8") == 0.8


@pytest.mark.parametrize(
    ("variable", "file", "words"),
    [
        ("BILLP_NONSENSE", "", "Environment variable BILLP_NONSENSE names no setting; the nearest are BILLP_"),
        ("", "critic = [", "billp.toml cannot be read"),
        ("", "nonsense = 1", "There is no setting 'nonsense'"),
        ("", "[critic]\ngamma = 3", "Setting critic.gamma must be below 1.0, not 3"),
    ],
)
@pytest.mark.parametrize("command", [["settings"], ["data", "list"], ["memory", "stats"], ["prompts", "list"]])
def test_bad_settings_stop_every_command(
    *, billp: Billp, monkeypatch: pytest.MonkeyPatch, variable: str, file: str, words: str, command: list[str]
):
    if variable:
        monkeypatch.setenv(variable, "1")
    Path("billp.toml").write_text(file)
    said = billp(*command)
    assert said.code == 2
    assert words in said.words
    assert len(said.err.strip().splitlines()) <= 2


def test_prompts_are_listed_shown_and_checked(billp: Billp, tmp_path: Path):
    listed = billp("prompts", "list", "--json").json
    roles = [role["role"] for role in listed["roles"]]
    assert {"planner", "critic", "reflector"} <= set(roles)
    assert "planner" in billp("prompts", "list").out
    for role in roles:
        shown = billp("prompts", "show", role)
        assert shown.code == 0
        assert len(shown.out) > 40
        told = billp("prompts", "show", role, "--json").json
        assert (told["role"], told["fixed"] in shown.out, told["changing"] in shown.out) == (role, True, True)
        assert {"version", "purpose", "variables"} <= told.keys()
    own = tmp_path / "pack"
    shutil.copytree(listed["folder"], own)
    assert "whole prompt pack" in billp("prompts", "check", own).words
    checked = billp("prompts", "check", own, "--json").json
    assert checked == {"pack": "pack", "folder": str(own), "sha256": listed["sha256"], "roles": roles}
    assert billp("prompts", "list", "--prompts", own, "--json").json["sha256"] == listed["sha256"]
    (own / "critic.md").unlink()
    for flags in ([], ["--json"]):
        said = billp("prompts", "check", own, *flags)
        assert (said.code, said.out) == (2, "")
        assert "critic" in said.words


def test_the_graph_is_drawn(billp: Billp):
    said = billp("graph")
    assert said.code == 0
    assert "graph TD" in said.out
    for node in ("recall", "plan", "respond", "criticise", "reflect"):
        assert node in said.out


def test_an_interrupt_ends_with_130_and_says_how_to_go_on(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    from billp.graphs.resources import Resources

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Resources, "__aenter__", interrupted)
    said = billp("evaluate", "--dataset", "tiny", "--method", "random", "--users", "2")
    assert said.code == 130
    assert "--resume" in said.words
