"""The glossary is what code and pages say: its words exist in the code, and the words that they replaced do not."""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from pathlib import Path

import pytest

from billp.renamed_settings import RENAMED

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "docs" / "concepts" / "glossary.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in GLOSSARY.splitlines() if line[:2] == "| "]
WORDS = [row for row in ROWS if row[0] != "word" and set(row[0]) != {"-"}]

OLD = re.compile(
    r"\b(minds|bank|workshop|ledger|receipts?|blame|kinds|(?<!the )rest)\b", re.IGNORECASE
)  # "the rest" is English
OLD_SETTINGS = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in RENAMED))
MAY = {
    "agents/plan.py": "let a kind rest",  # words of a prompt
    "agents/prompt_pack.py": "let a kind rest",
    "commands/attribution.py": r"blame|plan\[.rest.\]",  # the command's old name, and the key of a cooldown in records
    "commands/memory.py": "blame",
    "docs/concepts/glossary.md": "`rest`",
    "graphs/plans.py": "rest",  # the key of a plan's cooldown in records
    "reports/rendering.py": r"plan\[.rest.\]",
    "simulators/data/mapping.py": '"kinds"',  # how people call a column of categories
}
"""What may hold an old word, and the line's words by which it is known."""


def product() -> list[Path]:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = {name.split(".")[1] for name in packages if "." in name} - {"prompts"}
    files = [path for room in (*rooms, "docs", "examples") for path in (ROOT / room).rglob("*")]
    found = [path for path in files if path.suffix in (".py", ".js", ".html", ".md") and "files" not in path.parts]
    found += [path for path in ROOT.glob("*.py") if path.name != "renamed_settings.py"]
    return sorted([*found, ROOT / "README.md"])


def old_words(path: Path, text: str) -> list[str]:
    allowed = MAY.get(str(path.relative_to(ROOT)))
    lines = [line.strip() for line in text.splitlines() if OLD.search(line) and "KINDS" not in line]
    return [line for line in lines if allowed is None or not re.search(allowed, line)]


def test_every_word_has_a_meaning_and_stands_once_in_order():
    names = [row[0].casefold() for row in WORDS]
    assert len(names) >= 50
    assert names == sorted(set(names))
    assert all(len(row) == 3 and all(row) for row in WORDS)


def test_every_name_that_the_glossary_gives_is_in_the_code():
    given = {name for row in WORDS for name in re.findall(r"`(\w+)`", row[2])}
    found = set[str]()
    for path in product():
        if path.suffix == ".py":
            tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
            found |= {token.string for token in tokens if token.type == tokenize.NAME}
    assert given - found == set()


def test_old_words_are_gone():
    left = {path: lines for path in product() if (lines := old_words(path, path.read_text(encoding="utf-8")))}
    assert left == {}


def test_old_settings_are_named_in_their_table_alone():
    named = [path for path in product() if OLD_SETTINGS.search(path.read_text(encoding="utf-8"))]
    assert named == []


@pytest.mark.parametrize("line", ["the bank of memories", "a kind of kinds", "its rest", "Workshop()"])
def test_an_old_word_is_found(line: str):
    assert old_words(ROOT / "graphs" / "state.py", line) == [line]
    assert old_words(ROOT / "graphs" / "state.py", "and the rest") == []
