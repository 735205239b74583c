"""What is kept (runs, datasets, simulators, memories, settings) listed, shown and removed; and what to do next."""

from __future__ import annotations

import fcntl
import io
import os
import tomllib
from pathlib import Path

import pytest

from billp.memory import open_memory
from billp.memory.inventory import folder_of
from billp.memory.store.folder import FILE
from billp.settings import load_settings, setting_names
from tests.cli.conftest import Billp, files
from tests.fakes.embedder import HashEmbedder
from tests.memory import examples


@pytest.fixture
def run(billp: Billp, tiny: Path, hashed: None) -> Path:
    said = billp("evaluate", "--dataset", "tiny", "--method", "random", "--users", "2", "--run", "first")
    assert said.code == 0
    return Path(os.environ["BILLP_RUNS_DIR"]) / "first"


def test_a_run_is_listed_shown_and_removed(billp: Billp, run: Path):
    (row,) = billp("runs", "list", "--json").json["runs"]
    assert (row["name"], row["command"], row["method"], row["dataset"]) == ("first", "evaluate", "random", "tiny")
    assert (row["episodes"], row["state"]) == (2, "finished")
    assert "evaluate" in billp("runs", "list").out
    assert str(run) in billp("runs", "show", "first").out

    assert billp("runs", "rm", "first", "--yes").code == 0
    assert not run.exists()
    assert billp("runs", "list", "--json").json == {"runs": []}


def test_a_run_in_use_is_not_removed(billp: Billp, run: Path):
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = billp("runs", "rm", "first", "--yes")
    assert (said.code, "in use by another process" in said.words) == (2, True)
    assert (run / "episodes.jsonl").is_file()


@pytest.mark.parametrize("name", ["../first", "nosuch", "."])
def test_only_a_run_of_the_runs_folder_is_removed(billp: Billp, run: Path, name: str):
    before = files(run.parent.parent)
    assert billp("runs", "rm", name, "--yes").code == 2
    assert files(run.parent.parent) == before


@pytest.mark.parametrize("command", [("rm", "--yes"), ("rename", "new")])
def test_neither_a_folder_at_hand_nor_what_a_link_leads_to_is_changed(
    billp: Billp, run: Path, command: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for precious in ("papers", "moved"):
        (tmp_path / precious).mkdir()
        (tmp_path / precious / "config.json").write_text('{"plan": {"command": "train"}}')
        (tmp_path / precious / "thesis").write_text("kept")
    (run.parent / "linked").symlink_to(tmp_path / "moved")
    (run.parent / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, words in (("papers", "no run 'papers'"), ("linked", "is a link"), ("other", "no run 'other'")):
        said = billp("runs", command[0], name, command[1])
        assert (said.code, words in said.words) == (2, True), said.words
    assert [(tmp_path / name / "thesis").read_text() for name in ("papers", "moved")] == ["kept", "kept"]
    assert (run.parent / "other").is_dir()


def test_a_run_whose_episodes_cannot_be_read_is_listed(billp: Billp, run: Path):
    (run / "episodes.jsonl").unlink()
    os.mkfifo(run / "episodes.jsonl")
    assert billp("runs", "list", "--json").json["runs"][0]["episodes"] is None
    assert "cannot be read" in billp("runs", "show", "first").out
    assert billp("runs", "rm", "first", "--yes").code == 0


def test_a_run_without_its_end_is_said_to_be_open(billp: Billp, run: Path):
    (run / "metrics.json").unlink()
    assert billp("runs", "show", "first", "--json").json["state"] == "interrupted"
    assert "go on with first, which was interrupted" in billp().out
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert billp("runs", "show", "first", "--json").json["state"] == "running"
        assert "go on with first" not in billp().out


def test_a_run_is_renamed_and_goes_on_under_its_new_name(billp: Billp, run: Path):
    assert billp("runs", "rename", "first", "second").code == 0
    assert not run.exists()
    more = ["--dataset", "tiny", "--method", "random", "--users", "2", "--run", "second", "--resume"]
    assert billp("evaluate", *more).code == 0
    assert billp("runs", "rename", "first", "third").code == 2
    assert billp("runs", "rename", "second", "../third").code == 2
    (row,) = billp("runs", "list", "--json").json["runs"]
    assert row["name"] == "second"


def test_a_simulator_and_a_dataset_are_listed_and_removed(billp: Billp, tiny: Path):
    assert billp("simulator", "list", "--json").json == {"simulators": ["tiny"]}
    assert billp("simulator", "rm", "tiny", "--yes").code == 0
    assert billp("simulator", "list", "--json").json == {"simulators": []}
    assert billp("simulator", "rm", "tiny", "--yes").code == 2

    assert billp("data", "rm", "tiny", "--yes").code == 0
    assert billp("data", "list", "--json").json == {"datasets": []}
    assert billp("data", "rm", "tiny", "--yes").code == 2


def test_a_kill_leaves_no_half_of_what_is_removed(billp: Billp, tiny: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = files(tiny)
    for command, at in (("simulator", "simulators/tiny"), ("data", "datasets/tiny")):
        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", killed)
            billp(command, "rm", "tiny", "--yes")
        assert not (tiny / at).exists()
        assert billp(command, "list", "--json").json == {f"{at.partition('/')[0]}": []}
    assert files(tiny) != before


def test_a_damaged_memory_is_removed_and_nothing_of_it_is_kept(billp: Billp, tiny: Path):
    for name in ("mine", "other"):
        with open_memory(load_settings(), "tiny", name, HashEmbedder()) as agent_memory:
            agent_memory.actor.write([examples.actor(1)])
    folder = folder_of(load_settings(), "tiny", "mine")
    (folder / FILE).write_bytes(b"nonsense" * 1000)
    assert billp("memory", "rm", "mine", "--dataset", "tiny", "--yes").code == 0
    assert not folder.exists()
    assert billp("memory", "rm", "mine", "--dataset", "tiny", "--yes").code == 2
    assert billp("memory", "list", "--json").json == {"memories": {"tiny": ["other"]}}


def test_a_link_in_the_place_of_a_simulator_or_a_dataset_is_not_followed(billp: Billp, tiny: Path):
    for kind, command in (("simulators", "simulator"), ("datasets", "data")):
        (tiny / kind / "tiny").rename(tiny.parent / kind)
        (tiny / kind / "tiny").symlink_to(tiny.parent / kind)
        before = files(tiny.parent / kind)
        said = billp(command, "rm", "tiny", "--yes")
        assert (said.code, "cannot be removed" in said.words) == (2, True), said.words
        assert files(tiny.parent / kind) == before
        (tiny / "simulators" / "tiny").unlink(missing_ok=True)


def test_a_training_of_a_policy_has_ended_when_its_policy_is_there(billp: Billp, run: Path):
    (run / "metrics.json").unlink()
    assert billp("runs", "show", "first", "--json").json["state"] == "interrupted"
    (run / "policy").mkdir()
    (run / "policy" / "policy.json").write_text("{}")
    assert billp("runs", "show", "first", "--json").json["state"] == "finished"


def test_a_damaged_memory_is_named_beside_the_others(billp: Billp, tiny: Path, hashed: None):
    for name in ("mine", "bad"):
        with open_memory(load_settings(), "tiny", name, HashEmbedder()) as memory:
            memory.actor.write([examples.actor(1, 1)])
    (folder_of(load_settings(), "tiny", "bad") / FILE).write_bytes(b"nonsense" * 1000)
    for command in (("memory", "list"), (), ("memory", "list", "--json")):
        said = billp(*command)
        assert (said.code, "bad-" in said.err, "cannot be read" in said.err) == (0, True, True), said.words
    assert said.json == {"memories": {"tiny": ["mine"]}}
    assert "1 memory," in billp().out

    assert billp("memory", "rm", "mine", "--dataset", "tiny", "--yes").code == 0
    assert not folder_of(load_settings(), "tiny", "mine").exists()


def test_nothing_is_removed_unasked(billp: Billp, run: Path, monkeypatch: pytest.MonkeyPatch):
    before = files(run.parent.parent)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n" * 3))
    for command in (("runs", "rm", "first"), ("data", "rm", "tiny"), ("simulator", "rm", "tiny")):
        assert billp(*command).code == 1
    assert files(run.parent.parent) == before


def test_alone_it_says_what_to_do_next(billp: Billp, own_folders: Path):
    said = billp()
    assert said.code == 0
    assert "billp demo" in said.out
    assert "0 data sets" in said.out


def test_it_leads_on_from_what_is_there(billp: Billp, run: Path):
    said = billp().out
    assert "billp train --dataset tiny" in said
    assert "billp-memory-only --dataset tiny --users 10\n" in said, "tiny has no more held-out users"
    assert "billp report first" in said
    assert "billp demo" not in said


def test_the_version_is_said(billp: Billp):
    said = billp("--version")
    assert said.code == 0
    assert said.out.startswith("billp 0.")


def test_settings_are_shown_by_section(billp: Billp, own_folders: Path):
    shown = billp("settings", "--section", "critic", "--json").json
    assert 0 < shown["critic.gamma"] < 1
    assert all(name.startswith("critic.") for name in shown)
    refused = billp("settings", "--section", "critc")
    assert (refused.code, "did you mean critic" in refused.words) == (2, True)


def test_a_file_of_settings_names_each_and_changes_nothing(
    billp: Billp, own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith("BILLP_")]:
        monkeypatch.delenv(name)
    before = billp("settings", "--json").json
    assert billp("settings", "init").code == 0
    assert billp("settings", "--json").json == before
    assert billp("settings", "init").code == 2  # it is there now
    assert "no/such.toml cannot be written" in billp("settings", "init", "no/such.toml").words

    words = Path("billp.toml").read_text(encoding="utf-8")
    leaves = {name.rpartition(".")[2] for name in setting_names()} - {"api_key", "postgres_url"}
    assert leaves <= {line[2:].partition(" =")[0] for line in words.splitlines() if " =" in line}
    # Every default is written as the file would have it.
    given = [line for line in words.splitlines() if line.startswith("[") or (line[-2:] != " =" and " = " in line)]
    live = "\n".join(line.removeprefix("# ") for line in given)
    tomllib.loads(live)
    Path("billp.toml").write_text(live, encoding="utf-8")
    assert billp("settings", "--json").json == before


def test_a_shipped_pack_is_taken_by_its_name(billp: Billp, tiny: Path):
    assert billp("prompts", "list", "--prompts", "terse", "--json").json["pack"] == "terse"
    assert "default, terse" in billp("prompts", "list", "--prompts", "ters").words


def test_tables_in_a_pipe_are_plain_rows(billp: Billp, run: Path):
    said = billp("runs", "list").out
    assert not set(said) & set("│┃━┏┓─")
    assert len(said.strip().splitlines()) == 2


def test_where_there_is_nothing_a_sentence_says_what_brings_it(billp: Billp, own_folders: Path, hashed: None):
    for kept, words in (
        ("data", "data fetch"),
        ("simulator", "simulator build"),
        ("runs", "train"),
        ("memory", "train"),
    ):
        said = billp(kept, "list")
        assert (said.code, said.out) == (0, ""), "a pipe gets nothing"
        assert words in said.err
    with open_memory(load_settings(), "tiny", "mine", HashEmbedder()) as memory:
        memory.actor.write([examples.actor(1, 1)])
    for command in (("list", "critic"), ("search", "war", "--kind", "critic")):
        assert "No critic here" in billp("memory", *command, "--dataset", "tiny", "--memory", "mine").err
