"""Paths that cannot be: one sentence, exit code 2, and what stands there is as it was."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Billp, files

AT = ("--dataset", "tiny")
MEMORY_ONLY = ("--method", "billp-memory-only")
ACT_ONLY = ("evaluate", *AT, "--method", "act-only", "--users", "1", "--run", "new")
WRITING = {
    "report": ("report", "one", "--out", "@"),
    "markdown": ("report", "one", "--markdown", "@"),
    "latex": ("report", "one", "--latex", "@"),
    "csv": ("report", "one", "--csv", "@/table.csv"),
    "parquet": ("report", "one", "--parquet", "@/table.parquet"),
    "export": ("memory", "export", "@", *AT, "--memory", "m"),
    "settings": ("settings", "init", "@"),
    "tape": (*ACT_ONLY, "--tape", "record", "--tape-file", "@"),
}
READING = {
    "log": ("data", "add", "@", "--items", "items.csv"),
    "items": ("data", "add", "log.csv", "--items", "@"),
    "import": ("memory", "import", "@", *AT, "--memory", "new"),
    "pack": ("prompts", "check", "@"),
    "prompts": (*ACT_ONLY, "--prompts", "@"),
    "replay": (*ACT_ONLY, "--tape", "replay", "--tape-file", "@"),
}
ODD = ("folder", "pipe", "socket", "loop", "file/below", "x" * 300, "a/" * 3000 + "b", "a\0b", "/proc/none", "~none/x")


@pytest.fixture
def places(billp: Billp, tiny: Path, answered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of odd things, in which commands are given; there is a run `one` and a memory `m`."""
    assert billp("evaluate", *AT, "--method", "random", "--users", "1", "--run", "one").code == 0
    assert billp("train", *AT, *MEMORY_ONLY, "--episodes", "1", "--memory", "m", "--run", "two").code == 0
    folder = tmp_path / "odd"
    (folder / "folder").mkdir(parents=True)
    (folder / "file").write_text("kept")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(folder)
        bound.bind("socket")
    (folder / "log.csv").write_text("user_id,item_id,rating\nu,a,5\n")
    (folder / "items.csv").write_text("item_id,title\na,A\n")
    return folder


@pytest.mark.parametrize("name", [*WRITING, *READING])
def test_an_odd_path_is_refused_in_a_sentence(billp: Billp, places: Path, name: str):
    kinds, kept = {path.name: path.lstat().st_mode for path in places.iterdir()}, files(places)
    command = (WRITING | READING)[name]
    for odd in ("", "/", *ODD):
        if name in ("csv", "parquet", "markdown", "latex") and odd in ("", "/", "folder"):
            continue  # a folder is what they write into
        said = billp(*(word.replace("@", odd) for word in command))
        assert said.code == 2, (odd, said)
        assert len(said.err.splitlines()[-1]) > 20
        assert "Traceback" not in said.err
        assert {path.name: path.lstat().st_mode for path in places.iterdir()} == kinds
        assert files(places) == kept


@pytest.mark.parametrize("name", ["report", "markdown", "csv", "export", "settings"])
def test_home_is_found_where_no_shell_does_it(
    billp: Billp, places: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert billp(*(word.replace("@", "~/made") for word in WRITING[name])).code == 0
    assert (tmp_path / "home" / "made").exists()
    assert not (places / "~").exists()


@pytest.mark.parametrize("setting", ["BILLP_DATA_DIR", "BILLP_RUNS_DIR"])
def test_a_folder_of_data_or_runs_that_is_none_is_refused(
    billp: Billp, places: Path, setting: str, monkeypatch: pytest.MonkeyPatch
):
    for odd, told in (("file", "file is no folder"), ("pipe", "pipe is no folder"), ("", "it is empty")):
        monkeypatch.setenv(setting, odd)
        for command in (("data", "list"), ("runs", "list"), ("evaluate", *AT, "--method", "random", "--run", "new")):
            said = billp(*command)
            assert said.code == 2
            assert told in said.words


def test_a_name_that_is_no_text_is_written_like_others(billp: Billp, places: Path):
    odd = os.fsdecode(b"odd-\xff")
    assert billp("report", "one", "--out", f"{odd}.html", "--csv", odd, "--parquet", odd).code == 0
    assert len(list((places / odd).iterdir())) == 4
