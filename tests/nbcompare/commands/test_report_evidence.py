"""The evidence of a page: what the arguments come to, the factors of a kept trace, files and commands; and pages of
bundles in which little happened."""

import re
from pathlib import Path

import numpy as np
import pytest

from nbcompare.bundle.found import DIAGNOSIS, TRACE, keep
from nbcompare.bundle.names import MANIFEST
from nbcompare.commands.views.page import further_subjects
from nbcompare.commands.views.page.evidence import peak_rows, trace_tables
from nbcompare.commands.views.page.pair import pair_of
from nbcompare.files import sha256_of
from nbcompare.run.api import open_bundle
from tests.nbcompare.commands.test_html_report import page_of


def test_effective_parameters_that_differ_come_first_and_are_marked(run_small, nb, tmp_path):
    _, bundle = run_small("good", "bright", "--py-args", "-distance 200")
    page = page_of(nb, bundle, tmp_path)
    rows = page[page.index("effective parameters differ"):]
    assert rows[:rows.index('<tr class="no">')].count("<tr") == 1, "that of the heads of its columns"
    first = rows[rows.index('<tr class="no">'):].partition("</tr>")[0]
    assert "<td>distance_m</td>" in first and ">0.1<" in first and ">0.2<" in first


@pytest.mark.simulator
def test_a_kept_trace_marks_the_first_factor_that_differs(run_small, nb, tmp_path):
    _, bundle = run_small(subject="bright")
    factor = {"name": "fluence", "index": [], "unit": "1/m^2", "reference": [1.0], "subject": [2.0], "difference": 1.0,
              "allowed": 1e-6, "agrees": False}
    equal = {**factor, "name": "omega", "subject": [1.0], "difference": 0.0, "agrees": True}
    terms = [{**equal, "name": "I_term", "index": [0, 0, 0, 0, step, 0], "subject": [1.0 + step]} for step in (0, 1)
             for _domain in range(2)]
    keep(bundle, TRACE, {"pixels": [{"pixel": {"fast": 4, "slow": 3, "why": ""}, "factors": [equal, factor, *terms],
                                     "first": factor}, {"pixel": "not what a trace is"}]})
    page = page_of(nb, bundle, tmp_path)
    assert "the first to differ is fluence" in page
    assert page.count("first-differs") == 2  # its row, and how it is shown
    assert "slow 3: they differ most at step 1: 2 against 4." in page


def test_of_a_factor_that_differs_in_several_places_the_first_is_shown():
    def entry(index, agrees):
        return {"name": "F_latt", "index": [index], "unit": "", "reference": [1.0], "subject": [2.0], "difference": 1.0,
                "agrees": agrees}

    (table,) = trace_tables({"pixels": [{"pixel": {"fast": 1, "slow": 2}, "first": None, "factors": [
        entry(0, True), entry(1, False), entry(2, False), entry(3, True)]}]})
    assert [row["name"] for row in table["rows"]] == ["F_latt [1]"]


def test_peaks_that_moved_and_peaks_that_were_lost_are_told_apart():
    rows = peak_rows({"matched": [[10, 20, 13, 24, 5, 10]], "lost": [[1, 2, 7]]})
    assert rows[0]["moved"] == 5 and (rows[0]["dx"], rows[0]["dy"], rows[0]["ratio"]) == (3, 4, 2)
    assert rows[1]["moved"] is None and rows[1]["subject"] is None


def test_several_subjects_stand_side_by_side(small_case, nb, fake, tmp_path):
    """The subject's brightest pixel is 5 % too high, but not where -phi is given."""
    strict = "thresholds:\n  - {metric: max_abs_diff, max: 1, why: exact}\n"
    small_case.write_text(small_case.read_text().replace("thresholds:\n", strict) + "subjects: {turned: -phi 1}\n")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("defect"), "-q", "--format", "json")
    page = page_of(nb, said.json["bundle"], tmp_path)
    table = page[page.index("Subjects side by side"):].partition("</table>")[0]
    assert "✗ subject" in table and "✓ turned<br><code>-phi 1</code>" in table
    row = table[table.index("<td>max_abs_diff on full</td>"):].partition("</tr>")[0]
    assert re.findall(r"([✓✗]) (.*?)<", row) == [("✗", "50\N{NO-BREAK SPACE}× over"), ("✓", "no difference")]
    assert "4 of 12 thresholds do not hold; furthest off is max_abs_diff on " in page
    assert page.index("<b>turned − reference</b>") > page.index("<b>subject − reference</b>")
    nothing = page[page.index("<b>turned − reference</b>"):].partition("</figure>")[0]
    assert "no pixel differs here" in nothing


def test_what_is_masked_is_masked_in_the_image_of_a_further_subject(small_case, nb, fake, tmp_path):
    """Its image is one of its own, as the fluence is another, and so are the pixels that the rule leaves out."""
    small_case.write_text(small_case.read_text() + "mask: {above: 90}\nsubjects: {brighter: -flux 1.5e18}\n")
    said = nb("run", small_case, "--c-bin", fake("flux"), "--py-bin", fake("flux_too"), "-q", "--format", "json")
    bundle = open_bundle(Path(said.json["bundle"]))
    pair = pair_of(bundle)
    (brighter,) = further_subjects.pairs(bundle, pair).values()
    masked, plain = np.ma.getmaskarray(brighter.subject), np.ma.getmaskarray(pair.subject)
    assert 0 < plain.sum() < masked.sum() < masked.size
    assert np.array_equal(masked, np.ma.getdata(brighter.subject) > 90)
    assert np.isnan(brighter.difference[masked]).all() and (brighter.difference[~masked] > 0).all()


def test_every_file_of_the_bundle_is_listed_with_its_sum(run_small, nb, tmp_path):
    _, bundle = run_small()
    page = page_of(nb, bundle, tmp_path)
    listed = re.findall(r"<tr><td>([^<]+)</td><td class=\"hash\"><code>([0-9a-f]{64})</code>", page)
    files = {str(path.relative_to(bundle)): sha256_of(path) for path in bundle.rglob("*")
             if path.is_file() and path.name != MANIFEST}
    assert len(files) > 20 and files.items() <= dict(listed).items()


def test_a_cause_is_called_proven_only_where_it_was(run_small, nb, tmp_path):
    """Of what diagnose keeps, one that others cannot be told from is not proven to be the cause."""
    _, bundle = run_small(subject="bright")

    def word():
        page = page_of(nb, bundle, tmp_path)
        return re.search('class="cause"><b>(.*?)</b>', page)[1], "Found with the run, from images" in page

    assert word() == ("proven", True)  # the subject is the reference times a number, at every pixel
    sure = {"sentence": "a factor", "proven": True, "confidence": 0.9, "evidence": ["seen"], "rivals": []}
    for change, said in (({}, "proven"), ({"rivals": ["scale.other"]}, "one of several that give this image"),
                         ({"proven": False}, "perhaps"), ({"proven": "yes"}, "perhaps")):
        keep(bundle, DIAGNOSIS, {"causes": [sure | change]})
        assert word() == (said, False)


@pytest.mark.parametrize(("subject", "word"), [("crash", "ENGINE FAILED"), ("constant", "FAIL"), ("good", "BLOCKED")])
def test_a_run_that_ended_early_has_a_page_too(run_small, nb, tmp_path, subject, word):
    said, bundle = run_small("good", subject)
    page = page_of(nb, bundle, tmp_path)
    assert f"<strong>{said.json['verdict']['word']}</strong>" in page and said.json["verdict"]["word"] == word
    assert "What to do next" in page and f"nb-compare regenerate {bundle}" in page


def test_a_run_whose_tests_failed_shows_their_last_lines(small_case, nb, fake, tmp_path, quick_runs):
    """No engine was run, so that there is no run of any. The lines stand in the block of what failed, as well as among
    the reasons."""
    (tmp_path / "test_no.py").write_text("def test_no():\n    assert 1 == 2\n")
    small_case.write_text(small_case.read_text() + "tests: [test_no.py::test_no]\n")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--format", "json")
    page = page_of(nb, said.json["bundle"], tmp_path)
    assert "<strong>BLOCKED</strong>" in page and "not run" in page
    block = page[page.index("What failed, and what it said last"):].partition("<h2>")[0]
    assert "mapped tests on cpu" in block and "test_no.py::test_no" in block and "assert 1 == 2" in block
