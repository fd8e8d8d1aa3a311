"""One headless Chromium for all tests of a session that look at pages, and what a page must never do.

Chromium is Debian's (``apt-get install chromium``); playwright drives it, and is among the development packages.
"""

import os
import shutil
from contextlib import contextmanager

import pytest

HOW_TO_GET_IT = "these tests need a browser: apt-get install chromium, and pip install playwright (make environment)"


@contextmanager
def chromium():
    """A running browser. Without one the tests are skipped with how to get it; where CI runs, they fail."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if sync_playwright is None or program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(HOW_TO_GET_IT)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page that was opened from its file, and everything that it said or asked for."""

    def __init__(self, browser, path, **options):
        self.said, self.asked = [], []
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000}, **options)
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda fault: self._hear("error", str(fault)))
        self.page.on("dialog", lambda dialog: self._hear("error", f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self._ask(request.url))
        self.page.goto(path.absolute().as_uri())

    def _hear(self, kind, text):
        if kind in ("error", "warning"):
            self.said.append(text)

    def _ask(self, url):
        if not url.startswith(("file:", "data:", "blob:")):
            self.asked.append(url)

    def ready(self):
        self.page.wait_for_selector("#viewer[data-ready=yes]", timeout=60_000)
        return self

    def state(self, words):
        """What a word of the viewer's state is, such as ``x.start``."""
        return self.page.evaluate(f"() => nbViewer.{words}")

    def text(self, selector):
        return self.page.locator(selector).first.text_content()


def mark(page, name):
    """What is drawn of a mark, by column."""
    return page.page.evaluate("(name) => { const found = Bokeh.documents[0].get_model_by_name(name).data; "
                              "return Object.fromEntries(Object.entries(found).map(([k, v]) => [k, Array.from(v)])); }",
                              name)


@contextmanager
def viewed(browser, path):
    """A page that is ready, its focus on the images; in the end it has said nothing and asked for nothing, and is
    closed."""
    found = Opened(browser, path).ready()
    found.page.locator("#viewer").focus()
    yield found
    assert found.said == [] and found.asked == []
    found.page.close()
