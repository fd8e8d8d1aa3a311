"""Runs of a matrix that bring thresholds of their own."""

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.errors import CaseError

RUNS = "matrix: {runs: {plain: -N 3, loose: {args: -N 9, thresholds: [%s]}}}\n"
LOOSE = "{metric: sum_ratio, rois: [middle], min: 0.9, max: 1.1, why: a peer allows it}"


def test_they_take_the_place_of_the_cases_on_that_metric_and_region(small_case):
    small_case.write_text(small_case.read_text() + RUNS % LOOSE)
    case = load_case(small_case)
    plain, loose = cells_of(case)
    assert plain.thresholds == case.thresholds and loose.command[-2:] == ("-N", "9")
    changed = [now for before, now in zip(case.thresholds, loose.thresholds, strict=True) if now != before]
    assert [(t.metric, t.roi, t.min, t.max) for t in changed] == [("sum_ratio", "middle", 0.9, 1.1)]


def test_a_metric_that_the_case_does_not_judge_is_judged_beside_the_others(small_case):
    small_case.write_text(small_case.read_text() + RUNS % "{metric: max_abs_diff, max: 1, why: w}")
    case = load_case(small_case)
    assert len(cells_of(case)[1].thresholds) == len(case.thresholds) + 2


@pytest.mark.parametrize("thresholds", ["", "{metric: sum_ratio, min: 0, max: 1e9, why: w}",
                                        "{metric: sum_ratio, rois: [no], min: 0.9, max: 1.1, why: w}",
                                        "{metric: sum_ratio, min: 0.9, max: 1.1}"])
def test_they_are_read_as_strictly_as_those_of_the_case(small_case, thresholds):
    small_case.write_text(small_case.read_text() + RUNS % thresholds)
    with pytest.raises(CaseError):
        load_case(small_case)


CLAIM = ("{id: phi-carryover, title: t, engine: reference, emulate: [-emulate, phi-carryover], why: w, owner: me, "
         "bounds: {full: {sum_ratio: {min: 0.9, max: 1.1}}}, reference: docs/x.md, expires: '2099-01-01'}")
CLAIMED = "matrix: {runs: {plain: -N 3, claimed: {args: -N 9, divergences: [%s]}}}\n"


def test_claims_of_a_run_stand_beside_those_of_the_case(small_case):
    small_case.write_text(small_case.read_text() + CLAIMED % CLAIM)
    plain, claimed = cells_of(load_case(small_case))
    assert ([claim.id for claim in plain.divergences], [claim.id for claim in claimed.divergences]) == (
        [], ["phi-carryover"])


@pytest.mark.parametrize("text, why", [
    (CLAIMED % CLAIM.replace("sum_ratio", "sum"), "unknown metric"), (CLAIMED % "", "at least one claim"),
    (CLAIMED % CLAIM + f"divergences: [{CLAIM}]\n", "two claims are called phi-carryover"),
    ("matrix: {runs: {plain: {args: -N 3}}}\n", "neither thresholds nor divergences")])
def test_claims_of_a_run_are_read_as_strictly_as_those_of_the_case(small_case, text, why):
    small_case.write_text(small_case.read_text() + text)
    with pytest.raises(CaseError, match=why):
        load_case(small_case)


@pytest.mark.parametrize(("matrix", "twice"), [
    ("{axes: {-phi: ['1e1', '10.0', 11]}}", "phi1e1 and phi10.0"),
    ("{runs: {one: -N 3, other: -N 3.0}}", "one and other"),
    ("{axes: {a: {p: -N 3, q: -phi 1}, b: {r: -phi 1, s: -N 3}}}", None),
    (f"{{runs: {{one: -N 3, other: {{args: -N 3, thresholds: [{LOOSE}]}}}}}}", None)])
def test_one_experiment_is_not_counted_as_two_cells(small_case, matrix, twice):
    """The same words judged by other thresholds are another question, and in another order another command."""
    small_case.write_text(small_case.read_text() + f"matrix: {matrix}\n")
    if twice is None:
        assert len(cells_of(load_case(small_case))) > 1
        return
    with pytest.raises(CaseError, match=f"the cells {twice} are one command"):
        load_case(small_case)
