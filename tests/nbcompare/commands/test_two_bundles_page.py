"""nb-compare report A B: what changed from one bundle to the other, in code, limits, figures and images."""

import html
import json
import re
from pathlib import Path

from tests.nbcompare.bundle.test_archive_verify import overwrite


def page_of(nb, a, b):
    said = nb("report", a, b, "--html", "two.html")
    assert (said.code, said.out) == (0, "two.html\n"), said.err
    return Path("two.html").read_text(encoding="utf-8")


def words(page):
    """What a reader sees, a blank between elements."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))


def test_verdicts_figures_margins_and_files_stand_beside_each_other(store, nb):
    seen = words(page_of(nb, store.passed, store.failed))
    assert "PASS → FAIL" in seen
    assert "The reference's image is the same to the last bit; the subject's image is another one." in seen
    assert "The margin of sum_ratio on full shrank from unlimited to 7.94e-08 x" in seen
    assert seen.count("shrank from unlimited") == 1 and re.search("So did [1-9] more that were unlimited", seen)
    assert "full sum_ratio 0.99 .. 1.01 1 unlimited 125932 7.94e-08 x" in seen
    changed = [(entry["name"], entry["sha256"]) for folder in (store.passed, store.failed)
               for entry in json.loads((folder / "record.json").read_text())["engines"][1]["made_of"]["files"]
               if entry["name"] in ("twin.py", "bright.py")]
    assert [name for name, _ in changed] == ["twin.py", "bright.py"] and all(sum_ in seen for _, sum_ in changed)
    told = seen.partition("Figures that are not the same")[2].partition("Code and inputs")[0]
    assert "full sum_ratio 1 125932" in told and "correlation" not in told  # which is 1 in both
    assert "_image.py" not in seen  # it is in both what it was


def test_only_images_that_differ_are_drawn(store, nb):
    """Of the subject: A, B, their difference and their ratio, each with its colours; nothing of the reference."""
    page = page_of(nb, store.passed, store.failed)
    assert re.findall(r'class="picture"[^>]*alt="([^"]+)', page) == ["A", "B", "B − A", "B ÷ A"]


def test_a_run_that_gave_no_image_is_told_and_its_threshold_is_not_red(store, nb):
    seen = words(page_of(nb, store.failed, store.crashed))
    assert "FAIL → ENGINE FAILED" in seen and "gave no image" in seen and "not asked for" in seen


def test_the_page_fetches_nothing_and_runs_nothing(store, nb):
    page = page_of(nb, store.passed, store.failed)
    assert "script-src &#39;none&#39;" in page and "<script" not in page and not re.search("https?:", page)


def test_damaged_or_one_and_the_same_bundle_gets_no_page(store, nb):
    overwrite(store.failed / "inputs/c_cli_stdout.txt", "changed")
    assert nb("report", store.passed, store.failed).code == 6
    assert nb("report", store.passed, store.passed).code == 1
    assert list(Path().glob("*.html")) == []
