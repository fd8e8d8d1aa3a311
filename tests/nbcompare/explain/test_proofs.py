"""When a cause is proven: it leaves no more than noise of the difference, and no other explains it far better."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.case.arguments.command import parse_command
from nbcompare.commands.views.diagnosis import diagnosis_report
from nbcompare.compare.image import Roi
from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.cause import Diagnosis, build, carried_out
from nbcompare.explain.diagnose.diagnose import diagnose, figures
from nbcompare.explain.diagnose.finders.read_off import proves
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.image_only import settled
from nbcompare.explain.diagnose.image_pair import CauseProof
from nbcompare.explain.diagnose.search.fitting import _as_good
from nbcompare.explain.diagnose.search.proofs import Tried, nearest_guesses, ruled_out
from nbcompare.explain.diagnose.search.reflection_fit import _one_factor
from nbcompare.explain.diagnose.search.seeds import clock_guesses
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading
from nbcompare.explain.diagnose.standing import Resolution, ranked

SIDE = 80
ARGV = ("-cell", "61", "73", "87", "-default_F", "50", "-lambda", "1.3", "-distance", "175", "-pixel", "0.15",
        "-detpixels", str(SIDE), "-N", "6", "-polar", "0", "-fluence", "1e24", "-nonoise")


def proof(id, left, prior=0.9):
    return carried_out(id, f"{id} is to blame", (), residual=1e-7, left=left, what="an edit", confidence=0.96,
                       prior=prior)


def test_a_proof_that_leaves_far_more_than_another_is_a_guess():
    """The likelier mistake leaves 3 % of the difference and the other 3e-5: both images are alike to 1e-6 of the peak,
    but the noise is no more than what the second one leaves."""
    first, second = ranked([proof("polarization-missing", 0.03), proof("obliquity-missing", 3e-5, prior=0.3)])
    assert (first.id, first.proven, first.rivals) == ("obliquity-missing", True, ())
    assert not second.proven and second.confidence <= 0.8 and "no proof" in second.evidence[-1]


@pytest.mark.parametrize("one, other, floor", [(3e-5, 7e-5, 0.0), (1e-7, 1e-5, 0.0), (0.002, 0.009, 0.02)])
def test_proofs_that_noise_does_not_part_stay_proven_and_name_each_other(one, other, floor):
    found = ranked([proof("polarization-missing", other), proof("obliquity-missing", one)], Resolution(floor))
    assert all(cause.proven and len(cause.rivals) == 1 for cause in found)


@pytest.mark.parametrize("id, left, floor, proven", [
    ("cell-value", 0.027, 0.0, False), ("cell-value", 1e-3, 0.0, True), ("scale-factor", 0.027, 0.0, False),
    ("scale-factor", 0.027, 0.02, True), ("beam-centre-value", 0.027, 0.02, False),
    ("beam-centre-value", 0.0, 0.2, True)])
def test_what_leaves_more_than_noise_is_a_guess_and_says_what_it_leaves(id, left, floor, proven):
    """Of a difference near rounding (2 % of it), 3 % may be rounding: one factor for all pixels stands that, a place or
    an angle that was fitted to it does not, unless it gives every bit."""
    found, = ranked([proof(id, left)], Resolution(floor))
    assert found.proven is proven
    assert proven or (found.confidence == 0.8 and "no proof: 2.7 % of the difference is left" in found.evidence[-1])


@pytest.mark.parametrize("resolution, id, proven", [
    (Resolution(values=1, lit=1), "scale-factor", False), (Resolution(values=2), "background-offset", False),
    (Resolution(values=2), "distance-value", False), (Resolution(values=2), "transposed", True),
    (Resolution(values=2), "roi-ignored", True), (Resolution(lit=3), "truncated", False),
    (Resolution(values=1, lit=0), "zero-image", True), (Resolution(values=1, lit=1), "nan-pixels", True)])
def test_a_few_pixels_prove_nothing_but_what_stands_there(resolution, id, proven):
    edit = {"kind": "argv"} if id == "distance-value" else "an edit"
    found, = ranked([build(id, id, (), proven=True, left=0.0, edit=edit, confidence=0.97)], resolution)
    assert found.proven is proven and (proven or "pixels that tell something" in found.evidence[-1]
                                       or "1 pixel that tells" in found.evidence[-1])


def test_one_pixel_twice_as_bright_is_no_proven_factor():
    for shape in ((1, 1), (1, 3), (20, 20)):
        reference = np.full(shape, 5.0, "f4")
        found = diagnose(Question(reference, 2 * reference, (), Path()), DiagnosisOptions(quick=True)).causes
        assert found and not any(cause.proven for cause in found if cause.id != "constant-image"), shape


def test_a_lost_tail_that_is_all_of_a_reflection_is_named_beside_what_else_gives_it():
    """Nothing tells the end of a file from a limit of resolution where one corner went out in both."""
    tail = replace(proof("truncated", 0.0), proven=False, confidence=0.8)
    limit, seen = ranked([proof("dmin-value", 0.0), tail])
    assert (limit.proven, limit.rivals, seen.rivals) == (False, ("truncated",), ("dmin-value",))
    limit, = ranked([proof("dmin-value", 0.0)])
    assert limit.proven
    known = ranked([proof("dmin-value", 0.0), proof("truncated", 0.0)])
    assert all(cause.proven and len(cause.rivals) == 1 for cause in known)


def test_a_subject_without_a_number_is_never_what_a_trial_gave():
    reference = spots()
    question = Question(reference, np.full_like(reference, np.inf), ARGV, Path())
    found = diagnose(question, DiagnosisOptions(budget_s=1))
    assert not any(cause.proven for cause in found.causes if cause.id != "nan-pixels"), found.causes
    assert any(note.startswith("not tested: nothing of the subject is a number") for note in found.notes)
    one = spots()
    one[3, 4] = np.nan
    trials = CauseTrials.__new__(CauseTrials)
    trials.question, trials.base_residual = Question(reference, one, ARGV, Path()), 0.0
    trials.base, trials.subject = [reference.astype(float)], [trials.question.pair.y]
    assert not trials._held([trials.question.pair.y]).holds


@pytest.mark.parametrize("left, floor, settles", [(1e-3, 0.0, True), (0.04, 0.0, False), (0.009, 0.02, True),
                                                  (0.04, 0.02, False), (None, 0.0, True)])
def test_a_proof_settles_the_question_only_where_it_leaves_no_more_than_noise(left, floor, settles):
    assert settled([proof("polarization-rotated", left)], floor) is settles


def test_a_rounded_number_is_taken_only_where_it_explains_as_much():
    exact = Reading(1e-8, 1e-5, True, noise=1e-5)
    assert not _as_good(Reading(9e-7, 0.04, True, noise=1e-5), exact)
    assert _as_good(Reading(1e-8, 2e-5, True, noise=1e-5), exact)


def spots():
    draw = np.random.default_rng(3)
    y, x = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE), 300.0)
    for height in draw.uniform(50, 1000, 30):
        image += height * np.exp(-((y - draw.uniform(0, SIDE)) ** 2 + (x - draw.uniform(0, SIDE)) ** 2) / 4)
    return image.astype("<f4")


@pytest.mark.parametrize("id", ["polarization-missing", "obliquity-missing"])
def test_two_factors_that_differ_in_the_last_digits_are_told_apart(id):
    """(1 + cos^2)/2 and cos agree to the fourth order in the angle: 8e-7 at the corners here, of a change of 1e-3."""
    reference = spots()
    question = Question(reference, reference, ARGV, Path())
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    detector = question.detector
    factor = (detector.polarization_factor(columns, rows, 0.0) if id == "polarization-missing" else
              detector.cos_obliquity(columns, rows)).reshape(SIDE, SIDE)
    subject = (reference / factor).astype("<f4")
    found = diagnose(Question(reference, subject, ARGV, Path()), DiagnosisOptions(quick=True)).causes
    said = [cause.id for cause in found if cause.proven]
    other = {"polarization-missing": "obliquity-missing", "obliquity-missing": "polarization-missing"}[id]
    assert id in said and other not in said, [(c.id, c.left) for c in found]


@pytest.mark.parametrize("words, count", [(("-misset", "random"), 1), (("-misset", "1", "2", "3"), 0),
                                          (("-misset", "random", "-misset_seed", "5"), 0)])
def test_a_random_orientation_without_a_seed_is_named_where_no_trial_is_possible(words, count):
    question = Question(spots(), spots()[::-1], (*ARGV, *words), Path())
    assert [cause.id for cause in clock_guesses(question)] == ["misset-seed-value"] * count


@pytest.mark.parametrize("squares, one", [([1.02], True), ([1.02, 1.02, 1.02001], True), ([1.02, 1.0], False),
                                          ([0.7, 0.69], False), ([1.1, 0.9], False)])
def test_reflections_whose_light_changes_alike_are_a_factor_of_the_image(squares, one):
    assert _one_factor(np.array(squares)) is one


def tried(id, *lefts):
    candidate = Candidate(id, id, parse_command(ARGV))
    return [Tried(candidate, Reading(1.0, left, False, scaled_left=scaled)) for left, scaled in lefts]


def test_what_was_carried_out_and_came_nowhere_near_is_ruled_out():
    """A cause of which one trial came near is open still, also where that takes a factor besides."""
    everything = [*tried("pixel-size-value", (0.97, 0.96), (1.4, 1.2)), *tried("distance-value", (0.9, 0.8)),
                  *tried("cell-value", (0.98, 0.97), (0.4, 0.4)), *tried("misset-value", (0.99, 0.2))]
    assert ruled_out(everything) == ["distance-value", "pixel-size-value"]
    guesses = nearest_guesses(everything)
    assert [cause.id for cause in guesses] == ["cell-value"] and not guesses[0].proven


def test_what_is_ruled_out_is_listed_for_a_person_to_go_on_from():
    question = Question(spots(), spots()[::-1], ARGV, Path())
    tested = {"ready": True, "baseline_residual": 0.0, "emulations": [], "regions": [], "renders": 3, "tried": 2,
              "ruled_out": ["distance-value", "pixel-size-value"], "seconds": 1.0, "processor_seconds": 1.0,
              "budget_s": 60.0}
    lines = diagnosis_report(Diagnosis(False, (), figures(question), (), tested)).splitlines()
    assert next(line for line in lines if line.startswith("  not  ")).split(None, 1)[1] == (
        "distance-value, pixel-size-value: as tried, each leaves most of the difference")


class Elsewhere:
    """A simulator that renders the subject, but for one pixel."""

    def __init__(self, image):
        self.image = image

    def render(self, candidate, files, region, *more):
        return self.image[region.slices]


@pytest.mark.parametrize("off, holds", [(0.0, True), (3e-6, True), (1e-3, False)])
def test_a_proof_on_regions_does_not_hold_where_the_rest_of_the_image_says_otherwise(off, holds):
    subject = spots()
    rendered = subject.copy()
    rendered[70, 70] += np.float32(off * subject.max())
    trials = CauseTrials.__new__(CauseTrials)
    trials.question, trials.simulator = Question(subject[::-1].copy(), subject, ARGV, Path()), Elsewhere(rendered)
    trials.regions, trials.unedited_s, trials.most_seconds = [Roi("r", 0, 19, 0, 19)], 0.01, 5.0
    trials.emulate, trials.base_residual, trials.budget_s = frozenset(), 0.0, 60.0
    trials.clock = SimpleNamespace(seconds=0.0)
    edit = Candidate("argv", "an edit", parse_command(ARGV))
    reading = trials.confirmed(edit, Reading(1e-8, 1e-6, True))
    assert reading.holds is holds and reading.explains is holds
    trials.unedited_s = 1000.0  # a whole image would take too long: then the regions have to do
    assert trials.confirmed(edit, Reading(1e-8, 1e-6, True)).holds


def slope_and_spots(count):
    """A slope down from the beam, with so many spots on it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    image = 1000 * np.exp(-np.hypot(y - SIDE / 2, x - SIDE / 2) / 60)
    draw = np.random.default_rng(7)
    for height in draw.uniform(500, 5000, count):
        image += height * np.exp(-((y - draw.uniform(0, SIDE)) ** 2 + (x - draw.uniform(0, SIDE)) ** 2) / 4)
    return image.astype("<f4")


FARTHER = 1 - 4e-4 - 2e-4 * slope_and_spots(0) / 1000
"""A factor that runs over the detector, as that of another distance: over a slope, nearly a power and nearly a line."""


@pytest.mark.parametrize("change, relation", [
    (lambda x: x * FARTHER, None), (lambda x: 0.98765 * x**1.0123, "power-law"),
    (lambda x: 0.91234 * x + 87.654, "scale-and-offset")])
def test_a_line_or_a_power_is_proven_where_values_occur_in_many_places(change, relation):
    """A smooth image is a line or a power of many another, and none of them was applied: there it is a guess."""
    for count in (0, 40):
        reference = slope_and_spots(count)
        found = diagnose(Question(reference, change(reference.astype(float)).astype("<f4"), ARGV, Path()),
                         DiagnosisOptions(quick=True)).causes
        said = {cause.id: cause.proven for cause in found}
        if relation:
            assert said[relation] is (count > 0), (count, said)
        else:
            assert not any(said.get(id) for id in ("power-law", "scale-and-offset")), (count, said)


@pytest.mark.parametrize("numbers, proven", [((1.5, 40.0), True), ((1.50001, 40.0), True), ((1.50001, 40.003), False)])
def test_a_number_that_came_out_round_was_written_by_somebody(numbers, proven):
    question = Question(slope_and_spots(0), spots(), ARGV, Path())
    assert proves(question, CauseProof(1e-7, 1e-7, True), numbers) is proven


def test_one_value_everywhere_is_no_proof_where_the_reference_is_nearly_constant():
    for reference, proven in ((1000 + spots(), False), (spots() - 299, True)):
        subject = np.full_like(reference, 7)
        found = diagnose(Question(reference, subject, ARGV, Path()), DiagnosisOptions(quick=True)).causes
        assert (found[0].id, found[0].proven) == ("constant-image", proven)


def test_dark_corners_that_are_zero_may_be_lost_values_or_a_limit_of_resolution():
    """Beyond a ring about the beam is also where this slope is darkest: no image tells which it was. With a spot out
    there it does."""
    rows, columns = np.indices((SIDE, SIDE))
    cosine = Question(spots(), spots(), ARGV, Path()).detector.cos_twotheta(columns, rows)
    for spot in (False, True):
        reference = (1000 * np.exp(-3e3 * (1 - cosine))).astype("<f4")
        reference[2, 2] += 1000 * spot
        subject = np.where(reference < np.percentile(reference, 5), 0, reference)
        found = diagnose(Question(reference, subject, ARGV, Path()), DiagnosisOptions(quick=True)).causes
        said = {cause.id: cause.rivals for cause in found if cause.proven}
        assert said["small-values-lost"] == (() if spot else ("dmin-value",)), said
        assert ("dmin-value" in said) is not spot
