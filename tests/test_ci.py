"""What CI runs: all checks, some on other Pythons too, and the tests on vLLM wherever it can be installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAKE_MAKE = """#!/bin/sh
echo "$1" >> asked
for failing in $FAILING; do
  [ "$1" != "$failing" ] || { echo "ERROR: $1 went wrong"; exit 2; }
done
"""


@pytest.mark.parametrize(
    ("failing", "asked", "passes"),
    [
        ("", ["test", "pythons", "install-vllm", "test-vllm"], True),
        ("test", ["test"], False),
        ("pythons", ["test", "pythons"], False),
        ("test-vllm", ["test", "pythons", "install-vllm", "test-vllm"], False),
        ("install-vllm", ["test", "pythons", "install-vllm"], True),
    ],
)
def test_only_a_vllm_that_cannot_be_installed_is_passed_over(
    tmp_path: Path, failing: str, asked: list[str], passes: bool
):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(FAKE_MAKE)
    make.chmod(0o755)
    environment = {"PATH": f"{make.parent}:{os.environ['PATH']}", "FAILING": failing}
    done = subprocess.run(  # noqa: S603
        [str(tmp_path / ".ci" / "run")], env=environment, capture_output=True, text=True, check=False
    )
    assert (tmp_path / "asked").read_text().split() == asked
    assert (done.returncode == 0) is passes
    assert ("are SKIPPED" in done.stdout) is (failing == "install-vllm")
    if failing == "install-vllm":
        assert done.stdout.endswith("ERROR: install-vllm went wrong\n"), "the reason is the last word"


def test_only_the_tests_on_vllm_install_it():
    environment = {"PATH": os.environ["PATH"]}  # without what a make around the tests says to those below it
    commands = {
        target: subprocess.run(  # noqa: S603
            ["make", "--dry-run", "--always-make", target],  # noqa: S607
            cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
        ).stdout
        for target in ("test", "test-vllm")
    }  # fmt: skip
    assert "requirements-vllm.lock" in commands["test-vllm"]
    assert "requirements-vllm.lock" not in commands["test"]


def test_the_image_is_built_from_the_lock_on_a_python_that_is_supported():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    steps = [(step, rest) for step, _, rest in (line.partition(" ") for line in lines if line)]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (image,) = [rest for step, rest in steps if step == "FROM"]
    version = re.fullmatch(r"python:(3\.\d+)-slim", image)
    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
    assert [rest for step, rest in steps if step == "ENTRYPOINT"] == [json.dumps([*project["scripts"]])]

    makes = [rest.split() for step, rest in steps if step == "RUN" and rest.startswith("make ")]
    assert makes
    for command in makes:
        done = subprocess.run(  # noqa: S603
            [*command, "--dry-run", "--always-make"], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        locks = re.findall(r" -r (\S+)", done.stdout)
        assert "requirements.lock" in locks
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
        for lock in locks:
            assert (ROOT / lock).is_file()
            assert not [pattern for pattern in ignored if fnmatch(lock, pattern)]


FAKE_PYTHON = """#!/bin/sh
for last; do :; done
case "$*" in
  "-c "*) echo 3.12 ;;
  "-m venv "*) mkdir -p "$last/bin"; cp "$0" "$last/bin/python"; cp "$0" "$last/bin/uv" ;;
  *--report*) cat "$REPORT" ;;
  *) echo "$*" >> asked ;;
esac
"""


@pytest.mark.parametrize(
    ("needs", "torch", "by_uv"),
    [("nvidia-cudnn-cu13", "cpu", True), ("filelock", "cpu", False), ("nvidia-cudnn-cu13", "any", False)],
)
def test_torch_for_cpus_is_installed_where_pip_would_take_the_one_for_cuda(
    tmp_path: Path, needs: str, torch: str, by_uv: bool
):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    report = tmp_path / "report.json"
    report.write_text(f'{{"install": [{{"metadata": {{"requires_dist": ["{needs}==1"]}}}}]}}')
    python = tmp_path / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    done = subprocess.run(  # noqa: S603
        ["make", "install", f"PYTHON={python}", f"TORCH={torch}"],  # noqa: S607
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "REPORT": str(report)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    pinned = next(line for line in (ROOT / "requirements.lock").read_text().splitlines() if line.startswith("torch=="))
    torches = [line for line in asked if line.endswith(pinned)]
    assert torches == (["pip install --python .venv/bin/python --torch-backend cpu " + pinned] if by_uv else [])
    assert any(line.endswith("-r requirements.lock") for line in asked), "the rest follows"
    assert (tmp_path / ".venv" / ".installed-3.12").exists()


def test_a_python_that_does_not_run_is_no_python(tmp_path: Path):
    shim = tmp_path / "bin" / "python3.12"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    real = tmp_path / "pyenv" / "versions" / "3.12.9" / "bin" / "python3.12"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho 3.12\n")
    real.chmod(0o755)
    (shim.parent / "python3.13").write_text("#!/bin/sh\necho 3.11\n")
    (shim.parent / "python3.13").chmod(0o755)
    environment = {"PATH": f"{shim.parent}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path / "pyenv")}
    found = subprocess.run(  # noqa: S603
        [str(ROOT / ".ci" / "pythons")], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert str(real) in found
    assert not any(name.startswith(str(shim.parent)) for name in found), "neither a shim nor another version"
