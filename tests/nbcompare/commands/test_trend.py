"""nb-compare trend: what each run of a case gave, what changed, and exit 3 where a margin shrank."""

import json
import shutil
from pathlib import Path

import pytest

from tests.nbcompare.commands.test_formats import faults
from tests.nbcompare.made_history import made_record, stamp_of, write_record

CORRELATION, RATIO = ("correlation", "full"), ("sum_ratio", "full")
EXACT = dict.fromkeys((RATIO, ("sum_ratio", "middle")), 1.001)
"""A margin of ten on the sum ratio."""


@pytest.fixture
def history(made_once, nb, tmp_path):
    """Write runs of the case small, oldest first, from what is other in each."""
    base = json.loads((min((made_once / "small").iterdir()) / "record.json").read_text())

    def write(*runs):
        return [write_record(tmp_path / "bundles", made_record(base, stamp_of(at), **run))
                for at, run in enumerate(runs)]

    return write


def test_margins_are_told_as_multiples_of_the_difference(history, nb):
    """A sum ratio of 1.001 could be ten times as far from 1 within 0.99 .. 1.01."""
    history({"values": EXACT})
    said = nb("trend", "small", "--format", "json")
    (run,) = said.json["runs"]
    margins = {(entry["metric"], entry["region"]): entry["margin"] for entry in run["thresholds"]}
    assert margins[RATIO] == pytest.approx(10) and margins[CORRELATION] == "unlimited"
    assert (said.code, run["smallest_margin"]) == (0, pytest.approx(10))
    assert "one judged run" in nb("trend", "small").out


@pytest.mark.parametrize(("value", "factor", "code"), [(1.0019, 2, 0), (1.0021, 2, 3), (1.0021, 2.2, 0)])
def test_a_margin_that_shrank_by_more_than_the_factor_is_exit_3(history, nb, value, factor, code):
    history({"values": EXACT}, {"values": EXACT | {RATIO: value}})
    said = nb("trend", "small", "--factor", factor)
    assert said.code == code
    assert ("SHRANK  sum_ratio on full" in said.out) == (code == 3)


@pytest.mark.parametrize("factor", ["nan", "inf", "0.5"])
def test_a_factor_by_which_nothing_could_shrink_is_refused(history, nb, factor):
    """Nothing is larger than nan."""
    history({"values": EXACT}, {"values": EXACT | {RATIO: 1.009}})
    assert nb("trend", "small", "--factor", factor).code == nb("index", "--factor", factor).code == 1


def test_a_loosened_threshold_hides_no_shrinking_and_is_marked(history, nb):
    """Ten times worse under a limit ten times as wide: the margin is what it was, and shrank all the same."""
    history({"values": EXACT}, {"values": EXACT | {RATIO: 1.01}, "limits": {RATIO: (0.9, 1.1)}})
    said = nb("trend", "small", "--format", "json")
    (shrunk,) = said.json["runs"][1]["shrunk"]
    assert said.code == 3 and shrunk["factor"] == pytest.approx(10)
    assert [entry["what"] for entry in said.json["runs"][1]["loosened"]] == ["sum_ratio on full"]
    text = nb("trend", "small").out
    assert "LOOSENED  sum_ratio on full: was 0.99 .. 1.01" in text and text.count("\n  allowed ") == 2


def test_a_tightened_threshold_is_no_shrinking(history, nb):
    history({"values": EXACT}, {"values": EXACT, "limits": {RATIO: (0.998, 1.002)}})
    said = nb("trend", "small", "--format", "json")
    assert (said.code, said.json["runs"][1]["shrunk"]) == (0, [])
    (entry,) = said.json["runs"][1]["tightened"]
    assert (entry["before"], entry["after"]) == ("0.99 .. 1.01", "0.998 .. 1.002")


def test_a_threshold_that_is_gone_is_loosened_and_its_figure_still_followed(history, nb):
    history({"values": EXACT}, {"values": EXACT | {RATIO: 1.5}, "limits": {RATIO: None}})
    said = nb("trend", "small", "--format", "json")
    newest = said.json["runs"][1]
    assert (said.code, newest["verdict"], newest["loosened"][0]["after"]) == (3, "PASS", None)
    assert [entry["metric"] for entry in newest["shrunk"]] == ["sum_ratio"]


def test_a_figure_that_became_undefined_lost_its_margin(history, nb):
    history({"values": EXACT}, {"values": EXACT | {RATIO: None}})
    said = nb("trend", "small")
    assert said.code == 3 and "to none: the figure is undefined" in said.out


def test_what_shrank_is_told_of_the_run_in_which_it_did_and_no_other(history, nb):
    """Undefined twice in a row: the second time is no news. Defined again, it is held against the last it had."""
    history(*({"values": EXACT | {RATIO: value}} for value in (1.001, None, None, 1.0011, 1.009)))
    said = nb("trend", "small", "--format", "json")
    told = [[(entry["metric"], entry["since"]) for entry in run["shrunk"]] for run in said.json["runs"]]
    assert told == [[], [("sum_ratio", stamp_of(0))], [], [], [("sum_ratio", stamp_of(3))]]
    lines = [line for line in nb("trend", "small").out.splitlines() if line.startswith("SHRANK")]
    assert len(lines) == 1 and "from 9.09 x to 1.11 x" in lines[0] and lines[0].endswith("(and once before)")


def test_what_shrank_and_is_as_it_was_again_is_one_line_however_much_it_was(history, nb):
    history({"values": EXACT}, {"values": dict.fromkeys(EXACT, 1.2)}, {"values": EXACT})
    said = nb("trend", "small")
    assert said.code == 3 and said.out.splitlines()[-1].startswith("SHRANK  2 margins before, and what they were")
    assert nb("trend", "small", "--last", 1).code == 0


def test_the_neighbour_of_a_run_is_the_last_that_was_judged(store, nb):
    """Passed, failed, crashed: the crash has no margin; the figure before it counts."""
    said = nb("trend", "small", "--format", "json")
    assert faults(said.json, "trend") == []
    assert [run["verdict"] for run in said.json["runs"]] == ["PASS", "FAIL", "ENGINE FAILED"]
    assert (said.code, said.json["runs"][2]["since"]) == (3, said.json["runs"][1]["stamp"])
    assert nb("trend", "small", "--last", 1).code == 8  # it was not judged: no news is no good news


def test_the_newest_run_alone_is_held_against_the_last_that_was_judged(history, nb):
    """With a run between them in which nothing was compared, as one whose engine failed."""
    _, failed, _ = history({"values": EXACT}, {"values": EXACT}, {"values": EXACT | {RATIO: 1.009}})
    record = json.loads((failed / "record.json").read_text())
    record["verdict"] = {"word": "ENGINE FAILED", "exit_code": 2, "checks": [], "reasons": ["it crashed"]}
    shutil.rmtree(failed)
    write_record(failed.parent.parent, record)
    said = nb("trend", "small", "--last", 1, "--format", "json")
    assert (said.code, len(said.json["runs"])) == (3, 1)
    assert said.json["runs"][0]["shrunk"][0]["since"] == stamp_of(0)


def test_commits_and_programs_that_changed_are_named(history, nb):
    history({"values": EXACT, "commit": "a" * 40}, {"values": EXACT, "commit": "b" * 40})
    said = nb("trend", "small")
    assert "commit of the project, subject, reference, harness: aaaaaaaaaaaa -> bbbbbbbbbbbb" in said.out


def test_further_subjects_have_margins_of_their_own(history, nb):
    """That of the subject stays; the one in float32 comes five times as near to its limit."""
    history({"values": EXACT, "subjects": {"float32": {RATIO: 1.001}}},
            {"values": EXACT, "subjects": {"float32": {RATIO: 1.005}}})
    said = nb("trend", "small", "--format", "json")
    assert (said.code, faults(said.json, "trend")) == (3, [])
    (shrunk,) = said.json["runs"][1]["shrunk"]
    assert shrunk["region"] == "full of float32" and shrunk["factor"] == pytest.approx(5)
    assert said.json["runs"][1]["smallest_margin"] == pytest.approx(2)
    assert {entry["of"] for entry in said.json["runs"][1]["thresholds"]} == {None, "float32"}


def test_a_damaged_bundle_is_a_row_and_exit_6(history, nb):
    first, _ = history({"values": EXACT}, {"values": EXACT})
    (first / "record.json").write_text('{"stamp": "\x1b[2J"}')
    said = nb("trend", "small", "--format", "json")
    assert (said.code, faults(said.json, "trend")) == (6, [])
    assert said.json["runs"][0]["damage"] and said.json["runs"][1]["verdict"] == "PASS"
    text = nb("trend", "small").out
    assert "DAMAGED" in text and "\x1b[2J" not in text


def test_a_case_is_named_by_its_file_or_its_folder_too(store, nb, small_case, tmp_path):
    told = nb("trend", "small").out
    assert told.startswith("small: 3 runs")
    for named in (small_case, "bundles/small", tmp_path / "bundles/small/"):
        assert nb("trend", named).out == told


def test_a_case_without_bundles_names_the_nearest(history, nb):
    history({})
    said = nb("trend", "smal")
    assert said.code == 6 and "did you mean 'small'?" in said.err
    assert Path("bundles/smal").exists() is False


def test_of_a_threshold_that_allows_nothing_any_difference_is_a_fall_by_every_factor(history, nb):
    """Its margin is 0 from then on: there is nothing to divide by, and the next time it is no news."""
    history(*({"values": EXACT | {RATIO: value}, "limits": {RATIO: (1.0, 1.0)}} for value in (1.0, 1.001, 1.002)))
    said = nb("trend", "small", "--format", "json")
    (shrunk,) = said.json["runs"][1]["shrunk"]
    assert (said.code, shrunk["after"], shrunk["factor"]) == (3, 0, "unlimited")
    assert said.json["runs"][2]["shrunk"] == []


def test_images_that_are_identical_no_longer_are_told(history, nb):
    """Also where every figure is what it was: a sum does not see two pixels that were exchanged."""
    history({}, {"values": {RATIO: 1.0}})
    told = [change for run in nb("trend", "small", "--format", "json").json["runs"] for change in run["changed"]]
    assert {"what": "images", "before": "bit-identical", "after": "not the same bits"} in told
