"""The page of a person in a real browser, served by a real `billp api`.

Needs Debian's `chromium`. Without it these tests are skipped, but fail where CI=true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.cli.tiny import put_tiny
from tests.fakes.server import serving
from tests.integration.api_server import serving_people
from tests.integration.conftest import SCREENS, Watched

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service in which each has a memory of their own."""
    home = tmp_path_factory.mktemp("people")
    put_tiny(home / "data", home / "source")
    with serving() as llm_url, serving_people(
        home, "api --dataset tiny --method billp --port 0", llm_url=llm_url, BILLP_API_SESSIONS="50"
    ) as (_, found):  # fmt: skip
        yield found


@pytest.fixture
def page(watched: Watched, url: str) -> Iterator[Page]:
    """The open page; afterwards it must have asked nothing elsewhere, and complained of nothing."""
    watched.page.goto(url)
    yield watched.page
    assert [words for words in watched.said if "ERR_FAILED" not in words] == [], "a test may break the line"
    assert watched.beyond(url) == []


def begun(page: Page, name: str, wish: str = "") -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Titles you like").fill("Film 7, The\nFilm 9, The")
    page.get_by_label("What you are in the mood for").fill(wish)
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#progress")).to_have_text("Step 1 of at most 12")


def test_a_session_by_keyboard_alone(page: Page):
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_have_text("Step 1 of at most 12")
    title = page.locator("#title")
    expect(title).to_be_focused()  # so that a screen reader says what came
    first = title.inner_text()
    page.keyboard.press("5")
    expect(page.locator("#progress")).to_have_text("Step 2 of at most 12")
    expect(title).not_to_have_text(first)
    expect(title).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="3 stars")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_have_text("Step 3 of at most 12")
    page.get_by_label("Or say what should come instead").focus()
    page.keyboard.type("a western 5")  # digits in words rate nothing
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_contain_text('Because you asked for "a western 5"')
    expect(page.locator("#facts")).to_contain_text("Western")
    expect(page.locator("#progress")).to_have_text("Step 3 of at most 12")
    page.get_by_label("The keys 1 to 5 rate").uncheck()
    page.keyboard.press("1")
    page.get_by_label("say why").fill("too slow")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You left")).to_be_focused()
    expect(page.locator("#totals")).to_have_text("3 items, 3.0 stars on average.")
    expect(page.locator("#seen li")).to_have_count(3)


def test_what_a_screen_reader_is_told(page: Page):
    begun(page, "Bob", "something with a western")
    item = page.get_by_role("article")
    expect(item).to_have_accessible_name(page.locator("#title").inner_text())
    expect(item.get_by_role("group", name="How do you like it?").get_by_role("button")).to_have_count(5)
    names = [button.get_attribute("aria-label") for button in item.get_by_role("group").get_by_role("button").all()]
    assert names == ["1 star, not at all", "2 stars", "3 stars", "4 stars", "5 stars, very much"]
    for field in page.locator("#item input").all():
        expect(field).to_have_accessible_name(re.compile("."))
    expect(page.get_by_role("status")).to_have_text("")


def test_a_reload_goes_on_and_a_line_that_broke_is_tried_again_and_counts_once(page: Page):
    begun(page, "Cyd")
    page.keyboard.press("4")
    expect(page.locator("#progress")).to_have_text("Step 2 of at most 12")
    title = page.locator("#title").inner_text()
    page.reload()
    expect(page.locator("#title")).to_have_text(title)

    def answered_and_lost(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/answer", answered_and_lost, times=1)
    page.get_by_role("button", name="2 stars").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The service cannot be reached")
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator("#progress")).to_have_text("Step 3 of at most 12")
    expect(alert).to_be_hidden()
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("#seen li")).to_have_count(3)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget all").click()
    expect(page.get_by_role("heading", name="What would you like to see?")).to_be_visible()
    expect(page.get_by_label("Your name")).to_have_value("")


@pytest.mark.parametrize("watched", SCREENS, indirect=True)
def test_it_fits_every_screen(page: Page, tmp_path: Path):
    def fits(name: str) -> None:
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider == 0, name
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000

    fits("start")
    begun(page, "a name as long as names can be, " * 5, "a western")
    fits("item")
    for button in page.locator("#stars button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, "fingers hit it"
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("#seen li")).to_have_count(1)
    fits("end")
