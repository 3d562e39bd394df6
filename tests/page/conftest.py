"""A headless browser, Debian's Chromium, that opens the page of a served deployment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module. Playwright's loop runs in the main thread as long as this is open."""
    assert CHROMIUM is not None, "there is no chromium: `just browser` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab. In the end, check that it reported no error and called no other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    yield page
    context.close()
    # Tests try wrong keys, and some end their server while the page is open.
    expected = ("401", "ERR_CONNECTION_REFUSED")
    assert [problem for problem in problems if not any(text in problem for text in expected)] == []
    assert len(hosts) <= 1
