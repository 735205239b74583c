"""The README is checked against the program it describes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from billp.cli import app
from billp.graphs.drawing import episode_mermaid
from billp.graphs.methods import METHODS
from billp.settings import setting_names
from tests.cli.tiny import put_tiny

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = "\n".join(re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL))
RESULTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "results").glob("*.md")))
COMMANDS = re.findall(r"^(?:[A-Z_]+=\S+ )*\.venv/bin/billp ([^#\n]+)", CONSOLE + RESULTS, flags=re.MULTILINE)


def test_the_drawn_graph_is_the_programs_own():
    (drawn,) = re.findall(r"```mermaid\n(.*?)```", README, flags=re.DOTALL)
    assert drawn.strip() == episode_mermaid()


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 7


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_exists(command: str):
    words = shlex.split(command)
    options = [word for word in words if word.startswith("--")]
    path = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word)]
    runner = CliRunner()
    shown = runner.invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    if shown.exit_code != 0:  # the second word was an argument, not a command
        shown = runner.invoke(app, [*path[:1], "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for option in options:
        assert option in shown.output


def test_every_variable_named_is_a_setting():
    known = {"BILLP_" + name.replace(".", "_").upper() for name in setting_names()}
    named = set(re.findall(r"BILLP_[A-Z_]+", README))
    assert named
    assert named <= known


def test_every_make_target_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make ([a-z-]+)", CONSOLE, flags=re.MULTILINE)
    assert targets == ["demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "file"),
    [("is in use by process", "memory/lock.py"), ("uses the unknown variable", "agents/prompt_pack.py")],
)
def test_what_the_error_table_quotes_is_what_is_printed(words: str, file: str):
    assert words in README
    assert words in (ROOT / file).read_text(encoding="utf-8")


def test_every_method_is_named_in_the_changelog_and_help():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"}).output
    for name in METHODS:
        assert f"`{name}`" in changelog
        assert name in shown


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    put_tiny(tmp_path / "data", tmp_path / "source")
    monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path / "data"))
    names: dict[str, Any] = {}

    simulators = tmp_path / "data" / "simulators"
    (simulators / "tiny").rename(simulators / "ml-100k")

    exec(example, names)  # noqa: S102 -- our own README

    assert names["env"].unwrapped.clone().world.split == "train"
    assert names["many"].num_envs == 1000
    assert names["fork"] is not names["env"].unwrapped
    names["env"].close()
    names["many"].close()
