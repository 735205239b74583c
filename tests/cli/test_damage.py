"""Full disks and damaged files: one sentence, exit code 2, nothing changed, within seconds."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Billp, files

ROOT = Path(__file__).parents[2]
AT = ["--dataset", "tiny", "--method", "random", "--users", "3", "--run", "one"]


def deep(path: Path) -> None:
    path.write_text("[" * 100_000 + "\n")


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10_000_000_000)


def changed(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        text = path.read_text()
        value = json.loads(text.splitlines()[0] if path.suffix == ".jsonl" else text)
        path.write_text(json.dumps(change(value)) + "\n")

    return damage


def far_item(line: dict[str, object]) -> object:
    line["output"]["steps"][0]["item"] = 10**6  # type: ignore[index]
    return line


DAMAGES = [
    ("config.json", deep),
    ("config.json", folder),
    ("config.json", pipe),
    ("config.json", loop),
    ("config.json", sparse),
    ("config.json", lambda path: path.write_bytes(b"\xff\xfe")),
    ("config.json", changed(lambda config: {**config, "settings": []})),
    ("config.json", changed(lambda config: {**config, "settings": None})),
    ("config.json", changed(lambda config: {**config, "plan": "x"})),
    ("config.json", changed(lambda _: [])),
    ("episodes.jsonl", deep),
    ("episodes.jsonl", folder),
    ("episodes.jsonl", pipe),
    ("episodes.jsonl", loop),
    ("episodes.jsonl", sparse),
    ("episodes.jsonl", changed(far_item)),
    (".lock", folder),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run of the first test that asked is kept for the others."""
    return tmp_path_factory.mktemp("finished") / "one"


@pytest.fixture
def run(billp: Billp, tiny: Path, hashed: None, finished: Path) -> Path:
    """A finished run called `one`."""
    folder = Path(os.environ["BILLP_RUNS_DIR"]) / "one"
    if not finished.exists():
        assert billp("evaluate", *AT).code == 0
        shutil.copytree(folder, finished)
    return shutil.copytree(finished, folder, dirs_exist_ok=True)


@pytest.mark.parametrize(("name", "damage"), DAMAGES, ids=lambda value: getattr(value, "__name__", value))
def test_a_damaged_run_folder_is_refused_in_a_sentence(
    billp: Billp, run: Path, name: str, damage: Callable[[Path], None]
):
    damage(run / name)
    for command in (
        ["evaluate", *AT, "--resume"],
        ["report", "one"],
        ["memory", "attribution", "one", "test-0-u11", 1],
    ):
        said = billp(*command)
        if command[0] == "evaluate":
            assert said.code == 2, said.words
        assert said.code in (0, 2), said.words
        assert "Traceback" not in said.words


def limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [10, 3000, 7000])
def test_a_disk_that_takes_no_more_stops_a_run_in_a_sentence(billp: Billp, tiny: Path, hashed: None, size: int):
    assert billp("evaluate", *AT[:-1], "first").code == 0, "so that the items' vectors are there"
    env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "300"}
    program = (
        "import sys\nsys.path.insert(0, sys.argv.pop(1))\n"
        "from tests.fakes.embedder import hash_everywhere\nhash_everywhere()\n"
        "import billp.cli\nbillp.cli.main()\n"
    )
    at = [sys.executable, "-c", program, str(ROOT), "evaluate", *AT]
    done = subprocess.run(at, env=env, capture_output=True, text=True, check=False, preexec_fn=limited(size))  # noqa: S603
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr
    assert billp("evaluate", *AT, "--resume").code == 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_that_the_disk_does_not_take_leaves_the_old_one(billp: Billp, run: Path, kind: str, tmp_path: Path):
    assert billp("report", "one", f"--{kind}", tmp_path / "out").code == 0
    before = files(tmp_path / "out")
    program = "import sys\nsys.path.insert(0, sys.argv.pop(1))\nimport billp.cli\nbillp.cli.main()\n"
    at = [sys.executable, "-c", program, str(ROOT), "report", "one", "--out", "/dev/null", f"--{kind}"]
    done = subprocess.run(  # noqa: S603
        [*at[:-3], f"--{kind}", str(tmp_path / "out")], capture_output=True, text=True, check=False,
        preexec_fn=limited(500),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert files(tmp_path / "out") == before


def test_run_folders_are_their_owners_alone(billp: Billp, run: Path, hashed: None):
    assert run.stat().st_mode & 0o777 == 0o700
    assert (
        billp("compare", "--dataset", "tiny", "--methods", "random,popular", "--users", "2", "--run", "two").code == 0
    )
    assert (run.parent / "two").stat().st_mode & 0o777 == 0o700
