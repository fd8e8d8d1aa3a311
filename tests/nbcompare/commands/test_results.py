"""What continuous integration reads: JUnit, Markdown and annotations of judged cases."""

from pathlib import Path

import junitparser
import pytest

from nbcompare.case.lines import CaseLines
from nbcompare.case.threshold import Threshold
from nbcompare.commands.views.github import annotations_of
from nbcompare.commands.views.junit import junit
from nbcompare.commands.views.markdown import markdown
from nbcompare.commands.views.results import Result
from nbcompare.verdict.verdict import Check, Label, verdict


def check(value, low=None, high=None, roi="full", metric="correlation", noise=None):
    threshold = Threshold(metric, roi, low, high, "measured")
    return Check(threshold, value, value is not None and threshold.admits(value), None if value else "why not", noise)


GOOD = Result("good", verdict(Label.PASS, (), [check(1.0, low=0.9), check(1.0, 0.9, 1.1, metric="sum_ratio")]), 2.5)
BAD = Result("bad", verdict(Label.FAIL, ["sum_ratio on full: 126000, allowed 0.9 .. 1.1"],
                            [check(0.98, low=0.97), check(126000, 0.9, 1.1, metric="sum_ratio")]), 1.25,
             Path("cases/bad.yaml"), CaseLines(2, {("sum_ratio", "full"): 9}),
             Path("bundles/bad/20260101T000000Z"), "fluence: -flux has no effect",
             "nb-compare diagnose bundles/bad/20260101T000000Z")
DEAD = Result("dead", verdict(Label.ENGINE_FAILED, ["subject ended with exit code 7"]), 0.5)
PROVEN = Result("proven", verdict(Label.PROVEN, ["sum_ratio"], [check(1.2, 0.9, 1.1, metric="sum_ratio")]), 1)
NOT_PROVEN = Result("claimed", verdict(Label.NOT_PROVEN, ["the claim explains nothing"], [check(1.0, low=0.9)]), 1)


def read(results):
    return junitparser.JUnitXml.fromstring(junit(results).encode())


def test_a_suite_is_a_case_and_a_test_is_a_threshold_in_a_region():
    suites = list(read([GOOD, BAD]))
    assert [(s.name, s.tests, s.failures, s.errors) for s in suites] == [("good", 2, 0, 0), ("bad", 2, 1, 0)]
    assert [test.name for test in suites[1]] == ["full: correlation >= 0.97", "full: sum_ratio 0.9 .. 1.1"]
    failure = list(suites[1])[1].result[0]
    assert failure.message == "sum_ratio on full: 126000, allowed 0.9 .. 1.1"
    for part in ("cause: fluence", "bundle: bundles/bad", "next: nb-compare diagnose", "why this number: measured"):
        assert part in failure.text


def test_the_totals_are_those_of_the_suites():
    whole = read([GOOD, BAD, DEAD])
    assert (whole.tests, whole.failures, whole.errors, whole.time) == (5, 1, 1, 4.25)


def test_an_engine_that_failed_is_an_error_and_never_an_empty_suite():
    suite = next(iter(read([DEAD])))
    assert (suite.tests, suite.errors) == (1, 1)
    assert next(iter(suite)).result[0].message == "subject ended with exit code 7"


def test_a_proven_difference_is_no_failure_and_says_so():
    suite = next(iter(read([PROVEN])))
    assert (suite.failures, suite.errors) == (0, 0)
    assert "by a proven divergence" in next(iter(suite)).system_out


def test_a_verdict_that_no_threshold_stands_for_fails_all_the_same():
    suite = next(iter(read([NOT_PROVEN])))
    assert (suite.tests, suite.failures) == (2, 1)


def test_characters_that_xml_cannot_hold_are_replaced():
    hostile = Result("a\x00\x1b[2J<&\"\ud800", verdict(Label.BLOCKED, ["]]> \x08"]), 0)
    assert next(iter(read([hostile]))).name == "a\ufffd\ufffd[2J<&\"\ufffd"


def test_the_worst_comes_first_in_the_summary():
    tight = Result("tight", verdict(Label.PASS, (), [check(0.99, low=0.98, noise=0.9999)]), 1)
    text = markdown([GOOD, tight, BAD])
    rows = [line for line in text.splitlines() if line.startswith("| ") and "verdict" not in line][:3]
    assert [row.split(" | ")[1] for row in rows] == ["bad", "tight", "good"]
    assert text.startswith("## nb-compare: 2 of 3 accepted")
    assert "likely cause: fluence: -flux has no effect" in text
    assert "| full | sum\\_ratio | 126000 | 0.9 .. 1.1 | **outside** |" in text


def test_the_summary_stays_within_its_size():
    many = [Result(f"case{i}", verdict(Label.FAIL, ["x" * 5000]), 0) for i in range(400)]
    text = markdown(many)
    assert len(text.encode()) <= 1_000_000
    assert "more lines were left out" in text


def test_nothing_in_a_name_or_a_reason_becomes_markup():
    text = markdown([Result("<script>|", verdict(Label.FAIL, ["[a](javascript:x) | `b`\nnew"]), 0,
                            next_step="a `b` | c")])
    assert "\\<script\\>\\|" in text and "\\[a\\](javascript:x) \\| \\`b\\` new" in text
    assert "`` a `b` \\| c ``" in text


def test_an_annotation_stands_at_the_line_of_the_case():
    assert annotations_of([GOOD, BAD]) == [
        "::error file=cases/bad.yaml,line=9,title=FAIL bad::sum_ratio on full: 126000, allowed 0.9 .. 1.1; "
        "likely cause: fluence: -flux has no effect"]


@pytest.mark.parametrize("text", ["a\n::error::forged", "a\r\n::stop-commands::x", "50%"])
def test_a_reason_cannot_end_its_annotation(text):
    (said,) = annotations_of([Result("x,y:z", verdict(Label.FAIL, [text]), 0)])
    assert "\n" not in said and "\r" not in said
    assert said.startswith("::error title=FAIL x%2Cy%3Az::")


def test_at_most_ten_annotations_are_written():
    assert len(annotations_of([DEAD] * 30)) == 10


# --- the commands that write them ---------------------------------------------------------------------------


def test_run_writes_what_it_judged(run_small, quick_runs, tmp_path):
    said, bundle = run_small("good", "bright", "--junit", "out.xml", "--markdown", "out.md", "--github")
    assert said.code == 3
    suite = next(iter(junitparser.JUnitXml.fromfile("out.xml")))
    assert (suite.name, suite.tests, suite.failures) == ("small", 4, 2)
    assert f"bundle: {bundle}" in next(test.result[0].text for test in suite if test.result)
    text = Path("out.md").read_text()
    assert text.startswith("## nb-compare: 0 of 1 accepted") and f"nb-compare diagnose {bundle}" in text
    assert f"::error file={tmp_path / 'small.yaml'},line=10,title=FAIL small::" in said.err


def test_annotations_are_on_by_default_where_github_runs_this(run_small, quick_runs, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::error" in run_small("good", "bright")[0].err
    assert "::error" not in run_small("good", "bright", "--no-github")[0].err


def test_a_sweep_writes_a_suite_for_each_cell(nb, fake, tmp_path):
    (tmp_path / "grid.yaml").write_text("""\
name: grid
title: t
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds: [{metric: sum_ratio, min: 0.99, max: 1.01, why: w}]
matrix: {axes: {-exposure: [1, 2]}}
""")
    nb("sweep", "grid.yaml", "-q", "--jobs", 1, "--c-bin", fake("photons"), "--py-bin", fake("photons"), "--py-args",
       "-broken scale", "--junit", "out.xml")
    suites = list(junitparser.JUnitXml.fromfile("out.xml"))
    assert [suite.name for suite in suites] == ["grid.exposure1", "grid.exposure2"]
    assert all(suite.tests for suite in suites)
