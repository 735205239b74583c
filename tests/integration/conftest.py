"""A browser for the tests that need one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 90_000  # a browser on a busy machine
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
# Each size and each scheme once: what fits and what contrasts do not depend on each other.
SCREENS = [
    pytest.param({"viewport": WIDE, "color_scheme": "light"}, id="light-1280"),
    pytest.param({"viewport": NARROW, "color_scheme": "dark"}, id="dark-360"),
]


@contextmanager
def launched(playwright: Playwright, *arguments: str) -> Iterator[Browser]:
    """A running chromium. Without one the test is skipped, but fails where CI=true."""
    if CHROMIUM is None:
        reason = "chromium is not installed; apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MS)
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(arguments))
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright) as found:
        yield found


@dataclass
class Watched:
    """A page, and everything it said on the console and asked of any server."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def beyond(self, own: str) -> list[str]:
        """The addresses it asked that do not begin with `own`."""
        return [address for address in self.asked if not address.startswith((own, "data:"))]


@pytest.fixture
def watched(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """A page with nothing in it, in the viewport and colours that the test asks for, if it does."""
    context = browser.new_context(**{"viewport": WIDE, "color_scheme": "light", **getattr(request, "param", {})})
    context.set_default_timeout(PATIENCE_MS)
    seen = Watched(context.new_page())

    def heard(message: ConsoleMessage) -> None:
        seen.said.append(f"{message.type}: {message.text}")

    seen.page.on("console", heard)
    seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
    seen.page.on("request", lambda asked: seen.asked.append(asked.url))
    yield seen
    context.close()
