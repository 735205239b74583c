"""The README and the pages of docs/ are checked against the program they describe."""

from __future__ import annotations

import html.parser
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from billp.cli import app
from billp.graphs.drawing import episode_mermaid
from billp.graphs.methods import METHODS
from billp.settings import setting_names
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import hash_everywhere

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))}
WORDS = "\n".join([README, *PAGES.values()])
CONSOLE = "\n".join(re.findall(r"```console\n(.*?)```", WORDS, flags=re.DOTALL))
COMMANDS = sorted(
    {
        command.strip()
        for command in re.findall(r"^(?:[A-Z_]+=\S+ )*\.venv/bin/billp ([^#\n]+)", CONSOLE, flags=re.MULTILINE)
    }
)
TROUBLE = PAGES[ROOT / "docs" / "how-to" / "troubleshooting.md"]


def test_the_readme_is_short():
    told = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    assert len(re.sub(r"\]\([^)]*\)", "]", told).split()) <= 700


def test_the_picture_of_an_episode_names_nodes_of_the_graph():
    picture = (ROOT / "docs" / "episode.svg").read_text(encoding="utf-8")
    named = set(re.findall(r'font-weight="600">(\w+)<', picture)) - {"memory"}
    graph = episode_mermaid()
    assert named == {"recall", "plan", "act", "respond", "criticise", "reflect"}
    assert all(re.search(rf"\b{node}\b", graph) for node in named)


def test_there_are_commands_to_check():
    assert len(COMMANDS) >= 40


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_exists(command: str):
    words = shlex.split(command)
    program: Any = get_command(app)  # Typer's own class has no public name
    asked = program
    while words and words[0] in getattr(asked, "commands", {}):
        asked = asked.commands[words.pop(0)]
    assert asked is not program, "no such command"
    known = {flag for parameter in asked.params if not getattr(parameter, "hidden", False) for flag in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}


def test_every_variable_named_is_a_setting():
    known = {"BILLP_" + name.replace(".", "_").upper() for name in setting_names()}
    named = set(re.findall(r"BILLP_[A-Z_]+", WORDS))
    assert named
    assert named <= known


def test_every_setting_named_exists():
    groups = {name.partition(".")[0] for name in setting_names() if "." in name}
    named = set(re.findall(rf"`((?:{'|'.join(sorted(groups))})\.[a-z_0-9]+)(?:=[^`]*)?`", README + _today()))
    assert named
    assert named <= set(setting_names())


def _today() -> str:
    """The pages that speak of the program as it is; results speak of what was measured, with the settings of then."""
    return "\n".join(words for path, words in PAGES.items() if "results" not in path.parts)


def test_every_make_target_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make ([a-z-]+)", CONSOLE, flags=re.MULTILINE)
    assert targets[:2] == ["demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "file"),
    [("is in use by process", "memory/store/folder.py"), ("uses the unknown variable", "agents/prompt_pack.py")],
)
def test_what_the_error_table_quotes_is_what_is_printed(words: str, file: str):
    assert words in TROUBLE
    assert words in (ROOT / file).read_text(encoding="utf-8")


def test_every_method_is_named_in_the_changelog_and_help():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"}).output
    for name in METHODS:
        assert f"`{name}`" in changelog
        assert name in shown


def test_the_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = PAGES[ROOT / "docs" / "reference" / "python.md"]
    work, environments = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    put_tiny(tmp_path / "data", tmp_path / "source", "ml-100k")
    monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BILLP_RUNS_DIR", str(tmp_path / "runs"))
    hash_everywhere(monkeypatch.setattr)
    names: dict[str, Any] = {}

    exec(work, names)  # noqa: S102 -- our own page

    assert list(names["found"].methods) == ["random", "mmr-untuned", "billp-memory-only"]
    exec(environments, names)  # noqa: S102 -- our own page

    assert names["env"].unwrapped.clone().world.split == "train"
    assert names["many"].num_envs == 1000
    assert names["fork"] is not names["env"].unwrapped
    names["env"].close()
    names["many"].close()


def test_links_of_the_readme_lead_to_files():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).is_file(), target


class _Loaded(html.parser.HTMLParser):
    """What a browser loads by itself for a page, as against what a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "source", "object"):
            of = dict(attrs)
            self.addresses += [of.get("src") or of.get("href") or of.get("data") or ""]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(  # noqa: S603 -- our own pages
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_the_pages_are_built_with_every_link_whole(site: Path):
    assert (site / "index.html").is_file()
    assert (site / "search" / "search_index.json").is_file()


def test_no_page_loads_anything_from_elsewhere(site: Path):
    for page in sorted(site.rglob("*.html")):
        loaded = _Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        assert not [address for address in loaded.addresses if re.match(r"(?:https?:)?//", address)], page


def test_the_reference_knows_every_command_setting_and_method(site: Path):
    settings = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    methods = (site / "reference" / "methods.html").read_text(encoding="utf-8")
    assert all(f"<code>{name}</code>" in settings for name in setting_names())
    assert all(f">billp {name}" in commands for name in ("train", "memory attribution", "data add", "api token"))
    assert all(f"<code>{name}</code>" in methods for name in METHODS)
    assert "POST /sessions" in (site / "reference" / "http.html").read_text(encoding="utf-8")
    assert "Transition" in (site / "reference" / "run-files.html").read_text(encoding="utf-8")
