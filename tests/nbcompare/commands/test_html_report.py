"""nb-compare report: the page says what the record says, holds everything it shows, and runs nothing."""

import re
import sys
from pathlib import Path

import numpy as np

import nbcompare.commands.views
from nbcompare.errors import ExitCode


def page_of(nb, bundle, tmp_path):
    said = nb("report", bundle, "--html", tmp_path / "page.html")
    assert said.code == ExitCode.PASS, said.err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    return re.sub("<script.*?</script>", "", page, flags=re.DOTALL)  # what is there where scripts are blocked


def test_a_pass_shows_its_word_its_figures_and_its_pictures(run_small, nb, tmp_path):
    said, bundle = run_small()
    page = page_of(nb, bundle, tmp_path)
    assert f"<title>PASS small {said.json['stamp']}</title>" in page
    assert page.count('class="picture"') == 2 and "The images are identical: all 63 pixels" in page
    assert "subject − reference" not in page
    for engine in said.json["engines"]:
        assert engine["program_sha256"] in page
    for region in said.json["comparison"]["regions"]:
        assert f"{region['reference_sum']:.10g}" in page


def test_a_failure_marks_the_threshold_that_was_missed(run_small, nb, tmp_path):
    said, bundle = run_small(subject="bright")
    page = page_of(nb, bundle, tmp_path)
    missed = [check for check in said.json["verdict"]["checks"] if not check["holds"]]
    assert missed and page.count('<tr class="no">') == len(missed)
    assert '<header class="bad"' in page and " of 4 thresholds do not hold; furthest off is sum_ratio on" in page
    assert page.count('class="picture"') == 4 and "on its own scale: 1.259e+05 ×" in page


def test_the_page_fetches_nothing_and_runs_nothing(run_small, nb, tmp_path):
    _, bundle = run_small()
    page = page_of(nb, bundle, tmp_path)
    assert "default-src &#39;none&#39;" in page and not re.search(r"https?:", page)
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_without_bokeh_the_still_page_is_written_and_says_what_is_missing(run_small, nb, tmp_path, monkeypatch):
    _, bundle = run_small(subject="bright")
    monkeypatch.setitem(sys.modules, "bokeh", None)
    page = page_of(nb, bundle, tmp_path)
    assert "pip install &#39;nb-compare[report]&#39;" in page and page.count('class="picture"') == 4
    assert 'id="viewer"' not in page


def test_text_of_the_case_is_escaped(nb, fake, small_case, tmp_path):
    small_case.write_text(small_case.read_text().replace("a 9 x 7 image of fake engines", "a <b>9</b> & 7 image"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--format", "json")
    assert "a &lt;b&gt;9&lt;/b&gt; &amp; 7 image" in page_of(nb, said.json["bundle"], tmp_path)


def test_what_to_do_next_can_be_done(run_small, nb, tmp_path):
    """Two image files have no engine to trace; a log is read, and its name copied without the word."""
    for name, values in (("a", [[1.0, 2.0, 9.0]]), ("b", [[1.0, 2.0, 5.0]])):
        np.save(tmp_path / f"{name}.npy", values)
    said = nb("images", "a.npy", "b.npy", "--format", "json")
    page = page_of(nb, said.json["bundle"], tmp_path)
    assert "<pre>nb-compare diagnose " in page and "nb-compare trace" not in page and "nb-compare reduce" not in page
    _, bundle = run_small("good", "crash")
    assert f"<span>read</span><pre>{bundle}/inputs/py_cli_stdout.txt</pre>" in page_of(nb, bundle, tmp_path)


def test_damaged_evidence_gets_no_page(run_small, nb, tmp_path):
    _, bundle = run_small()
    log = bundle / "inputs" / "c_cli_stdout.txt"
    log.chmod(0o644)
    log.write_text("changed")
    said = nb("report", bundle, "--html", tmp_path / "page.html")
    assert said.code == ExitCode.EVIDENCE and "c_cli_stdout.txt" in said.err
    assert not (tmp_path / "page.html").exists()


def test_every_table_moves_within_its_own_frame():
    """A table wider than the window would move the whole page sideways, and hide what is decided by."""
    views = Path(nbcompare.commands.views.__file__).parent
    for template in (*views.glob("page/*.j2"), *views.glob("index/*.j2")):
        text = template.read_text(encoding="utf-8")
        assert text.count("<table") == len(re.findall(r'<div class="wide">\s*<table', text)), template.name
        assert text.count("</table>") == len(re.findall(r"</table>\s*</div>", text)), template.name
