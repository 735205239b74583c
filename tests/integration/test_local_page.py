"""The local page in a real browser, served by a real `langgraph dev` after a real training run.

Needs Debian's `chromium`. Without it these tests are skipped, but fail where CI=true.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.tiny import put_tiny
from tests.fakes.server import serving
from tests.integration.conftest import PATIENCE_MS, SCREENS, Watched
from tests.integration.dev_server import PATIENCE_S, developing, environment
from tests.reports.examples import HOSTILE, episode, put_run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
ODD = "100% odd?"  # a folder's name that an address must spell otherwise


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address; it shows a training run, what that left in memory, and a run of hostile words."""
    home = tmp_path_factory.mktemp("page")
    put_tiny(home / "data", home / "source")
    hostile = episode("a", 4, 1, title=HOSTILE, user=HOSTILE, split="train", judged=True)
    put_run(home / "runs" / ODD / "a b&c#d", [hostile], dataset=HOSTILE)
    with serving() as base_url:
        command = "train --dataset tiny --method billp --episodes 3 --memory mine --run taught"
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "billp.cli", *command.split()], cwd=home, timeout=PATIENCE_S,
            env=environment(home, base_url), check=True, capture_output=True,
        )  # fmt: skip
        with developing(home, base_url) as found:
            yield f"{found}/page/"


@pytest.fixture
def page(watched: Watched, url: str) -> Iterator[Page]:
    """The open page; afterwards it must have behaved."""
    watched.page.goto(url)
    expect(watched.page.locator("h2")).to_have_text("Runs")
    yield watched.page
    assert watched.said == []
    assert watched.beyond(url) == []


def lit(page: Page) -> str:
    expect(page.locator(".graph .lit")).to_have_count(1)
    return str(page.locator(".graph .lit").get_attribute("data-node"))


def opened(page: Page, run: str = "taught") -> None:
    """Opens the first episode of `run`."""
    page.get_by_role("link", name=run).click()
    expect(page.locator("h2")).to_have_text(run)
    page.locator("tbody a").first.click()
    expect(page.locator("h2")).to_contain_text("episode 1 of")


def test_an_episode_is_replayed_with_the_keyboard_alone(page: Page):
    page.get_by_role("link", name="taught").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus can be seen"
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_have_text("taught")
    expect(page.locator("h2")).to_be_focused()
    first = page.get_by_role("link", name=re.compile(r"^1\."))
    for _ in range(60):  # past what can be done with the run and what it came to
        page.keyboard.press("Tab")
        if first.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_contain_text("episode 1 of 3")
    said = page.locator(".said")
    expect(said).to_contain_text("Step 1 of")
    way = [lit(page)]
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        way.append(lit(page))
    assert way[:5] == ["recall", "plan", "act:weigh", "respond", "criticise"]
    expect(page.locator(".panel .thought").first).to_contain_text("try kind")
    page.keyboard.press("ArrowLeft")
    assert lit(page) == way[4]
    expect(page.locator(".panel .lit .name")).to_have_text("criticise")
    page.keyboard.press("Escape")
    expect(page.locator("h2")).to_have_text("taught")
    page.go_back()
    expect(said).to_contain_text("criticise")  # it comes back where it was left


def test_steps_are_gone_through_by_buttons_and_by_play(page: Page):
    opened(page)
    said = page.locator(".said")
    count = page.locator(".timeline button").count()
    page.get_by_role("button", name="Next node").click()
    assert lit(page) == "plan"
    if count > 1:
        page.get_by_role("button", name="Next step").click()
        expect(said).to_contain_text(f"Step 2 of {count} · weigh")
    page.locator(".timeline button").last.click()
    expect(said).to_contain_text(f"Step {count} of {count}")
    page.get_by_label("Speed").select_option("fast")
    page.get_by_role("button", name="Play").click()
    expect(said).to_contain_text("conclude")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator("[data-node='reflect'] .told").last).to_be_visible()
    page.locator(".graph [data-node='respond']").click()
    assert lit(page) == "respond"
    expect(page.locator(".panel .lit .stars")).to_be_visible()


def test_memory_is_searched_and_leads_to_where_it_was_learned(page: Page):
    page.get_by_role("link", name="Memory").click()
    expect(page.locator("h2")).to_have_text("Memory")
    page.get_by_label("near to").fill("Film 7, The")
    page.keyboard.press("Enter")
    expect(page.locator(".found li")).to_have_count(3)
    expect(page.locator(".found li").first).to_contain_text("R_traj")  # a lesson, with what came of its episode
    expect(page.locator(".found li").first).to_contain_text("distance")
    page.get_by_label("kind").select_option("actor experiences")
    expect(page.locator(".found li").first).to_contain_text("advantage")
    page.locator(".found a").first.click()
    expect(page.locator("h2")).to_contain_text("episode")
    expect(page.locator(".said")).to_contain_text("Step")
    assert page.url.count("run=taught") == 1


def test_words_from_outside_stay_words(page: Page):
    opened(page, ODD)
    expect(page.locator("h2")).to_contain_text(HOSTILE)
    expect(page.locator(".thought").first).to_contain_text(HOSTILE)
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".panel [data-node='reflect']")).to_contain_text(HOSTILE)
    assert page.evaluate("window.owned") is None
    assert page.locator("img").count() == 0


def test_what_is_not_there_is_said(browser: Browser, url: str):
    page = browser.new_page()  # one of its own: a browser reports every 404 on its console
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(f"{url}#view=run&run=nobody")
        expect(page.get_by_role("alert")).to_have_text("There is no run 'nobody'; go back to the list of runs.")
        page.get_by_role("link", name="Runs", exact=True).click()
        expect(page.locator("tbody tr")).to_have_count(2)
    finally:
        page.close()


@pytest.mark.parametrize("watched", SCREENS, indirect=True)
def test_every_view_fits_its_screen(page: Page, tmp_path: Path, request: pytest.FixtureRequest):
    def looked_at(name: str) -> None:
        expect(page.locator("main[aria-busy='false']")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], name  # type: ignore[index]
        shot = tmp_path / f"{name}-{request.node.callspec.id}.png"
        page.screenshot(path=shot, full_page=True)
        assert shot.read_bytes().startswith(b"\x89PNG")

    looked_at("runs")
    opened(page, ODD)
    looked_at("odd")
    page.get_by_role("link", name="Runs", exact=True).click()
    opened(page)
    looked_at("episode")
    page.get_by_role("link", name="Memory").click()
    expect(page.locator("h2")).to_have_text("Memory")
    looked_at("memory")
