"""The wheel: one name in site-packages, with all that it needs to run where no checkout is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tiny import put_tiny

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
AT_THE_TOP = {"tests", "docs", "build", "runs"}
ANYWHERE = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__")


def not_source(folder: str, names: list[str]) -> set[str]:
    """Names what the build does not need; folders inside packages may be called as those at the top are."""
    return set(ANYWHERE(folder, names)) | (AT_THE_TOP & set(names) if Path(folder) == ROOT else set())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel, beside another project's package `agents` (such as openai-agents')."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=not_source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *options, "-w", folder, folder / "source"], check=True)  # noqa: S603
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", *options, "--target", folder / "site", wheel], check=True)  # noqa: S603
    (folder / "site" / "agents").mkdir()
    (folder / "site" / "agents" / "__init__.py").write_text("OURS = False\n", encoding="utf-8")
    return folder / "site"


def run(site: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=site,
        env=os.environ | {"PYTHONPATH": str(site), "COLUMNS": "100"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_puts_one_name_into_site_packages(site: Path):
    assert {path.name for path in site.iterdir() if path.suffix != ".dist-info"} <= {"billp", "agents", "bin"}
    assert run(site, "-c", "import agents, billp; print(agents.OURS, billp.__file__)").split() == [
        "False",
        str(site / "billp" / "__init__.py"),
    ]


def test_it_runs_without_the_checkout(site: Path, tmp_path: Path):
    put_tiny(Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "tiny")
    assert "compare" in run(site, "-m", "billp.cli", "--help")
    run(site, "-m", "billp.cli", "prompts", "check", str(site / "billp" / "prompts" / "default"))
    episode = ("episode", "--dataset", "tiny", "--user", "u1", "--method", "random")
    assert "R_traj" in run(site, "-m", "billp.cli", *episode)


def test_it_shows_what_was_recorded(site: Path):
    told = json.loads(run(site, "-m", "billp.cli", "demo", "--recorded", "--json"))
    assert '"qwen2.5-coder-1.5b-instruct"' in Path(told["report"]).read_text(encoding="utf-8")
