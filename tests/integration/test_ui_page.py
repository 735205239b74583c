"""What a person does on the page of `billp ui`, in a real browser: start, watch, stop, compare, rename, delete, forget.

Needs Debian's `chromium`. Without it these tests are skipped, but fail where CI=true.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from billp.memory import Origin, Reflection, open_memory
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder
from tests.fakes.server import Script, serving
from tests.integration.conftest import SCREENS, Watched
from tests.integration.dev_server import environment
from tests.reports.examples import comparison, episode, put_run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
VIEWS = {
    "runs": "#view=runs",
    "run": "#view=run&run=all",
    "part": "#view=run&run=all/billp/training",
    "compare": "#view=compare&run=all&run=one",
    "episode": "#view=episode&run=all/billp/training&number=5",
    "train": "#view=start",
    "comparison": "#view=start&command=compare",
    "memory": "#view=memory",
}


def remember(home: Path) -> None:
    settings = load_settings().model_copy(update={"data_dir": home / "data"})
    embedder = HashEmbedder(384, "all-MiniLM-L6-v2")
    lessons = [
        Reflection(
            text, embedder.embed([text])[0], Origin("one", f"e{number}", "u1", -1, 0), "too_close", 3, 9.0, number, "{}"
        )
        for number, text in enumerate(["comedy after war", "drama at sea"])
    ]  # fmt: skip
    with open_memory(settings, "tiny", "mine", embedder) as memory:
        memory.reflections.write(lessons)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, two runs and a memory."""
    home = tmp_path_factory.mktemp("ui")
    put_tiny(home / "data", home / "source")
    comparison(home / "runs" / "all")
    remember(home)
    put_run(home / "runs" / "one", [episode(f"test-0-u{n}", 4.0, 2.0, user=f"u{n}", judged=True) for n in range(3)])
    return home


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    """The page's address; its runs ask a language model that takes its time."""
    command = [sys.executable, "-m", "billp", "ui", "--port", "0", "--no-browser"]
    with (
        serving(Script(delay_s=1.0)) as llm,
        subprocess.Popen(  # noqa: S603 -- our own command
            command, stdout=subprocess.PIPE, text=True, env=environment(home, llm), cwd=home
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


@pytest.fixture
def page(watched: Watched, url: str) -> Iterator[Page]:
    """The open page; afterwards it must have behaved."""
    watched.page.goto(url)
    expect(watched.page.locator("main h2")).to_have_text("Runs")
    yield watched.page
    assert watched.said == []
    assert watched.beyond(url) == []


def seen(page: Page, url: str, view: str) -> None:
    page.goto("about:blank")
    page.goto(url + VIEWS[view])
    expect(page.locator("main[aria-busy='false'] h2")).to_be_visible()


@pytest.mark.parametrize("watched", SCREENS, indirect=True)
def test_every_view_can_be_used_by_everybody(page: Page, url: str):
    """Axe finds nothing, nothing scrolls sideways, and what the keyboard reaches shows that it is reached."""
    for view in VIEWS:
        seen(page, url, view)
        for details in page.locator("main details > summary").all():
            details.click()
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], view  # type: ignore[index]
        page.locator("body").click(position={"x": 1, "y": 1})
        reached = set()
        for _ in range(12):
            page.keyboard.press("Tab")
            about = page.evaluate(
                "(() => { const at = document.activeElement; const style = getComputedStyle(at.closest('.tab') ?? at);"
                " return [at.outerHTML.slice(0, 120), style.outlineStyle, parseFloat(style.outlineWidth)]; })()"
            )
            if not about[0].startswith("<body"):
                assert (about[1], about[2] >= 1) in (("solid", True), ("auto", True)), (view, about)
                reached.add(about[0])
        assert len(reached) > 4, (view, reached)


def row(page: Page, run: str) -> Locator:
    return page.locator("tbody tr").filter(has=page.get_by_role("link", name=run, exact=True))


def test_a_run_is_started_watched_compared_renamed_and_deleted(page: Page, home: Path):
    page.get_by_role("link", name="Start a run").first.click()
    page.get_by_role("radio", name="Evaluate").check()
    page.get_by_label("Method", exact=True).select_option("random")
    page.get_by_label("Held-out users").fill("2")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Name of the run").fill("begun here")
    command = page.get_by_label("Command")
    expect(command).to_have_text("billp evaluate --dataset tiny --method random --users 2 --seeds 0 --run 'begun here'")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("main h2")).to_have_text("begun here")
    expect(page.locator(".state")).to_have_text("finished")
    expect(page.locator(".episodes tbody tr")).to_have_count(2)
    expect(page.locator("pre.command")).to_contain_text("billp evaluate")
    assert (home / "runs" / "begun here" / "metrics.json").is_file()

    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("renamed")
    page.keyboard.press("Enter")
    expect(page.locator("main h2")).to_have_text("renamed")

    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_label("Choose renamed").check()
    page.get_by_label("Choose all").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("main h2")).to_have_text("2 runs compared")
    page.get_by_label("compared with").select_option(index=0)
    expect(page.locator(".legend").first).to_be_visible()

    page.go_back()
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="renamed", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert (home / "runs" / "renamed").exists(), "Escape is no"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("main h2")).to_have_text("Runs")
    expect(row(page, "renamed")).to_have_count(0)
    assert not (home / "runs" / "renamed").exists()


def test_a_run_is_stopped_and_what_it_recorded_stays(page: Page, home: Path):
    page.get_by_role("link", name="Start a run").first.click()
    page.get_by_label("Method", exact=True).select_option("billp-memory-only")
    page.get_by_label("Training episodes").fill("100000")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Name of the run").fill("long")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".state")).to_have_text("running")
    expect(page.get_by_text(re.compile(r"episodes of 100000 in"))).to_be_visible()
    expect(page.locator("h3", has_text="Latest episodes")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".state")).to_have_text("interrupted")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert (home / "runs" / "long" / "episodes.jsonl").stat().st_size > 0


def test_a_run_that_thinks_shows_the_node_at_work(page: Page):
    page.get_by_role("link", name="Start a run").first.click()
    page.get_by_role("radio", name="Evaluate").check()
    page.get_by_label("Method", exact=True).select_option("act-only")
    page.get_by_label("Held-out users").fill("4")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Name of the run").fill("thinking")
    page.get_by_role("button", name="Start", exact=True).click()
    at_work = page.get_by_label("Episodes under way").get_by_role("listitem").first
    expect(at_work).to_have_text(re.compile(r"user \S+ · step \d+ \w+"))
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".state")).to_have_text(re.compile("interrupted|finished"))


def test_an_episode_leads_back_to_the_run_it_was_opened_from(page: Page):
    row(page, "all").get_by_role("link").first.click()
    opened = page.get_by_label("Episodes", exact=True).locator("tbody a").nth(1)
    opened.click()
    expect(page.locator("h2")).to_contain_text("episode 2 of")
    page.get_by_role("link", name="← Episode before").click()
    expect(page.locator("h2")).to_contain_text("episode 1 of")
    page.keyboard.press("Escape")
    expect(page.locator("h2")).to_have_text("all")
    expect(opened).to_be_focused()


def test_runs_are_found_and_sorted_with_the_keyboard(page: Page):
    page.get_by_label("find").focus()
    page.keyboard.type("evaluate react nothing")
    expect(page.get_by_text("No run has all of these words.")).to_be_visible()
    for _ in range(len(" react nothing")):
        page.keyboard.press("Backspace")
    expect(row(page, "one")).to_have_count(1)
    expect(row(page, "all")).to_have_count(0)
    page.get_by_role("button", name="R_traj").focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort='descending']")).to_contain_text("R_traj")
    page.get_by_role("button", name="R_traj").press("Enter")
    expect(page.locator("th[aria-sort='ascending']")).to_contain_text("R_traj")
    page.reload()
    expect(page.get_by_label("find")).to_have_value("evaluate")


def test_a_lesson_is_forgotten_after_a_question(page: Page, url: str):
    page.goto(f"{url}#view=memory&dataset=tiny&memory=mine")
    expect(page.locator(".totals dd").first).to_have_text("2")
    expect(page.locator(".usage").first).to_have_text("never used")
    page.get_by_role("button", name="Forget reflections").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(page.locator(".totals dd").first).to_have_text("1")
    expect(page.locator(".found li")).to_have_count(1)
