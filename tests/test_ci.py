"""What CI runs: all checks, then the tests on vLLM wherever it can be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
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
        ("", ["test", "install-vllm", "test-vllm"], True),
        ("test", ["test"], False),
        ("test-vllm", ["test", "install-vllm", "test-vllm"], False),
        ("install-vllm", ["test", "install-vllm"], True),
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
