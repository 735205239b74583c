"""Read-only and full disks: each command that writes ends in one sentence, with exit code 2, and changes nothing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.tiny import put_tiny
from tests.crash.harness import Ended, Nursery, contents, nursery
from tests.fakes.server import Script, serving

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
# A mount of its own needs root, and a kernel that lets it.
MOUNTS = """
mount --bind "$1/free" "$1/ro" && mount -o remount,bind,ro "$1/ro" || exit 9
mount -t tmpfs -o size=8m tmpfs "$1/full" || exit 9
shift; exec "$@"
"""
UNSHARED = ["unshare", "--mount", "sh", "-c", MOUNTS, "sh"]
AT = ("--dataset", "tiny")
MEMORY_ONLY = ("--method", "billp-memory-only")
COMMANDS = {
    "data add": ("data", "add", "source", "--name", "more"),
    "data add again": ("data", "add", "source"),
    "simulator build": (
        "simulator", "build", "tiny", "--set", "simulator.model=factorisation", "--set", "simulator.epochs=2",
    ),
    "train": ("train", *AT, *MEMORY_ONLY, "--episodes", "2", "--run", "new", "--memory", "new"),
    "train more": ("train", *AT, *MEMORY_ONLY, "--episodes", "2", "--run", "new", "--memory", "m"),
    "train a rival": ("train", *AT, "--method", "linucb", "--episodes", "2", "--run", "new"),
    "evaluate": ("evaluate", *AT, "--method", "random", "--users", "2", "--run", "new"),
    "evaluate with memory": ("evaluate", *AT, *MEMORY_ONLY, "--memory", "m", "--users", "2", "--run", "new"),
    "evaluate to a tape": ("evaluate", *AT, "--method", "act-only", "--users", "2", "--run", "new", "--tape", "record"),
    "compare": ("compare", *AT, "--methods", "random,popular", "--users", "2", "--run", "new"),
    "surface": ("surface", *AT, "--methods", "random", "--worlds", "distance", "--users", "2", "--run", "new"),
    "play": ("play", *AT, *MEMORY_ONLY, "--user", "Ada", "--run", "new", "--learn", "--json"),
    "critic": ("critic", *AT, "--method", "billp", "--users", "1", "--run", "new"),
    "report": ("report", "one"),
    "report --csv": ("report", "one", "--out", "free.html", "--csv", "@out"),
    "report --parquet": ("report", "one", "--out", "free.html", "--parquet", "@out"),
    "report --markdown": ("report", "one", "--out", "free.html", "--markdown", "@out/tables.md"),
    "memory import": ("memory", "import", "m.jsonl", *AT, "--memory", "new"),
    "memory import again": ("memory", "import", "m.jsonl", *AT, "--memory", "m"),
    "memory export": ("memory", "export", "@m.jsonl", *AT, "--memory", "m"),
    "memory prune": ("memory", "prune", *AT, "--memory", "m", "--yes"),
    "memory clear": ("memory", "clear", *AT, "--memory", "m", "--yes"),
    "memory clear --kind": ("memory", "clear", *AT, "--memory", "m", "--kind", "actor", "--yes"),
    "memory rm": ("memory", "rm", "m", *AT, "--yes"),
    "runs rename": ("runs", "rename", "one", "new"),
    "runs rm": ("runs", "rm", "one", "--yes"),
    "data rm": ("data", "rm", "tiny", "--yes"),
    "simulator rm": ("simulator", "rm", "tiny", "--yes"),
    "settings init": ("settings", "init", "@billp.toml"),
    "demo": ("demo",),
}  # fmt: skip
# Of those that write in the same way, one meets the full disk; all meet the read-only one.
FULL = (
    "data add", "simulator build", "train", "train a rival", "evaluate", "evaluate to a tape", "compare", "play",
    "report --csv", "report --parquet", "memory import", "memory export", "runs rename", "settings init",
    "demo",
)  # fmt: skip
ROOM = ("memory rm", "runs rm", "data rm", "simulator rm")
"""What makes room on a full disk."""
READ = {
    "data info": ("data", "info", "tiny"),
    "simulator info": ("simulator", "info", "tiny"),
    "memory stats": ("memory", "stats", *AT, "--memory", "m"),
    "memory list": ("memory", "list", "actor", *AT, "--memory", "m"),
    "memory search": ("memory", "search", "Film", "--kind", "actor", *AT, "--memory", "m"),
    "memory export elsewhere": ("memory", "export", "free.jsonl", *AT, "--memory", "m"),
    "report elsewhere": ("report", "one", "--out", "free.html", "--csv", "free"),
    "critic": ("critic", *AT, "--recorded", "judged"),
    "evaluate elsewhere": ("evaluate", *AT, *MEMORY_ONLY, "--memory", "m", "--users", "2", "--run", "new"),
}


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """A nursery with a home in which `ro` is `free`, read-only, and `full` is small."""
    home = tmp_path_factory.mktemp("disks")
    for name in ("free", "ro", "full"):
        (home / name).mkdir()
    if subprocess.run([*UNSHARED, str(home), "true"], check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("no mounts can be made here; that needs root")
    put_tiny(home / "free" / "data", home / "source")
    with nursery(home, [*UNSHARED, str(home)]) as made, serving(Script()) as url:
        made.environment["BILLP_LLM_BASE_URL"] = url
        on(made, "free")
        made.run("train", *AT, "--method", "billp", "--episodes", "2", "--run", "judged", "--set", "critic.always=true")
        made.run("evaluate", *AT, "--method", "random", "--users", "2", "--run", "one")
        made.run("train", *AT, *MEMORY_ONLY, "--episodes", "2", "--run", "taught", "--memory", "m")
        made.run("evaluate", *AT, *MEMORY_ONLY, "--memory", "m", "--users", "2", "--run", "vectors")
        made.run("memory", "export", home / "m.jsonl", *AT, "--memory", "m")
        yield made


def on(disks: Nursery, disk: str) -> Path:
    """Takes data and runs from that disk; returns its folder."""
    folder = disks.home / disk
    disks.environment.update(BILLP_DATA_DIR=str(folder / "data"), BILLP_RUNS_DIR=str(folder / "runs"))
    return folder


def run(disks: Nursery, command: tuple[str, ...], folder: Path) -> Ended:
    arguments = [str(folder / word[1:]) if word.startswith("@") else word for word in command]
    return disks.wait(disks.start(*arguments, stdin="5\n3\nq\n"))


def check_refused(ended: Ended) -> None:
    assert ended.code == 2, ended
    assert "Traceback" not in ended.said, ended.said
    (sentence,) = (line for line in ended.said.splitlines() if line.startswith("billp: "))
    assert len(sentence) > 30, sentence


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_disk_is_named_in_a_sentence(disks: Nursery, name: str):
    folder = on(disks, "ro")
    before = contents(folder)
    ended = run(disks, COMMANDS[name], folder)
    check_refused(ended)
    assert "ead-only" in ended.said, ended.said
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("disk", "name"), [*(("ro", name) for name in READ), ("full", "memory search"), ("full", "evaluate elsewhere")]
)
def test_such_a_disk_is_read(disks: Nursery, disk: str, name: str):
    folder = on(disks, disk)
    if disk == "full":
        filled(disks)
    disks.environment["BILLP_RUNS_DIR"] = str(
        disks.home / (disk if name.startswith(("report", "critic")) else "elsewhere") / "runs"
    )
    shutil.rmtree(disks.home / "elsewhere", ignore_errors=True)
    ended = run(disks, READ[name], folder)
    assert ended.code == 0, ended


@pytest.mark.parametrize("name", FULL)
def test_a_full_disk_is_named_in_a_sentence(disks: Nursery, name: str):
    on(disks, "full")
    folder = filled(disks)
    before = contents(folder, but=("billp.lock", ".lock"))
    ended = run(disks, COMMANDS[name], disks.home / "full")
    check_refused(ended)
    assert "No space left" in ended.said or "disk is full" in ended.said, ended.said
    after = contents(folder)
    assert {file: after.get(file) for file in before} == before


def test_a_full_folder_of_temporary_files_is_named(disks: Nursery, monkeypatch: pytest.MonkeyPatch):
    on(disks, "free")
    filled(disks)
    monkeypatch.setitem(disks.environment, "TMPDIR", str(disks.home / "full"))
    ended = run(
        disks, ("train", *AT, *MEMORY_ONLY, "--episodes", "1", "--run", "short", "--memory", "short"), disks.home
    )
    check_refused(ended)
    assert "TMPDIR" in ended.said


@pytest.mark.parametrize("name", ROOM)
def test_what_is_removed_makes_room_on_a_full_disk(disks: Nursery, name: str):
    on(disks, "full")
    folder = filled(disks)
    used = shutil.disk_usage(folder).used
    ended = run(disks, COMMANDS[name], disks.home / "full")
    assert ended.code == 0, ended
    assert shutil.disk_usage(folder).used < used


def filled(disks: Nursery) -> Path:
    """The small disk with a copy of what is on the free one and no room beside it."""
    folder = disks.root / (disks.home / "full").relative_to("/")
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    shutil.copytree(disks.home / "free", folder, dirs_exist_ok=True)
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return folder
