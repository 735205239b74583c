"""The report in a real browser: it opens without a fault, asks no network, and can be read by mouse and by keyboard.

Needs Debian's `chromium`. Without it these tests are skipped, but fail where CI=true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from billp.memory import Origin
from billp.reports import find_runs, make_report, write_page
from tests.integration.conftest import NARROW, PATIENCE_MS, SCREENS, Watched
from tests.reports.examples import HOSTILE, comparison, episode, put_run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@dataclass(frozen=True)
class Opened:
    """The page of a report."""

    page: Page

    def entry(self, number: int) -> Locator:
        return self.page.locator(f"#entry-{number}")

    def chosen(self) -> str:
        return self.page.locator(".entry[aria-selected=true]").inner_text().replace("\n", " ")


@pytest.fixture
def opened(watched: Watched) -> Iterator[Opened]:
    """Where a report is opened; afterwards it must have behaved, and asked for no other file."""
    yield Opened(watched.page)
    assert watched.said == []
    assert watched.asked[0].startswith("file://")
    assert watched.beyond(watched.asked[0]) == []


def show(opened: Opened, root: Path) -> Page:
    target = root / "report.html"
    write_page(make_report(find_runs(root)), target, {})
    opened.page.goto(target.as_uri())
    expect(opened.entry(0)).to_be_visible()
    return opened.page


@pytest.mark.parametrize("watched", SCREENS, indirect=True)
def test_the_page_opens_and_an_episode_can_be_read(opened: Opened, tmp_path: Path, request: pytest.FixtureRequest):
    page = show(opened, comparison(tmp_path / "all"))
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    drawn = page.locator(".plot").evaluate_all("plots => plots.every(plot => plot.querySelector('.main-svg'))")
    assert drawn, "a figure was not drawn"
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]

    page.select_option("#filter-row", label="billp")
    expect(page.locator("#count")).to_have_text("6 of 24")
    opened.entry(1).click()
    detail = page.locator("#detail")
    expect(detail.locator("h3")).to_have_text("User u1, billp")
    expect(detail.locator(".step")).to_have_count(3)
    expect(detail).to_contain_text("a thought")
    expect(detail.locator(".step").nth(1).locator(".chosen")).to_have_text("✓ Film 2")
    expect(detail.locator(".step").nth(1).get_by_role("img")).to_have_attribute("aria-label", "reward 5 of 5")
    expect(detail).to_contain_text("too close to a recent one: Film 3 after Film 1 (step 1)")
    expect(detail).to_contain_text("distance 0.250, from run training, episode train-0-2, seed 0; used 3 times")
    detail.locator("summary").first.click()
    expect(detail.locator(".sources li").first).to_contain_text("Film 1 ★★★☆☆ advantage +1.50")
    shot = tmp_path / f"{request.node.callspec.id}.png"
    page.screenshot(path=shot, full_page=True)
    assert shot.read_bytes().startswith(b"\x89PNG")


TOUCH = {"viewport": NARROW, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("watched", [pytest.param({}, id="mouse"), pytest.param(TOUCH, id="touch")], indirect=True)
def test_nothing_covers_a_legend_until_a_mouse_is_there(opened: Opened, tmp_path: Path):
    page = show(opened, comparison(tmp_path / "all"))
    expect(page.locator(".legend .traces").first).to_be_attached()
    for bar in page.locator(".modebar-group").all():
        expect(bar).to_have_css("opacity", "0")
    expect(page.get_by_role("button", name="Share chart")).to_have_count(0)  # it would upload the chart
    if page.evaluate("matchMedia('(hover: none)').matches"):
        assert page.locator(".modebar").count() == 0
        assert page.viewport_size == NARROW


def test_a_source_can_be_followed_and_left_again(opened: Opened, tmp_path: Path):
    page = show(opened, comparison(tmp_path / "all"))
    page.select_option("#filter-row", label="billp")
    opened.entry(0).click()
    page.locator("#detail summary").first.click()
    page.locator("#detail .sources button").first.click()
    heading = page.locator("#detail h3")
    expect(heading).to_have_text("User u2, billp (training)")
    expect(page.locator("#detail [data-step='1']")).to_be_focused()
    page.get_by_role("button", name="back to test-0-u0").click()
    expect(heading).to_have_text("User u0, billp")


def test_the_keyboard_alone_will_do(opened: Opened, tmp_path: Path):
    page = show(opened, comparison(tmp_path / "all"))
    page.keyboard.press("j")
    expect(page.locator("#list")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(opened.entry(2)).to_have_attribute("aria-selected", "true")
    outline = page.locator("#list").evaluate("list => getComputedStyle(list).outlineStyle")
    assert outline == "solid", "the focus cannot be seen"

    page.select_option("#filter-row", label="billp")
    page.locator("#list").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    steps = page.locator("#detail .step")
    expect(steps.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("j")  # there is no fourth
    expect(steps.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(steps.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#detail h3")).to_have_text("User u1, billp")
    expect(steps.nth(0)).to_be_focused()
    page.keyboard.press("h")
    expect(page.locator("#detail h3")).to_have_text("User u0, billp")
    page.keyboard.press("Escape")
    expect(page.locator("#list")).to_be_focused()
    page.locator("#filter-user").press("j")
    expect(page.locator("#filter-user")).to_have_value("j")


def test_episodes_are_sorted_and_filtered(opened: Opened, tmp_path: Path):
    lines = [episode(f"test-{n % 2}-u{n}", *[3.0] * (n + 1), user=f"u{n}", seed=n % 2) for n in range(12)]
    page = show(opened, put_run(tmp_path / "one", lines))
    page.locator("#columns").get_by_role("button", name="user").click()
    page.keyboard.press("Tab")  # names are in the order of their numbers: u2 before u10
    users = page.locator(".entry > :nth-child(2)")
    assert users.all_inner_texts() == [f"u{n}" for n in range(12)]
    page.locator("#columns").get_by_role("button", name="R_traj").click()
    assert users.all_inner_texts()[:2] == ["u11", "u10"]
    page.locator("#columns").get_by_role("button", name="R_traj").click()
    assert users.all_inner_texts()[:2] == ["u0", "u1"]
    page.select_option("#filter-seed", label="1")
    expect(page.locator("#count")).to_have_text("6 of 12")
    page.locator("#filter-user").fill("u1")
    assert users.all_inner_texts() == ["u1", "u11"]


def test_ten_thousand_episodes_stay_usable(opened: Opened, tmp_path: Path):
    one = episode("x", *[3.0] * 10, judged=True)
    lines = [one.model_copy(update={"id": f"test-0-u{n}", "user": f"u{n}"}) for n in range(10_000)]
    page = show(opened, put_run(tmp_path / "one", lines))
    expect(page.locator("#count")).to_have_text("10000 of 10000")
    assert page.locator(".entry").count() < 60, "only what can be seen is in the page"
    page.locator("#list").focus()
    page.keyboard.press("End")
    expect(opened.entry(9_999)).to_be_visible()
    expect(page.locator("#detail h3")).to_have_text("User u9999, billp")
    milliseconds = page.evaluate(
        "() => { const start = performance.now();"
        " document.querySelectorAll('#columns button')[1].click(); return performance.now() - start; }"
    )
    assert milliseconds < 5_000, "sorting must not hang the page"


def test_hostile_words_change_nothing(opened: Opened, tmp_path: Path):
    source = Origin(HOSTILE, f"train-0-0{HOSTILE}", "u", -1, 0)
    lines = [
        episode("a", 4, 1, title=HOSTILE, user=HOSTILE, method=HOSTILE, source=source, split="train", judged=True),
        episode("b", 4, 1, method=HOSTILE),
    ]
    page = show(opened, put_run(tmp_path / "one", lines, method=HOSTILE, pack=HOSTILE, command="train"))
    opened.entry(0).click()
    page.locator("#detail summary").first.click()
    expect(page.locator("#detail .thought").first).to_have_text(f"a thought {HOSTILE}")
    expect(page.locator("#detail .sources li").first).to_contain_text(HOSTILE)
    expect(page.locator("tbody th").first).to_contain_text(HOSTILE)
    page.locator("#interval-len").hover()
    assert page.evaluate("window.owned") is None
    assert page.locator("img").count() == 0


def test_the_policy_stops_a_script_that_is_not_the_pages_own(browser: Browser, tmp_path: Path):
    root = put_run(tmp_path / "one", [episode("a", 3)])
    target = root / "report.html"
    write_page(make_report(find_runs(root)), target, {})
    target.write_text(target.read_text(encoding="utf-8").replace("<main>", f"<main>{HOSTILE[9:]}"), encoding="utf-8")
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(target.as_uri())
        expect(page.locator("#entry-0")).to_be_visible()
        assert page.evaluate("window.owned") is None
    finally:
        page.close()
