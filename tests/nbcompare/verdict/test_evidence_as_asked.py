"""What was found out beside the comparison: kept, read back, and judged by what a case asks for now."""

import datetime
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.case.claims import Claim
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import EngineIdentity
from nbcompare.verdict.ablation import AblatedArgument, Ablation
from nbcompare.verdict.claimed_trace import ClaimTrace
from nbcompare.verdict.further_evidence import FurtherEvidence, as_asked_now
from nbcompare.verdict.proof import OF_PEAK, RTOL, Proof, apart
from nbcompare.verdict.subjects import SubjectRun

TODAY = datetime.date(2026, 11, 25)
SHAPE = Shape(4, 4)
CLAIM = Claim("phi-carryover", "t", "reference", ("-emulate", "phi-carryover"), (), "w", "d", "me",
              datetime.date(2099, 1, 1))


def asking(*words: str, claims: tuple[Claim, ...] = (), repeat: int = 0) -> SimpleNamespace:
    """The part of a case that findings are held against."""
    return SimpleNamespace(repeat=repeat, threads=(), required_args=words, divergences=claims)


def run_of(failure: Failure | None = None) -> Run:
    return Run("subject", ("engine", "-x", "1"), SHAPE, 0, 0.1, failure, None)


def test_an_option_that_was_probed_is_found_by_its_name_whatever_its_values():
    probed = Ablation((AblatedArgument(("-beam", "1", "2"), "changed", "changed", False),))
    found = as_asked_now(FurtherEvidence(ablation=probed), asking("-beam"), TODAY)
    assert found.vacuous == () and [entry.required for entry in found.ablation.arguments] == [True]
    found = as_asked_now(FurtherEvidence(ablation=probed), asking("2"), TODAY)
    assert found.vacuous == ("the case requires 2 to matter, which was not probed",)
    assert [entry.required for entry in found.ablation.arguments] == [False]


def test_what_was_asked_for_since_and_not_measured_is_a_reason_against_a_pass():
    found = as_asked_now(FurtherEvidence(vacuous=("before",)), asking(repeat=2), TODAY)
    assert found.vacuous == ("before", "the case asks for the reference's noise (repeat-1, repeat-2), which was not "
                             "measured")


@pytest.mark.parametrize(("now", "kept"), [
    (CLAIM, True), (replace(CLAIM, why="another"), True), (replace(CLAIM, emulate=("-emulate", "other")), False),
    (replace(CLAIM, control=("-phi", "1")), False), (replace(CLAIM, id="other"), False)])
def test_trials_and_traces_stand_only_for_the_claims_they_were_made_for(now, kept):
    traces = (ClaimTrace(CLAIM.id, 1, 1, ()),)
    found = as_asked_now(FurtherEvidence(proof=Proof((CLAIM,), (), TODAY, traces)), asking(claims=(now,)), TODAY)
    assert found.proof == Proof((now,), (), TODAY, traces if kept else ())
    assert as_asked_now(FurtherEvidence(), asking(claims=(now,)), TODAY).proof == Proof((now,), (), TODAY, ())


@pytest.mark.parametrize("engine", [None, EngineIdentity("subject", "older", "case", ("older",), "0" * 64, 3, "1", ())])
def test_a_further_subject_can_be_read_back_equal(engine):
    entry = SubjectRun(run_of(Failure("exit-code", "ended with exit code 3")), None, "float64", ("-dtype", "float64"),
                       engine)
    found = FurtherEvidence(subjects=(entry,))
    assert FurtherEvidence.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert entry.described == ("older -dtype float64" if engine else "-dtype float64")
    assert entry.files == "subjects/float64" and Path(entry.files).parent.name == "subjects"


def test_a_pixel_is_apart_beyond_a_share_of_itself_and_of_the_peak():
    """Powers of two, so that float32 holds every number here as it stands."""
    reference = np.full((3, 4), 512.0, np.float32)
    allowed = 512 * (RTOL + OF_PEAK)
    for step, outside in ((0.5, 0), (0.53125, 1)):
        assert (step > allowed) is bool(outside)
        subject = reference.copy()
        subject[2, 1] += step
        found = apart(reference, subject)
        assert (found.pixels, found.of) == (outside, 12)
        assert not outside or (found.fast, found.slow) == (1, 2)
    assert apart(reference, reference[:2]) is None
