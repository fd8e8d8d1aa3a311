"""What the trace of a pixel shows beside what its claim says, and what of a refusal is none; word for word."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.refusal import Refusal
from nbcompare.engine.engine import Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.trace.dialects import read_trace
from nbcompare.verdict import refusals
from nbcompare.verdict.claimed_trace import (
    ClaimTrace,
    TracedFactor,
    TracedRun,
    read_claim_trace,
    trace_claim,
    trace_faults,
    trace_sentences,
    worst_pixel,
)
from nbcompare.verdict.refusals import refusal_notes, refusals_verdict
from nbcompare.verdict.verdict import Label
from tests.nbcompare.frozen import are_frozen
from tests.nbcompare.verdict.claims_in_memory import (
    LAST,
    LINES,
    PHI,
    SHAPE,
    TRACED,
    TRUTH,
    claim,
    defect,
    jobs_of,
    printed,
    rendering,
)


def test_both_engines_are_asked_about_the_pixel_and_the_images_are_held_against_it():
    asked = []

    def listen(job, name):
        asked.append((job.engine.role, name, job.purpose, dict(job.environment)))
        return rendering(job, printed(I_before_scaling=150.0 if job.engine.role == SUBJECT else 100.0))

    value = math.prod(LINES[name] for name in LINES if name != "steps") / 2
    images = {role: np.full((12, 15), value * factor, "f4") for role, factor in ((REFERENCE, 1), (SUBJECT, 1.5))}
    images[SUBJECT][2, 3] *= np.float32(1 + 1e-7)
    jobs = {REFERENCE: replace(jobs_of()[REFERENCE], environment={"A": "1"}), SUBJECT: jobs_of()[SUBJECT]}
    found = trace_claim(TRACED, jobs, "d/trace", images, listen)
    variables = {"OMP_NUM_THREADS": "1"}
    assert asked == [(REFERENCE, "d/trace_reference", f"trace of {PHI}", {"A": "1", **variables}),
                     (SUBJECT, "d/trace_subject", f"trace of {PHI}", variables)]
    assert (found.claim, found.fast, found.slow, found.unknown) == (PHI, 3, 2, None)
    assert [entry.files for entry in found.runs] == ["d/trace_reference", "d/trace_subject"]
    assert [entry.image for entry in found.runs] == [float(images[role][2, 3]) for role in (REFERENCE, SUBJECT)]
    assert found.factor("I_before_scaling").percent == pytest.approx(50) and found.rest == pytest.approx(0, abs=1e-12)
    assert are_frozen(found, found.runs[0], found.factors[0])
    assert trace_faults(TRACED, found) == [] and ClaimTrace.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    others = trace_claim(TRACED, {**jobs, SUBJECT: replace(jobs[SUBJECT], purpose="others emulated")}, "d/trace",
                         images, listen)
    assert [entry.image is None for entry in others.runs] == [False, True]
    off = images | {SUBJECT: images[SUBJECT] * np.float32(1.001)}
    assert "so that the trace does not explain the image" in trace_claim(TRACED, jobs, "d", off, listen).unknown


@pytest.mark.parametrize(("region", "unknown"), [
    ("0 14 0 11", None), ("3 3 2 2", None), ("4 14 0 11", "reference"), ("0 2 0 11", "reference"),
    ("0 14 3 11", "reference"), ("0 14 0 1", "reference")])
def test_a_pixel_that_a_command_does_not_render_is_not_traced(region, unknown):
    jobs = jobs_of("-roi", *region.split())
    images = dict.fromkeys((REFERENCE, SUBJECT), np.zeros((12, 15), "f4"))
    jobs[REFERENCE], jobs[SUBJECT] = (replace(job, purpose="x") for job in jobs.values())
    found = trace_claim(TRACED, jobs, "d", images, lambda job, name: rendering(job, printed()))
    assert found.unknown == (f"the {unknown}'s command does not render this pixel" if unknown else None)
    assert (found.runs == ()) is bool(unknown) and (found.fast, found.slow) == (3, 2)


def test_without_a_pixel_that_of_the_largest_difference_is_asked_about():
    images = {REFERENCE: TRUTH, SUBJECT: defect((6, 7), (9, 1), size=5)}
    images[SUBJECT][4, 12] = -9
    assert worst_pixel(images) == max(((7, 6), (1, 9), (12, 4)),
                                      key=lambda at: abs(images[SUBJECT][at[1], at[0]] - TRUTH[at[1], at[0]]))
    images[SUBJECT][8, 3] = np.nan
    assert worst_pixel(images) == (3, 8)
    worst = replace(TRACED, trace=replace(TRACED.trace, fast=None, slow=None))
    jobs = {role: replace(job, purpose="x") for role, job in jobs_of().items()}
    found = trace_claim(worst, jobs, "d", images, lambda job, name: rendering(job, printed()))
    assert (found.fast, found.slow) == (3, 8)


def read(subject, kind=None):
    runs = tuple(TracedRun("f", rendering(jobs_of()[role], "", kind if role == SUBJECT else None).run, None)
                 for role in (REFERENCE, SUBJECT))
    return read_claim_trace(ClaimTrace(PHI, 3, 2, runs), {REFERENCE: printed(), SUBJECT: subject})


def test_what_failed_or_printed_nothing_is_unknown_and_a_pixel_of_zero_is_not():
    assert read(printed(), "signal").unknown == "the subject failed by signal"
    assert read("").unknown == "the subject printed no trace of the pixel"
    found = read(printed(), "zero-image")
    assert found.unknown is None and [factor.name for factor in found.factors] == [
        "steps", "I_before_scaling", "r_e_squared_m2", "fluence_per_m2", "capture_fraction", "polarization",
        "solid_angle_sr", "intensity"]
    entry = read_trace(printed()).get("polarization")
    assert found.factor("polarization").open == 2 * entry.resolution / 0.5


def test_the_numbers_of_the_value_are_those_that_there_are_once_and_the_rest_is_what_they_leave():
    inside = "TRACE polarization[0,0,0,0]=0.9\n" + printed() + "\nTRACE polarization[0,0,0,1]=0.7\n"
    found = read(inside)
    assert found.factor("polarization").subject == 0.5 and found.rest == pytest.approx(0, abs=1e-12)
    brighter = read(printed(I_before_scaling=150.0, intensity=6e-10))
    assert brighter.rest == pytest.approx(1.0) and brighter.factor("intensity").percent == pytest.approx(200)


def test_the_percentage_of_a_factor_that_is_zero_on_a_side():
    assert TracedFactor("a", 2.0, 3.0, 0).percent == pytest.approx(50)
    assert TracedFactor("a", 0.0, 3.0, 0).percent == math.inf and TracedFactor("a", 0.0, 0.0, 0).percent == 0
    assert TracedFactor("a", 2.0, 0.0, 0).percent == -100


def trace_of(*factors, rest=0.0):
    named = tuple(TracedFactor(name, 1.0, 1 + by, left) for name, by, left in factors)
    return ClaimTrace(PHI, 3, 2, (), named, rest)


AT = "at fast 3 slow 2"


def test_a_claim_of_factors_is_held_at_its_limits():
    """Within 1 % of 50, and 1e-3 for all others, together with what the digits printed leave open."""
    expected = ("I_before_scaling", 0.5, 0.0)
    assert trace_faults(TRACED, trace_of(expected, ("a", 0.0009, 0.0), rest=1e-3)) == []
    assert trace_faults(TRACED, trace_of(expected, ("a", -0.0009, 0.0), rest=-1e-3)) == []
    assert trace_faults(TRACED, trace_of(expected, ("a", 0.0014, 0.0005), rest=0.0014)) == []
    assert trace_faults(TRACED, trace_of(expected, ("a", 0.002, 0.0005), rest=0.002)) == [
        f"{PHI}: a {AT} differs by 0.002 (1, subject 1.002); the claim says that every other factor agrees within "
        "0.001",
        f"{PHI}: the factors printed leave 0.002 of the ratio of the pixels {AT} unexplained, more than 0.001"]
    assert trace_faults(TRACED, trace_of(expected, ("a", 0.000995, 0.0))) == []
    assert "differs by 0.12 (1, subject 1.125)" in trace_faults(TRACED, trace_of(expected, ("a", 0.125, 0.0)))[0]
    assert trace_faults(TRACED, trace_of(expected, ("intensity", 9.0, 0.0))) == []
    assert trace_faults(TRACED, trace_of(("I_before_scaling", 0.52, 0.0))) == [
        f"{PHI}: I_before_scaling {AT} is +52 % (1, subject 1.52); the claim says +50 % ± 1"]
    assert trace_faults(TRACED, trace_of()) == [
        f"{PHI}: I_before_scaling {AT} is not printed by both engines; the claim says +50 % ± 1"]
    assert len(trace_faults(TRACED, trace_of(expected, ("a", math.nan, 0.0), rest=math.nan))) == 2


def test_a_trace_of_another_pixel_or_none_proves_nothing():
    found = trace_of(("I_before_scaling", 0.5, 0.0))
    missing = [f"{PHI}: what the trace must show is not known to hold: this pixel was not traced"]
    assert trace_faults(TRACED, None) == trace_faults(TRACED, replace(found, fast=4)) == missing
    assert trace_faults(TRACED, replace(found, unknown="w", rest=None)) == [
        f"{PHI}: what the trace must show {AT} is not known to hold: w"]
    assert len(trace_faults(TRACED, replace(found, rest=None))) == 1 and trace_faults(claim(), None) == []


def test_what_was_traced_is_told_beside_what_was_claimed():
    found = trace_of(("I_before_scaling", 0.5, 0.0), ("a", 0.0009, 0.0), ("b", -0.0005, 0.0), ("intensity", 0.5, 0.0),
                     rest=-0.0002)
    said = (f"{PHI} {AT}: I_before_scaling +50 % (claimed +50 % ± 1); 2 other factors within 0.0009, unexplained "
            "0.0002 (allowed 0.001)")
    assert trace_sentences([TRACED, claim(LAST)], [found, replace(found, claim=LAST)]) == [said]
    assert trace_sentences([TRACED], []) == []
    assert trace_sentences([TRACED], [replace(found, unknown="w")]) == [f"{PHI} {AT}: w"]
    assert trace_sentences([TRACED], [trace_of()]) == [
        f"{PHI} {AT}: I_before_scaling not printed by both (claimed +50 % ± 1); 0 other factors within 0, unexplained "
        "0 (allowed 0.001)"]


# --- refusals ---------------------------------------------------------------------------------------------


def ended(role, code, kind="exit-code"):
    failure = Failure(kind, f"ended by {kind}") if kind else None
    return Run(role, ("x",), SHAPE, code, 0.1, failure, None)


EXPECT = {SUBJECT: Refusal(2, "too bright$")}


def test_a_refusal_passes_only_where_it_is_the_one_that_is_expected(monkeypatch):
    def found(code=2, said="x too bright\n", kind="exit-code", reference=None):
        runs = [ended(REFERENCE, 0, reference), ended(SUBJECT, code, kind)]
        verdict = refusals_verdict(EXPECT, runs, {SUBJECT: said, REFERENCE: "too bright"})
        return verdict.word, verdict.reasons

    assert found() == (Label.PASS, ())
    assert found(3) == (Label.FAIL, ("the subject had to refuse with exit code 2, and ended with 3",))
    assert found(0, kind=None) == (Label.FAIL, ("the subject had to refuse with exit code 2, and ended with 0",))
    assert found(said="\na\n b \n\n") == (
        Label.FAIL, ("the subject refused, and no line that it said matches 'too bright$'; its last was:  b ",))
    assert found(said="") == (
        Label.FAIL, ("the subject refused, and no line that it said matches 'too bright$'; its last was: nothing",))
    assert found(said="y" * 300)[1][0].endswith(f"its last was: {'y' * 200}")
    for kind in ("signal", "timeout"):
        assert found(kind=kind) == (Label.ENGINE_FAILED, (f"subject ended by {kind}",))
    assert found(reference="exit-code") == (Label.ENGINE_FAILED, ("reference ended by exit-code",))
    assert found(said="Traceback (most recent call last):\n  same\na.B.OddError: x too bright") == (
        Label.FAIL, ("the subject crashed (a.B.OddError), which is no refusal; where it refuses so, let stderr of the "
                     "case name a.B.OddError",))
    monkeypatch.setattr(refusals, "a_line_matches", lambda pattern, said: None)
    assert found() == (Label.FAIL, ("whether the subject said 'too bright$' could not be found out in time; the "
                                    "expression of the case takes too long",))
    assert refusals_verdict(EXPECT, [ended(SUBJECT, 2)], {}).word is Label.FAIL


@pytest.mark.parametrize(("said", "name"), [
    ("", None), ("ValueError: x", None), ("Traceback (most recent call last):", None),
    ("Traceback (most recent call last):\nKeyError: 1\n\n", "KeyError"),
    ("  Traceback (most recent call last):\n  File x\npkg.mod.Odd\n", "pkg.mod.Odd"),
    ("Traceback (most recent call last):\nnot an exception: x\n", None)])
def test_an_exception_that_ended_a_program_is_known_by_its_last_line(said, name):
    assert refusals._crash(said) == name


def test_a_reader_is_told_that_no_images_were_compared():
    expect = EXPECT | {REFERENCE: Refusal(1, "no")}
    assert list(refusal_notes(expect)) == [
        "the case expects the subject to refuse (exit code 2, 'too bright$'); no images were compared",
        "the case expects the reference to refuse (exit code 1, 'no'); no images were compared"]
