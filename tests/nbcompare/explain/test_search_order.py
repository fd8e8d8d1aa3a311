"""What a search tries first, when it stops, and what it does where slopes say nothing."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from nbcompare.case.arguments.command import parse_command
from nbcompare.explain.audit.naming import NamedCause
from nbcompare.explain.diagnose import Question
from nbcompare.explain.diagnose.cause import build, guessed
from nbcompare.explain.diagnose.diagnose import DiagnosisOptions, _less_sure, _with_echoes, diagnose
from nbcompare.explain.diagnose.finders.placement import find_interpolated
from nbcompare.explain.diagnose.finders.values import find_outliers
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters, of_steps
from nbcompare.explain.diagnose.search import fitting, limits
from nbcompare.explain.diagnose.search.fitting import Fitted, _as_good, _rungs
from nbcompare.explain.diagnose.search.pairs import PairSearch, _both_needed
from nbcompare.explain.diagnose.search.predicted import find_predicted
from nbcompare.explain.diagnose.search.proofs import Prover, Tried, ruled_out
from nbcompare.explain.diagnose.search.ranking import Effort, Ranking, relative_work
from nbcompare.explain.diagnose.search.search import CauseSearch
from nbcompare.explain.diagnose.search.seeds import _like_other_seeds
from nbcompare.explain.diagnose.search.trials import Clock, Reading
from nbcompare.explain.diagnose.search.valley import bottom
from nbcompare.explain.diagnose.standing import ranked

ARGV = ("-cell", "61", "73", "87", "-default_F", "50", "-lambda", "1.3", "-distance", "175", "-pixel", "0.15",
        "-detpixels", "40", "-N", "6", "-oversample", "1", "-phisteps", "2", "-osc", "1")


def asked(*more):
    image = np.add.outer(np.arange(40), np.arange(40)).astype("f4")
    return Question(image, image[::-1].copy(), (*ARGV, *more), Path())


def candidate(*edit, prior=0.6):
    return Candidate("oversample-value", "an edit", parse_command((*ARGV, *edit)), prior)


# --- the order of trials ---------------------------------------------------------------------------------------------


def test_trials_rank_by_information_per_second():
    """Of equally likely edits those of fewer steps come first; a likelier one only where it is not that much longer."""
    ranking = Ranking(asked(), [])
    plain, four, twentyfive = candidate("-polar", "0.5"), candidate("-oversample", "2"), candidate("-oversample", "5")
    likelier = candidate("-oversample", "4", prior=0.6 + 1.3 * limits.TENFOLD_WORK)
    assert ranking.ordered([twentyfive, four, likelier, plain]) == [likelier, plain, four, twentyfive]
    assert ranking.scored(twentyfive) == ranking.scored(plain)  # how likely it is has not changed


@pytest.mark.parametrize(("edit", "times"), [
    (("-oversample", "3"), 9), (("-phisteps", "8"), 4), (("-dispsteps", "3"), 3), (("-polar", "0.5"), 1),
    (("-phisteps", "1"), 0.5)])
def test_a_render_takes_as_long_as_its_steps(edit, times):
    question = asked()
    assert relative_work(candidate(*edit).command, question.command, question.setting) == pytest.approx(times)


def test_a_part_that_starts_the_torch_simulator_waits_for_cheap_renders_and_goes_before_dear_ones():
    """130 renders of 10 ms take less than it takes to start; 130 of a second do not."""
    search = CauseSearch.__new__(CauseSearch)
    search.question, search.tried = SimpleNamespace(pair=SimpleNamespace(correlation=0.99)), {}
    search.waiting = [candidate("-phi", str(n)) for n in range(130)]
    for seconds, first in ((0.01, ["_cheap", "_fits"]), (1.0, ["_emulations", "_cheap"])):
        search.trials = SimpleNamespace(unedited_work_s=seconds)
        assert [stage.__name__ for stage in search._middle()][:2] == first
    assert Effort(0.5, 10, 5.0).per_second(0.5) == 0.05


def test_what_leaves_the_last_digits_alone_is_near_enough_to_stop_for():
    assert Reading(1.2e-6, 0.0015, False).nearly and not Reading(1.2e-6, 0.01, False).nearly
    assert not Reading(1e-4, 0.0015, False).nearly


# --- two causes at once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lefts", "needed"), [((0.0015, 0.99), False), ((0.4, 0.7), True), ((0.4, 0.01), False)])
def test_a_pair_is_one_only_where_each_alone_leaves_much(lefts, needed):
    """One parameter explains all but the last digits, and any other closes those."""
    assert _both_needed(lefts, Reading(1e-8, 0.002, True)) is needed


def test_of_two_causes_it_is_told_what_each_explains():
    """Two mistakes where the first leaves a third; two numbers, fitted together, that leave 40 % and 70 % alone."""
    command = parse_command(ARGV)
    other, both = Reading(0.1, 0.343, False), Reading(1e-9, 1e-6, True)
    left = iter((0.4, 0.7))
    one, two = (Candidate(id, id, command) for id in ("distance-value", "scale-factor"))
    trials = SimpleNamespace(within=lambda share: True, budget_s=60, images=lambda edit: edit, question=asked(),
                             reading=lambda edit: Reading(0.1, next(left), False))
    search = PairSearch(trials, None, Prover(None, 1, {}), (), (), None)
    search._together(Tried(one, other), two, both)
    assert [cause.evidence[1] for cause in search.found] == [
        "alone it leaves 34.3 % of the difference", "explains the 34.3 % of the difference that the other one leaves"]
    search.found.clear()
    numbers = [found for found in fit_parameters(asked()) if found.labels in (("-distance",), ("-pixel",))]
    fitter = SimpleNamespace(candidate=lambda parameter, values: one,
                             fit=lambda parameter, start, **_: Fitted(parameter, tuple(start), both))
    assert search._fit_pair(fitter, *numbers, tuple(found.start[0] for found in numbers), 1.0)
    assert [cause.evidence[1].split(" of ")[0] for cause in search.found] == ["alone it leaves 40 %",
                                                                             "alone it leaves 70 %"]


# --- equals ----------------------------------------------------------------------------------------------------------


def proof(id, source, part=False):
    made = build(id, id, (), confidence=0.97, proven=True, residual=1e-8, left=1e-5, edit={"source": source})
    return replace(made, part=part)


def test_causes_of_two_classes_that_give_one_image_are_guesses_that_name_each_other():
    first, second = ranked([proof("distance-value", "a fit"), proof("cell-value", "a fit")])
    assert not first.proven and not second.proven and first.rivals == (second.id,) and second.rivals == (first.id,)
    assert second.id in first.evidence[-1] and first.confidence <= 0.8
    same = ranked([proof("distance-value", "a fit"), proof("pixel-size-value", "a fit")])
    assert all(cause.proven and len(cause.rivals) == 1 for cause in same)  # of one class


def test_a_known_mistake_stands_against_numbers_that_were_fitted():
    known, fitted = ranked([proof("beam-vector-value", "a fit"), proof("misset-ignored", "values of options")])
    assert (known.id, known.proven) == ("misset-ignored", True) and not fitted.proven


def test_parts_of_one_explanation_are_no_rivals():
    found = ranked([proof("distance-value", "a fit", True), proof("cell-value", "a fit", True)])
    assert all(cause.proven and cause.rivals == () for cause in found)


def test_an_equal_of_the_first_cause_shares_its_place():
    ids = ("distance-value", "cell-value", "pixel-size-value")
    named = NamedCause(ids, "", True, 1.0, equals=("pixel-size-value",))
    assert named.place(frozenset({"pixel-size-value"})) == 1 and named.place(frozenset({"cell-value"})) == 2
    assert NamedCause.from_dict(named.as_dict()) == named


def test_axes_that_are_proven_are_held_against_the_cells_and_the_other_way_round():
    """Along a symmetry of the crystal both give the image; what has to do with the beam is not tried again."""
    ids = {"matrix-order": 0.0, "cells-order": 0.0, "cells-ignored": 0.5, "distance-ignored": 0.0}
    search = CauseSearch.__new__(CauseSearch)
    search.waiting = [Candidate(id, id, parse_command((*ARGV, "-phi", str(n)))) for n, id in enumerate(ids)]
    search.tried, search.found = {}, []
    readings = {c.key: Reading(1e-8, ids[c.id], not ids[c.id]) for c in search.waiting}
    search.trials = SimpleNamespace(within=lambda share: True, clock=SimpleNamespace(seconds=1.0), budget_s=44.0,
                                    try_one=lambda c: readings[c.key], confirmed=lambda c, reading: reading)
    search.prover = SimpleNamespace(proven=lambda c, reading: [c.id])
    for proven, rivals in (("matrix-order", ["cells-order"]), ("cells-order", ["matrix-order"]),
                           ("distance-ignored", [])):
        search.tried, search.found = {}, []
        search._rivals(next(c for c in search.waiting if c.id == proven))
        assert search.found == rivals, proven


def test_parts_of_one_thing_are_held_against_each_other(tmp_path):
    """As one domain and no spread, and all of a list and its first half or third, whichever lights no pixel."""
    (tmp_path / "f.hkl").write_text("".join(f"{h} 0 0 9\n" for h in range(12)))
    ids = ["mosaic-spread-ignored", "mosaic-domains-off-by-one", "phi-ignored", "spindle-axis-sign", "hkl-ignored"]
    search = CauseSearch.__new__(CauseSearch)
    search.question = Question(np.eye(9, dtype="f4"), np.eye(9, dtype="f4")[::-1].copy(),
                               ("-hkl", "f.hkl", "-detpixels", "9"), tmp_path)
    search.waiting = [Candidate(id, id, parse_command((*ARGV, "-phi", str(n)))) for n, id in enumerate(ids)]
    halves = []
    search.trials = SimpleNamespace(within=lambda share: True, clock=SimpleNamespace(seconds=1.0), budget_s=44.0,
                                    confirmed=lambda c, reading: reading, try_one=lambda c: (
                                        halves.append(c.words), Reading(1e-8, 0.0, "first 6" not in c.words))[1])
    search.prover = SimpleNamespace(proven=lambda c, reading: [c.id])
    for proven, rivals in (("mosaic-spread-ignored", ["mosaic-domains-off-by-one"]),
                           ("phi-ignored", ["spindle-axis-sign"]), ("hkl-ignored", ["hkl-truncated"])):
        search.tried, search.found, halves[:] = {}, [], []
        search._rivals(next(c for c in search.waiting if c.id == proven))
        assert search.found == rivals, proven
    assert [words.split()[6] for words in halves] == ["6", "4"]


@pytest.mark.parametrize("elsewhere, proven", [(0.0, True), (9e-6, False)])
def test_a_hot_pixel_on_a_slope_is_told_where_nothing_else_differs(elsewhere, proven):
    """Its value is one that its neighbours have on both sides; but no change of the experiment makes it alone."""
    reference = np.add.outer(np.arange(1.0, 41), 9 * np.arange(40)).astype("f4")
    subject = reference * np.float32(1 + elsewhere)
    subject[20, 20] += 3
    assert [c.proven for c in find_outliers(Question(reference, subject, ARGV, Path()))] == [proven]
    sharp = (*ARGV, "-binary_spots")  # of such spots a pixel jumps alone
    assert not any(c.proven for c in find_outliers(Question(reference, subject, sharp, Path())))


# --- where no slope leads --------------------------------------------------------------------------------------------


def steps_of(value):
    """A row of steps whose edges a factor moves, as the edges between reflections."""
    heights = np.random.default_rng(1).uniform(0, 9, 200)
    return (1 + 0.01 * value) * heights[np.floor(np.linspace(0, 40, 4000) * value + 0.37).astype(int)]


@pytest.mark.parametrize("right", [1.0003, 0.9991, 1.004, 1.00002])
def test_the_bottom_of_a_valley_is_found_where_pixels_jump(right):
    aim = steps_of(right)
    found = bottom(lambda value: float(np.abs(aim - steps_of(value)).sum()), 1.0, 5e-4)
    assert found == pytest.approx(right, abs=1e-9)


def test_without_a_valley_a_few_looks_are_enough():
    aim, looks = steps_of(1.0003), []

    def height(value):
        looks.append(value)
        return float(np.abs(aim - (1 + value) * steps_of(1.0)).sum())

    assert bottom(height, 0.0, 0.001) is None and len(looks) <= 5


def test_a_walk_along_a_number_that_keeps_its_sign_goes_by_parts_of_it_too():
    distance = next(found for found in fit_parameters(asked()) if found.id == "distance-value")
    reached = {round(at[0] / 175, 6) for at in _rungs(distance, 8)}
    assert {0.1, 0.25, 2.0, 4.0} <= reached


# --- options that others overrule ------------------------------------------------------------------------------------


def test_a_divergence_both_ways_takes_the_place_of_those_of_each_way():
    """-hdivrange behind it would have the last word, as would -hdivsteps."""
    question = asked("-hdivrange", "3", "-hdivsteps", "4")
    both = next(found for found in fit_parameters(question) if found.labels == ("-divergence",))
    command = of_steps(both, "-divsteps", 3).candidate(question.command, (both.fitted(0.4),)).command
    assert command.number("-divergence") == pytest.approx(0.4) and command.number("-divsteps") == 3
    assert not command.has("-hdivrange", "-hdivsteps")


def test_a_two_theta_that_nobody_gave_may_turn_about_the_sample():
    """As the last word it does; before -Xbeam, which sets the pivot, it turns about the beam."""
    question = asked("-Xbeam", "3", "-Ybeam", "3")
    ends = {found.title: found.candidate(question.command, (0.1,)).command.items[-1].name
            for found in fit_parameters(question) if found.id == "twotheta-value"}
    assert ends == {"two-theta": "-Ybeam", "two-theta about the sample": "-twotheta"}


# --- what looks alike ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "proven"), [(1, {True}), (None, {False})])
def test_a_smooth_image_rendered_a_little_elsewhere_is_no_proven_interpolation(order, proven):
    """Wide spots: the mean of two neighbours is their slope, to the rounding of float32."""
    y, x = np.mgrid[:60, :64]

    def at(move):
        return sum(height * np.exp(-((x - a - move) ** 2 + (y - b) ** 2) / 90)
                   for a, b, height in ((20, 20, 90), (40, 31, 70), (28, 44, 50)))

    image = at(0.0).astype("f4")
    moved = ndimage.shift(image.astype("f8"), (0, 0.01), order=1, mode="nearest") if order else at(0.01)
    found = list(find_interpolated(Question(image, moved.astype("f4"), ARGV[:-12], Path())))
    assert {cause.proven for cause in found if cause.id == "sub-pixel-shift"} <= proven
    assert not order or found


@pytest.mark.parametrize(("mixed", "count"), [(0.0, 1), (0.7, 0)])
def test_a_subject_that_is_still_much_like_the_reference_was_not_drawn_from_another_seed(mixed, count):
    draw = np.random.default_rng(5)
    base, *others, other = (draw.exponential(1.0, (30, 30)) for _ in range(5))
    seeds = iter(others)
    question = SimpleNamespace(command=parse_command(ARGV))
    trials = SimpleNamespace(question=question, base=[base], subject=[mixed * base + (1 - mixed) * other],
                             images=lambda edit: [next(seeds)])
    assert len(list(_like_other_seeds(trials, "-misset_seed", "misset-seed-value", "it was"))) == count


def test_peaks_of_an_orientation_that_nobody_seeded_are_not_held_against_another_distance():
    draw = np.random.default_rng(2)
    images = []
    for _ in range(2):
        image = np.zeros((60, 60))
        image[draw.integers(3, 57, 12), draw.integers(3, 57, 12)] = draw.uniform(50, 99, 12)
        images.append(ndimage.gaussian_filter(image, 1.0).astype("f4"))
    argv = ("-cell", "61", "73", "87", "-default_F", "50", "-detpixels", "60", "-pixel", "0.1", "-misset", "random")
    assert not list(find_predicted(Question(*images, argv, Path())))


def test_pixels_that_differ_by_little_more_than_the_rest_are_no_single_ones():
    """The worst few of a difference that is everywhere: 1.2e-5 of their value where all others are below 1e-5."""
    reference = np.add.outer(np.arange(1.0, 41), np.arange(40)).astype("f4")
    reference[5, 7], reference[30, 9] = 90, 95
    hot, smooth = reference.copy(), reference * np.float32(1 + 8e-6)
    for image, by in ((hot, 1 + 1e-3), (smooth, 1 + 1.5e-5)):
        image[5, 7], image[30, 9] = 90 * by, 95 * by
    said = [[cause.proven for cause in find_outliers(Question(reference, image, ARGV, Path()))]
            for image in (hot, smooth)]
    assert said == [[True], [False]]


def test_a_factor_over_the_image_is_held_against_options_that_look_like_it(monkeypatch):
    """Over a small detector a curved one gives the image of one solid angle for all, and then neither is proven."""
    question = asked()
    factor = question.detector.solid_angle(*(places.ravel() for places in np.indices((40, 40))[::-1])).reshape(40, 40)
    reference = (1 + question.pair.x).astype("f4")
    nearest = question.setting.pixel_m**2 / question.detector.close_distance_m**2
    subject = (reference * (nearest / factor)).astype("f4")

    class Renders:
        renderer, told, renders, last_words = SimpleNamespace(processor_seconds=0.0), None, 0, ""

        def render(self, candidate, files, region, *more):
            self.renders += 1
            return (subject if candidate.command.has("-curved_det") else reference)[region.slices]

    asks = Question(reference, subject, ARGV, Path())
    simulator = Renders()
    found = diagnose(asks, DiagnosisOptions(budget_s=9.0), simulator).causes
    assert {"inverse-square-missing", "curved-detector-value"} <= {cause.id for cause in found}
    assert "curved-detector-value" in found[0].rivals and not found[0].proven and simulator.renders < 9
    subject = subject[::-1]  # then no option gives the image
    found = diagnose(asks, DiagnosisOptions(budget_s=9.0), Renders()).causes
    assert (found[0].id, found[0].proven) == ("inverse-square-missing", True)


@pytest.mark.parametrize("edge", [0.0, 5.0])
def test_a_moved_image_whose_edge_is_dark_is_a_moved_beam_as_well(edge):
    """Where the edge is lit, the array of a moved beam has other pixels there, and only the image moved."""
    draw = np.random.default_rng(3)
    reference = (edge * draw.uniform(0, 1, (40, 40))).astype("f4")
    reference[5:35, 5:35] = draw.uniform(0, 90, (30, 30))
    subject = np.roll(reference, (1, -2), (0, 1))
    by_beam = subject.copy()
    by_beam[:, -2:] += np.float32(edge)

    class Renders:
        renderer, told, renders, last_words = SimpleNamespace(processor_seconds=0.0), None, 0, ""

        def render(self, candidate, files, region, *more):
            return (by_beam if candidate.id == "beam-centre-value" else reference)[region.slices]

    found = diagnose(Question(reference, subject, ARGV, Path()), DiagnosisOptions(budget_s=9.0), Renders()).causes
    told = {cause.id: cause for cause in found if cause.proven}
    assert set(told) == ({"pixel-shift"} if edge else {"pixel-shift", "beam-centre-value"})
    if not edge:
        assert told["beam-centre-value"].sentence == (
            "the beam centre: along fast -2 instead of 0, along slow 1 instead of 0 pixels")


def test_a_budget_counts_what_processors_work_and_what_passes_in_its_share():
    simulator = SimpleNamespace(renderer=SimpleNamespace(processor_seconds=0.0))
    clock = Clock(simulator, 5)
    simulator.renderer.processor_seconds = 7.0
    assert 6.99 <= clock.seconds < 8.0
    assert 6.99 <= clock.of_processors < 8.0
    simulator.renderer.processor_seconds = 0.0
    clock.begun -= 100 * 5
    assert 100 <= clock.seconds < 200
    clock.waits = 1
    assert clock.seconds >= 500 and clock.of_processors < 1


def test_a_guess_that_was_carried_out_in_vain_is_less_sure():
    quick = [guessed("distance-value", "stretched", (), confidence=0.7), proof("misset-value", "a fit")]
    less, same = _less_sure(quick, ("distance-value", "misset-value"))
    assert less.confidence == 0.35 and "tried" in less.evidence[-1] and same == quick[1]
    assert ruled_out([], {"distance-value"}) == ["distance-value"]


def test_a_rounded_number_leaves_no_more_than_what_tells_proofs_apart():
    """A rival that is not rounded would outdo it: 1e-4 of the difference against 1e-6."""
    exact = Reading(1e-9, 1e-6, True)
    assert _as_good(Reading(1e-8, 1.5e-5, True), exact) and not _as_good(Reading(1e-7, 1e-4, True), exact)


@pytest.mark.parametrize("moves", [(2, -3), (-1, 2)])
def test_a_shift_of_a_slope_without_a_spot_is_found(moves):
    y, x = np.mgrid[:60, :64]
    slope = (1000 + np.cos(x / 70) * 9 + np.sin(y / 90) * 7 + x * y / 900).astype("f4")
    moved = np.zeros_like(slope)
    moved[max(0, moves[0]):60 + min(0, moves[0]), max(0, moves[1]):64 + min(0, moves[1])] = \
        slope[max(0, -moves[0]):60 - max(0, moves[0]), max(0, -moves[1]):64 - max(0, moves[1])]
    found = diagnose(Question(slope, moved, (*ARGV[:10], "-detpixels_x", "64", "-detpixels_y", "60"), Path()),
                     DiagnosisOptions(quick=True)).causes
    assert (found[0].id, found[0].proven) == ("pixel-shift", True)


def test_what_both_engines_print_makes_a_guess_surer_than_one_by_peaks_alone(monkeypatch):
    lines = {"beam-centre-value": [SimpleNamespace(sentence="the beam centre: 0.00268 and 0.00142")]}
    monkeypatch.setattr("nbcompare.explain.diagnose.diagnose.speaks_for", lambda told, id: lines.get(id, []))
    told, notes = _with_echoes(asked(), [guessed("distance-value", "stretched", (), confidence=0.79),
                                         guessed("beam-centre-value", "elsewhere", (), confidence=0.72)])
    assert not notes and [round(cause.confidence, 2) for cause in told] == [0.79, 0.8]
    assert told[1].evidence == ("echo: the beam centre: 0.00268 and 0.00142",)


@pytest.mark.filterwarnings("error")
def test_a_fit_of_two_parameters_that_do_the_same_takes_half_a_step_in_each():
    """Undamped, their normal matrix is singular."""
    assert fitting._damped_step(np.ones((4, 2)), np.ones(4), 0.0) == pytest.approx([0.5, 0.5])
