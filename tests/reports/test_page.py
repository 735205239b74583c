"""The page: which sections it has, that data stays data, and that it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from billp.errors import ArtifactError, BadInputError
from billp.memory import Origin
from billp.reports import find_runs, make_report, write_page
from billp.reports.figures import figures
from tests.experiments.examples import failed
from tests.reports.examples import HOSTILE, comparison, episode, put_run


class Elements(HTMLParser):
    """Elements of a page with their attributes, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def page(root: Path) -> str:
    target = root / "report.html"
    write_page(make_report(find_runs(root)), target, {})
    return target.read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r"<h2[^>]*>([^<]*)</h2>", text)]


def test_a_comparison_has_every_section(tmp_path: Path):
    text = page(comparison(tmp_path / "all"))
    assert headings(text) == [
        "Results", "Paired differences", "Beyond accuracy", "R_traj", "Len", "Why episodes ended", "Learning curve",
        "Training episodes", "Memory growth", "Reward per 1,000 tokens", "Cost", "Policies", "The Critic under test",
        "Episodes",
    ]  # fmt: skip
    assert "12.0 [12.0, 12.0]" in text
    assert "+9.00 [+8.00, +10.00]" in text
    assert "excludes 0" in text
    assert "act-only - billp" not in text, "only pairs with the base"
    assert "<td>25%</td>" in text
    assert "1: 3" in text
    plots = json.loads(next(script for script in Elements(text).scripts if '"interval-len"' in script))
    foretold, diagonal = plots["reliability"]["data"]
    assert (foretold["x"], foretold["y"]) == ([1, 2, 3, 4], [1, 2, 2, 5])
    assert diagonal["x"] == diagonal["y"] == [0, 5]
    held_out, train, reached = plots["policies"]["data"]
    assert (held_out["name"], held_out["x"], held_out["y"]) == ("a2c, held-out users", [1, 2], [4, 4])
    assert (train["name"], train["y"]) == ("a2c, train users", [5, 10])
    assert (reached["name"], reached["y"]) == ("billp", [12, 12])


def test_sections_without_data_are_left_out(tmp_path: Path):
    put_run(tmp_path / "one", [failed("a"), failed("b")])
    text = page(tmp_path)
    assert headings(text) == ["Results", "Episodes"]
    assert "none finished" in text
    assert len(text) < 100_000, "no plot, no Plotly"


def test_words_of_the_stand_in_model_are_marked(tmp_path: Path):
    said = "Stand-in model: its words carry no knowledge."
    assert said in page(put_run(tmp_path / "stand-in", [episode("a", 4)], llm={"words": False}))
    assert said not in page(put_run(tmp_path / "model", [episode("a", 4)], llm={"words": True}))
    assert said not in page(put_run(tmp_path / "none", [episode("a", 4)], llm={"words": False}, pack=""))


def test_data_stays_data(tmp_path: Path):
    source = Origin(f"run {HOSTILE}", f"train-0-0 {HOSTILE}", "u", -1, 0)
    lines = [
        episode("a", 4, 1, title=HOSTILE, user=HOSTILE, source=source, split="train", judged=True),
        failed("b").model_copy(update={"error": HOSTILE}),
    ]
    hostile = put_run(tmp_path / "hostile", lines, method=HOSTILE, pack=HOSTILE, trained=2)
    harmless = put_run(tmp_path / "harmless", [episode("a", 4, 1), failed("b")], trained=2)
    lines[0] = lines[0].model_copy(update={"method": HOSTILE})
    text, plain = page(hostile), page(harmless)
    assert HOSTILE not in text
    assert [tag for tag, _ in Elements(text).found] == [tag for tag, _ in Elements(plain).found]
    (data,) = [json.loads(script) for script in Elements(text).scripts if '"episodes":[' in script]
    assert HOSTILE in data["texts"]
    assert any(HOSTILE in words for words in data["texts"])


def test_the_method_of_a_hostile_row_is_shown_as_it_is_written(tmp_path: Path):
    line = episode("a", 4, 1, method=HOSTILE)
    text = page(put_run(tmp_path / "one", [line], method=HOSTILE))
    assert html.escape(HOSTILE, quote=False).replace("'", "&#39;") in text
    plots = json.loads(next(script for script in Elements(text).scripts if '"interval-len"' in script))
    assert plots["interval-len"]["data"][0]["y"] == [html.escape(HOSTILE, quote=False)]


def test_the_page_names_nothing_to_load(tmp_path: Path):
    elements = Elements(page(comparison(tmp_path / "all")))
    for tag, attributes in elements.found:
        assert not attributes.get("src"), tag
        assert not (attributes.get("href") or "").startswith(("http", "/")), tag


def test_the_policy_allows_the_pages_own_scripts_and_no_address(tmp_path: Path):
    elements = Elements(page(comparison(tmp_path / "all")))
    (policy,) = [str(a["content"]) for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy
    kinds = [attributes.get("type") for tag, attributes in elements.found if tag == "script"]
    run = [script for script, kind in zip(elements.scripts, kinds, strict=True) if kind is None]
    assert len(run) == 5
    for script in run:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_a_run_going_on_says_so(tmp_path: Path):
    put_run(tmp_path / "one", [episode("a", 3)], complete=False)
    assert "under way or interrupted" in page(tmp_path)


def test_a_page_that_does_not_hold_all_says_so(tmp_path: Path):
    root = put_run(tmp_path / "one", [episode("a", 3), episode("b", 3)])
    held = write_page(make_report(find_runs(root)), root / "report.html", {}, budget=1)
    assert (held.held, held.of) == (1, 2)
    assert "Shown here are 1 of 2 episodes" in (root / "report.html").read_text()


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


def test_a_damaged_comparison_is_refused(tmp_path: Path):
    root = comparison(tmp_path / "all")
    (root / "comparison.json").write_text('{"pairs": [{"a": "billp"}]}')
    with pytest.raises(ArtifactError, match=r"comparison\.json cannot be read"):
        make_report(find_runs(root))


def test_pairs_of_several_runs_say_which(tmp_path: Path):
    roots = [comparison(tmp_path / name) for name in ("monday", "tuesday")]
    report = make_report([run for root in roots for run in find_runs(root)])
    write_page(report, tmp_path / "both.html", {})
    rows = re.findall(r'<th scope="row">billp - react([^<]*)</th>', (tmp_path / "both.html").read_text())
    assert [row.strip() for row in rows] == ["· monday"] * 2 + ["· tuesday"] * 2
    assert "billp - react</th>" in page(roots[0])
    (policies,) = (figure for figure in report.figures() if figure.id == "policies")
    names = [trace["name"] for trace in policies.plot["data"] if "held-out" in trace["name"]]
    assert names == ["a2c · monday, held-out users", "a2c · tuesday, held-out users"]


def test_figures_hold_the_numbers(tmp_path: Path):
    report = make_report(find_runs(comparison(tmp_path / "all")))
    plots = {figure.id: figure.plot for figure in figures(report.rows)}
    lengths = {trace["y"][0]: trace["x"][0] for trace in plots["interval-len"]["data"]}
    assert lengths["billp"] == 3
    stayed = {trace["name"]: trace["x"] for trace in plots["quits"]["data"]}
    assert stayed == {"too close": [0, 1, 0], "disappointed": [1, 0, 1]}
    (learning,) = plots["learning"]["data"]
    assert (learning["x"], learning["y"]) == ([0, 3, 6], [3, 15, 27])
    growth = {trace["name"]: trace["y"] for trace in plots["memory"]["data"]}
    assert growth["reflections"] == [1, 2, 3, 4, 5, 6]
    assert growth["experiences"][-1] == 1 + 2 + 3 + 4 + 1 + 2
    rewards = plots["reward-per-token"]["data"][0]
    assert dict(zip(rewards["y"], rewards["x"], strict=True))["billp"] == 120
