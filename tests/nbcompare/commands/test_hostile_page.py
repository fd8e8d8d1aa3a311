"""What strangers named and what engines said is text on every page, however it is written and however long it is."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.nbcompare.conftest import SMALL_CASE

MARKUP = "</script></title><script>alert(1)</script><img src=x onerror=alert(2)>"
TURNED = "\N{RIGHT-TO-LEFT OVERRIDE}ssap"
LONG = "x" * 10_000
FILE = "'<svg onload=alert(3)>.npy"
ENGINE = f"""\
import sys
if "-version" in sys.argv:
    print({MARKUP!r} + "x" * 300)
    sys.exit()
print({MARKUP + TURNED!r}, {LONG!r}, file=sys.stderr)
sys.exit({{code}})
"""


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its text outside of scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text, self._inside = [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.text += data


@pytest.fixture
def hostile(nb, tmp_path, quick_runs):
    """The bundle of a case whose title and engines are hostile. A hostile name of an input, and a character
    that turns the direction of writing in a title, are refused before."""
    title = f"{MARKUP} {LONG}"
    (tmp_path / "small.yaml").write_text(
        SMALL_CASE.replace("title: a 9 x 7 image of fake engines", f'title: "{title}"'))
    for name, code in (("one", 1), ("two", 3)):
        (tmp_path / f"{name}.py").write_text(ENGINE.format(code=code))
    said = nb("run", "small.yaml", "--c-bin", tmp_path / "one.py", "--py-bin", tmp_path / "two.py", "-q", "--fresh")
    assert said.code == 2, said.err
    return next(Path("bundles/small").iterdir())


def test_hostile_words_are_text_on_the_page_of_a_bundle_and_on_the_index(hostile, nb):
    assert nb("report", hostile, "--html", "page.html").code == nb("index").code == 0
    for path in ("page.html", "bundles/index.html"):
        page = Path(path).read_text(encoding="utf-8")
        seen = Elements(page)
        scripts = [tag for tag, _ in seen.found].count("script")
        assert not any(name.startswith("on") for _, attrs in seen.found for name in attrs)
        assert not any(tag in ("svg", "img") and ("onload" in attrs or attrs.get("src") == "x")
                       for tag, attrs in seen.found)
        assert "alert(1)" in seen.text and "alert(1)" not in "".join(
            re.findall("<script>.*?</script>", page, re.DOTALL))
        assert scripts == (1 if path == "page.html" else 0) and "\N{RIGHT-TO-LEFT OVERRIDE}" not in page
    assert "\\u202essap" in Elements(Path("page.html").read_text(encoding="utf-8")).text


def test_a_hostile_name_of_an_image_file_is_text(nb, quick_runs):
    for name in (FILE, "b.npy"):
        np.save(name, np.arange(63, dtype=np.float32).reshape(7, 9))
    bundle = nb("images", FILE, "b.npy", "--format", "json").json["bundle"]
    assert nb("report", bundle, "--html", "page.html").code == 0
    seen = Elements(Path("page.html").read_text(encoding="utf-8"))
    assert "<svg onload=alert(3)>" in seen.text and not any("onload" in attrs for _, attrs in seen.found)


@pytest.mark.browser
def test_a_page_is_no_wider_than_the_screen_however_long_a_word_is(hostile, nb):
    from tests.nbcompare.commands.browser import Opened, chromium

    assert nb("report", hostile, "--html", "page.html").code == nb("index").code == 0
    with chromium() as browser:
        for path in ("page.html", "bundles/index.html"):
            found = Opened(browser, Path(path))
            assert found.page.evaluate("() => document.documentElement.scrollWidth") <= 1400, path
            assert found.said == [] and found.asked == []
            found.page.close()
