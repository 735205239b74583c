"""Files and folders appear whole or not at all; what killed processes left is swept up, what is in use is not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from types import SimpleNamespace

import pytest

from billp.whole_files import (
    bounded_lines,
    check_plain,
    check_room,
    hold,
    open_lock,
    private_folder,
    read_bounded,
    replacing,
    work_folder,
    write_whole,
)

ROOT = Path(__file__).parents[1]


def dead_process() -> int:
    """The id of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def hold_for_ever(path: Path, held: Event) -> None:
    with path.open("w") as mine:
        hold(mine)
        held.set()
        signal.pause()


def test_a_file_held_by_one_process_is_free_once_that_process_is_killed(tmp_path: Path):
    spawn, file = get_context("spawn"), tmp_path / "lock"
    held = spawn.Event()
    other = spawn.Process(target=hold_for_ever, args=(file, held))
    other.start()
    assert held.wait(60)
    with file.open("w") as mine:
        with pytest.raises(BlockingIOError):
            hold(mine, wait=False)
        other.kill()
        other.join()
        hold(mine, wait=False)


def test_a_lock_is_a_plain_file_whose_words_stay(tmp_path: Path):
    (tmp_path / "old").write_text("17")
    with open_lock(tmp_path / "old") as file:
        assert file.read() == b"17"
    open_lock(tmp_path / "new").close()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    (tmp_path / "folder").mkdir()
    for odd in ("pipe", "link", "folder"):
        with pytest.raises(OSError, match=odd):
            open_lock(tmp_path / odd)


def test_several_files_are_replaced_together_or_not_at_all(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")

    def half() -> None:
        with replacing(one, two) as (first, _):
            first.write_text("new")  # and the second is never written

    with pytest.raises(FileNotFoundError):
        half()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one": "old"}
    with replacing(one, two) as (first, second):
        first.write_text("new")
        second.write_text("newer")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one": "new", "two": "newer"}


def test_nothing_but_a_file_is_replaced(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    odd = {path: path.lstat() for path in tmp_path.iterdir() if path.name != "old"}
    for path, before in odd.items():
        with pytest.raises(OSError, match=path.name):
            write_whole(path, "new")
        assert path.lstat() == before
    assert (tmp_path / "old").read_text() == "kept"
    for device in (Path("/dev/null"), Path("/dev/stdout")):  # which root could replace, to everyone's harm
        with pytest.raises(OSError, match="no plain file"):
            check_plain(device)


def test_what_a_killed_process_left_beside_a_file_is_swept_up(tmp_path: Path):
    target = tmp_path / "a[1].json"
    left, alive, others = (tmp_path / f".a[1].json.{end}" for end in (dead_process(), os.getppid(), "txt"))
    for path in (left, alive, others):
        path.write_text("half")
    write_whole(target, "whole")
    assert target.read_text() == "whole"
    assert not left.exists()
    assert alive.exists()
    assert others.exists()


def test_a_file_that_holds_the_text_already_is_left_alone(tmp_path: Path):
    target = tmp_path / "a"
    write_whole(target, "text")
    before = target.stat().st_mtime_ns
    write_whole(target, "text")
    assert target.stat().st_mtime_ns == before


def test_work_folders_of_killed_processes_are_swept_and_those_in_use_are_not(tmp_path: Path):
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom billp.whole_files import work_folder\n"
        "with work_folder(Path(sys.argv[1]), 'x') as work:\n    (work / 'f').write_text('half')\n"
        "    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    (theirs,) = tmp_path.iterdir()
    with work_folder(tmp_path, "x") as work:
        assert theirs.exists(), "it is in use"
        assert work != theirs
    process.kill()
    process.wait()
    process.stdout.close()
    assert theirs.exists()
    with work_folder(tmp_path, "other"):
        assert not theirs.exists()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check_room(tmp_path / "not" / "there")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(OSError, match="No space left"):
        check_room(tmp_path / "not" / "there")
    with pytest.raises(OSError, match="No space left"), work_folder(tmp_path, "x"):
        pytest.fail("it began")
    assert not list(tmp_path.iterdir())


def test_hidden_folders_of_others_are_left_alone(tmp_path: Path):
    for name in (".git", ".notes-autosave", ".x-abcdefgh"):
        (tmp_path / name).mkdir()
    with work_folder(tmp_path, "x"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", ".notes-autosave", ".x-abcdefgh"]


def test_a_work_folder_that_was_never_locked_is_swept(tmp_path: Path):
    (tmp_path / ".x.billp-12345678").mkdir()
    with work_folder(tmp_path, "y"):
        assert not (tmp_path / ".x.billp-12345678").exists()


def test_only_plain_files_of_a_bounded_size_are_read(tmp_path: Path):
    plain, pipe, loop, folder = (tmp_path / name for name in ("plain", "pipe", "loop", "folder"))
    plain.write_bytes(b"one\ntwo")
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    folder.mkdir()
    assert read_bounded(plain, 7) == b"one\ntwo"
    assert list(bounded_lines(plain, 4)) == [b"one\n", b"two"]
    for path, limit in ((plain, 3), (pipe, 99), (loop, 99), (folder, 99)):
        with pytest.raises(OSError, match=str(path.name)):
            read_bounded(path, limit)
        with pytest.raises(OSError, match=str(path.name)):
            list(bounded_lines(path, 2 if path == plain else 99))


def test_a_private_folder_is_its_owners_alone(tmp_path: Path):
    for _ in range(2):
        private_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
        (tmp_path / "a" / "b").chmod(0o755)
