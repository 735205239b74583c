"""The page as a file: data stays data, it loads nothing, and its policy runs its own script and no other."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from billp.errors import BadInputError
from billp.memory import Origin
from billp.pages.page_file import bundled, write_page
from billp.reports import find_runs, make_report, read_report
from tests.experiments.examples import failed
from tests.reports.examples import HOSTILE, comparison, episode, put_run


class Elements(HTMLParser):
    """Elements of a page with their attributes, and the text of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.texts:
            self.texts[self._inside].append(data)


def page(root: Path) -> str:
    target = root / "report.html"
    write_page(read_report([root]), target, {})
    return target.read_text(encoding="utf-8")


def test_data_stays_data(tmp_path: Path):
    source = Origin(f"run {HOSTILE}", f"train-0-0 {HOSTILE}", "u", -1, 0)
    lines = [
        episode("a", 4, 1, title=HOSTILE, user=HOSTILE, source=source, split="train", judged=True),
        failed("b").model_copy(update={"error": HOSTILE}),
    ]
    text = page(put_run(tmp_path / "hostile", lines, method=HOSTILE, pack=HOSTILE, trained=2))
    plain = page(put_run(tmp_path / "harmless", [episode("a", 4, 1), failed("b")], trained=2))
    assert HOSTILE not in text
    assert Elements(text).found == Elements(plain).found
    data, script = Elements(text).texts["script"]
    assert script == Elements(plain).texts["script"][1]
    assert HOSTILE in json.loads(data)["episodes"]["texts"]
    assert json.loads(data)["comparison"]["facts"]["prompts"] == HOSTILE


def test_the_page_names_nothing_to_load(tmp_path: Path):
    for tag, attributes in Elements(page(comparison(tmp_path / "all"))).found:
        assert not attributes.get("src"), tag
        assert not (attributes.get("href") or "").startswith(("http", "/")), tag
        assert "style" not in attributes, tag


def test_the_policy_allows_the_pages_own_script_and_style_and_no_address(tmp_path: Path):
    elements = Elements(page(comparison(tmp_path / "all")))
    (policy,) = [str(a["content"]) for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert not {"http", "unsafe"} & set(re.findall(r"[a-z]+", policy))
    _, script = elements.texts["script"]
    (style,) = elements.texts["style"]
    for name, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert parts[name] == f"'sha256-{digest}'"


def test_every_module_comes_once_and_after_what_it_imports():
    parts = bundled("file")
    names = [re.match(r"const module_(\w+) = ", part) for part in parts]
    order = [found[1] for found in names if found]
    assert len(set(order)) == len(parts)
    assert order[-1] == "file"
    for name, part in zip(order, parts, strict=True):
        assert not re.search(r"^(import|export)\b", part, re.MULTILINE), f"{name}: in a form that is not understood"
        for other in re.findall(r"= module_(\w+);", part):
            assert order.index(other) < order.index(name)


def test_a_page_that_does_not_hold_all_says_so(tmp_path: Path):
    root = put_run(tmp_path / "one", [episode("a", 3), episode("b", 3)])
    held = write_page(make_report(find_runs(root)), root / "report.html", {}, budget=1)
    assert (held.held, held.of) == (1, 2)


def test_writing_again_changes_nothing_and_leaves_nothing_beside_it(tmp_path: Path):
    root = comparison(tmp_path / "all")
    assert page(root) == page(root)
    assert sorted(path.name for path in root.iterdir()) == [
        "billp", "comparison.json", "config.json", "critic.json", "react", "report.html",
    ]  # fmt: skip


def test_a_page_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path):
    root = put_run(tmp_path / "one", [episode("a", 3)])
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written to"):
        write_page(make_report(find_runs(root)), tmp_path / "file" / "report.html", {})
