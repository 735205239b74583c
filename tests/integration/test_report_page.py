"""The report in a real browser: it opens without a fault, asks no network, and can be read by mouse and by keyboard.

Needs Debian's `chromium`. Without it these tests are skipped, but fail where CI=true.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from billp.memory import Origin
from billp.pages.page_file import write_page
from billp.reports import read_report
from tests.integration.conftest import PATIENCE_MS, SCREENS, Watched
from tests.integration.test_ui_page import RULES
from tests.reports.examples import HOSTILE, comparison, episode, put_run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
SECTIONS = [
    "Results", "Paired differences", "Learning curve", "Training episodes", "Memory growth", "Policies",
    "The Critic under test", "Why episodes ended", "Reward per 1,000 tokens", "Tokens a step", "Beyond accuracy",
    "Cost", "Policies: steps of training and R_traj", "Episodes",
]  # fmt: skip


@pytest.fixture
def opened(watched: Watched) -> Iterator[Page]:
    """Where a report is opened; afterwards it must have behaved, and asked for no other file."""
    yield watched.page
    assert watched.said == []
    assert watched.asked[0].startswith("file://")
    assert watched.beyond(watched.asked[0].partition("#")[0]) == []


def show(page: Page, root: Path, budget: int = 10**9) -> Page:
    target = root / "report.html"
    write_page(read_report([root]), target, {}, budget)
    page.goto(target.as_uri())
    expect(page.locator("main[aria-busy='false'] h2")).to_have_text(root.name)
    return page


def sound(page: Page) -> None:
    """Axe finds nothing, and nothing scrolls sideways."""
    for details in page.locator("main details > summary").all():
        details.click()
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


@pytest.mark.parametrize("watched", SCREENS, indirect=True)
def test_the_report_opens_and_an_episode_can_be_read(opened: Page, tmp_path: Path):
    page = show(opened, comparison(tmp_path / "all"))
    assert page.locator("main h3").all_inner_texts() == SECTIONS
    expect(page.locator(".facts")).to_contain_text("24 in 8 run folders")
    page.get_by_label("compared with").select_option("billp")
    expect(page.get_by_role("table", name="Differences to billp")).to_contain_text("-9.0 [-9.0, -9.0] *")
    page.get_by_label("compared with").select_option("react")
    expect(page.get_by_role("table", name="Differences to react")).to_contain_text("+9.0 [+9.0, +9.0] *")
    expect(page.locator(".plot-lines svg")).to_have_count(5)
    sound(page)

    page.get_by_label("method").select_option("billp")
    expect(page.locator(".episodes output")).to_have_text("6 of 24")
    page.get_by_role("link", name="2. test-0-u1").click()
    expect(page.locator("main h2")).to_have_text("User u1, episode 2 of 3")
    sound(page)  # it opens all steps too
    steps = page.locator(".whole-episode .step")
    expect(steps).to_have_count(3)
    expect(steps.first).to_contain_text("a thought")
    expect(steps.nth(1).locator(".chosen")).to_have_text("✓ Film 2")
    expect(steps.nth(1).get_by_role("img")).to_have_attribute("aria-label", "reward 5 of 5")
    whole = page.locator(".whole-episode")
    expect(whole).to_contain_text("too close to a recent one: Film 3 after Film 1 (step 1)")
    expect(whole).to_contain_text("distance 0.250, from run training, episode train-0-2, seed 0; used 3 times")
    steps.first.locator("summary").first.click()
    expect(steps.first.locator(".sources li").first).to_contain_text("Film 1 ★★★☆☆ advantage +1.50")


def test_a_source_can_be_followed_and_left_again(opened: Page, tmp_path: Path):
    page = show(opened, comparison(tmp_path / "all"))
    page.get_by_label("method").select_option("billp")
    page.get_by_role("link", name="1. test-0-u0").click()
    page.get_by_role("link", name="run training, episode train-0-2, seed 0").first.click()
    expect(page.locator("main h2")).to_have_text("User u2, episode 3 of 6")
    page.go_back()
    expect(page.locator("main h2")).to_have_text("User u0, episode 1 of 3")


def test_the_keyboard_alone_will_do(opened: Page, tmp_path: Path):
    page = show(opened, comparison(tmp_path / "all"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the episodes
    links = page.locator(".episodes tbody a")
    expect(links.nth(0)).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus can be seen"
    for key in ("ArrowDown", "j", "k", "j"):
        page.keyboard.press(key)
    expect(links.nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_contain_text("Step 1 of 2")
    page.keyboard.press("j")
    expect(page.locator(".said")).to_contain_text("Step 2 of 2")
    page.keyboard.press("Escape")
    expect(page.locator("main h2")).to_have_text("all")
    expect(links.nth(1)).to_be_focused()  # where the person was


def test_episodes_are_sorted_and_filtered(opened: Page, tmp_path: Path):
    lines = [episode(f"test-{n % 2}-u{n}", *[3.0] * (n + 1), user=f"u{n}", seed=n % 2) for n in range(12)]
    page = show(opened, put_run(tmp_path / "one", lines))
    listed = page.locator(".episodes")
    users = listed.locator("tbody td:nth-child(2)")
    listed.get_by_role("button", name="user").click()  # names are in the order of their numbers: u2 before u10
    assert users.all_inner_texts() == [f"u{n}" for n in range(12)]
    listed.get_by_role("button", name="R_traj").click()
    assert users.all_inner_texts()[:2] == ["u11", "u10"]
    listed.get_by_role("button", name="R_traj").click()
    assert users.all_inner_texts()[:2] == ["u0", "u1"]
    page.get_by_label("seed").select_option("1")
    expect(listed.locator("output")).to_have_text("6 of 12")
    page.get_by_label("user").fill("u1")
    assert users.all_inner_texts() == ["u1", "u11"]


def test_ten_thousand_episodes_stay_usable(opened: Page, tmp_path: Path):
    one = episode("x", *[3.0] * 10, judged=True)
    lines = [one.model_copy(update={"id": f"test-0-u{n}", "user": f"u{n}"}) for n in range(10_000)]
    page = show(opened, put_run(tmp_path / "one", lines))
    expect(page.locator(".episodes output")).to_have_text("10000 of 10000")
    assert page.locator(".episodes tbody tr").count() == 25, "only a part is in the page"
    milliseconds = page.evaluate(
        "() => { const start = performance.now();"
        " document.querySelectorAll('.episodes .sort')[1].click(); return performance.now() - start; }"
    )
    assert milliseconds < 5_000, "sorting must not hang the page"
    page.get_by_label("user").fill("u9999")
    page.get_by_role("link", name="10000. test-0-u9999").click()
    expect(page.locator("main h2")).to_have_text("User u9999, episode 10000 of 10000")


def test_what_a_report_does_not_hold_is_said(opened: Page, tmp_path: Path):
    page = show(opened, put_run(tmp_path / "one", [episode("a", 3), episode("b", 3)]), budget=1)
    expect(page.locator(".episodes")).to_contain_text("Held here are 1 of 2 episodes")


def test_hostile_words_change_nothing(opened: Page, tmp_path: Path):
    source = Origin(HOSTILE, f"train-0-0{HOSTILE}", "u", -1, 0)
    lines = [
        episode("a", 4, 1, title=HOSTILE, user=HOSTILE, method=HOSTILE, source=source, split="train", judged=True),
        episode("b", 4, 1, method=HOSTILE),
    ]
    page = show(opened, put_run(tmp_path / "one", lines, method=HOSTILE, pack=HOSTILE, command="train"))
    expect(page.locator("tbody th").first).to_contain_text(HOSTILE)
    expect(page.locator(".facts")).to_contain_text(HOSTILE)
    page.get_by_role("link", name="1. a").click()
    expect(page.locator(".panel .thought").first).to_have_text(f"a thought {HOSTILE}")
    page.locator(".panel summary").first.click()
    expect(page.locator(".panel .sources li").first).to_contain_text(HOSTILE)
    assert page.evaluate("window.owned") is None
    assert page.locator("img").count() == 0


def test_the_policy_stops_a_script_that_is_not_the_pages_own(browser: Browser, tmp_path: Path):
    root = put_run(tmp_path / "one", [episode("a", 3)])
    target = root / "report.html"
    write_page(read_report([root]), target, {})
    text = target.read_text(encoding="utf-8")
    assert '<main id="main">' in text
    target.write_text(text.replace('<main id="main">', f'{HOSTILE[9:]}<main id="main">'), encoding="utf-8")
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(target.as_uri())
        expect(page.locator("h2")).to_have_text("one")
        assert page.evaluate("window.owned") is None
    finally:
        page.close()
