"""Hypotheses as rows: every table gives candidates that ask for a run of their own; edits of files do what they say."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nbcompare.case.arguments.command import parse_command
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.describe import DescriptionRefused
from nbcompare.engine.failure import Failure
from nbcompare.engine.rendering.render_cache import RenderCache
from nbcompare.explain.diagnose.causes import REFLECTION_CHANGED
from nbcompare.explain.diagnose.finders import reflections, scale
from nbcompare.explain.diagnose.hypotheses import file_table, value_table
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.file_table import list_edit
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters, of_steps
from nbcompare.explain.diagnose.hypotheses.tables import file_candidates, run_candidates
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.reflection_table import ReflectionTable
from nbcompare.explain.diagnose.search import fitting, missing_fit
from nbcompare.explain.diagnose.search.domains import in_three_steps, other_samplings, otherwise_sampled
from nbcompare.explain.diagnose.search.proofs import Prover
from nbcompare.explain.diagnose.search.reflection_fit import HKL_IGNORED, rules_that_fit
from nbcompare.explain.diagnose.search.simulator import Simulator
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading

ARGV = ("-hkl", "list.hkl", "-mat", "a.mat", "-sourcefile", "s.src", "-lambda", "1.2", "-N", "4", "-distance", "100",
        "-pixel", "0.1", "-detpixels", "8", "-osc", "1", "-phisteps", "3", "-oversample", "1", "-mosaic", "0.1",
        "-mosaic_dom", "3", "-misset", "1", "2", "3", "-Xbeam", "0.3", "-Ybeam", "0.5")
LIST = "0 0 1 10.6\n0 0 -1 20.2\n1 0 0 5\n"


@pytest.fixture
def question(tmp_path):
    (tmp_path / "list.hkl").write_text(LIST)
    (tmp_path / "a.mat").write_text("0.012 0 0\n0 0.015 0\n0 0 0.01\n")
    (tmp_path / "s.src").write_text("0 0 -10 1 1.2e-10\n0.01 0 -10 2 1.21e-10\n")
    image = np.ones((8, 8), "f4")
    return Question(image, 2 * image, ARGV, tmp_path)


def test_every_candidate_says_which_table_it_stands_in_and_asks_for_a_run_of_its_own(question):
    found = [*run_candidates(question), *file_candidates(question)]
    assert len({candidate.key for candidate in found}) == len(found) > 150
    assert {candidate.source for candidate in found} == {"values of options", "detector", "crystal and sampling",
                                                         "rotation", "input files"}
    assert all(candidate.files or candidate.command.argv != ARGV for candidate in found)


@pytest.mark.parametrize("more", [
    ("-detector_thicksteps", "inf"), ("-misset_seed", "nan"), ("-vdivsteps", "-inf"), ("-dispsteps", "1e400"),
    ("-beam_vector", "0", "0", "1", "-twotheta", "0")])
def test_numbers_that_no_mistake_can_be_made_with_make_none(question, more):
    """Infinite counts and seeds; and a detector whose plane the crystal lies in, so that nothing is obliquely lit."""
    asked = Question(question.pair.reference, question.pair.subject, (*ARGV, *more), question.folder)
    try:
        assert all(candidate.words for candidate in run_candidates(asked))
    except DescriptionRefused:
        assert all(row.words for row in value_table.rows(asked)), "what follows from the words alone is there"


def test_rotations_in_another_order_are_told_as_angles_that_do_the_same(question):
    """Of the crystal and of the detector: ``xyz`` in SciPy is about fixed axes, x first."""
    given = (12.0, -40.0, 25.0)
    made = {row.words: row.change(given) for row in value_table.TABLE["misset"]}
    rotated = (*ARGV, "-detector_rotx", "12", "-detector_roty", "-40", "-detector_rotz", "25")
    asked = Question(question.pair.reference, question.pair.subject, rotated, question.folder)
    turned = {candidate.words: candidate.command for candidate in run_candidates(asked)}
    for order in ("xzy", "yxz", "yzx", "zxy", "zyx"):
        about = Rotation.from_euler(order, [given["xyz".index(axis)] for axis in order], degrees=True).as_matrix()
        words = f"turned about {' '.join(order)}, in this order"
        other = turned[f"detector rotations: {words}"]
        for angles in (made[words], [other.number(f"-detector_rot{axis}") for axis in "xyz"]):
            assert np.allclose(Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), about, rtol=0, atol=1e-11)
    back = Rotation.from_euler("xyz", made["turned back, by the inverse rotation"], degrees=True)
    assert np.allclose(back.as_matrix() @ Rotation.from_euler("xyz", given, degrees=True).as_matrix(), np.eye(3))


def test_a_range_of_wavelengths_may_begin_or_end_at_the_one_that_is_given(question):
    """1.2 A and 2 %: from 1.2 to 1.224, or from 1.176 to 1.2."""
    asked = Question(question.pair.reference, question.pair.subject, ("-cell", "50", "60", "70", "90", "90", "90",
                     "-default_F", "1", "-lambda", "1.2", "-dispersion", "2", "-detpixels", "8"), question.folder)
    commands = [candidate.command for candidate in run_candidates(asked) if "of the range" in candidate.words]
    ranges = [tuple(command.number("-lambda") * (1 + side * command.number("-dispersion") / 200) for side in (-1, 1))
              for command in commands]
    assert np.allclose(sorted(ranges), [(1.176, 1.2), (1.2, 1.224)], rtol=1e-12)


def test_the_mistakes_with_numbers_are_those_of_their_kind():
    """Of three angles: each sign, all of them, each left out, five orders of the angles and five of the axes, the
    inverse, two units."""
    changed = [row.change((1.0, 2.0, 3.0)) for row in value_table.TABLE["misset"]]
    assert len(set(changed)) == len(changed) == 4 + 3 + 5 + 5 + 1 + 2
    assert (1.0, -2.0, 3.0) in changed and (0.0, 2.0, 3.0) in changed and (3.0, 1.0, 2.0) in changed


@pytest.mark.parametrize("id, words, expected", [
    ("hkl-rounded", "cut", [10, 20, 5]), ("hkl-rounded", "rounded", [11, 20, 5]),
    ("hkl-friedel-merged", "mean", [15.4, 15.4, 5]), ("hkl-truncated", "first record", [20.2, 5])])
def test_a_misread_list_has_other_f(id, words, expected):
    """Of the pair (0,0,1) and (0,0,-1) the mean is (10.6 + 20.2) / 2 = 15.4."""
    change = next(row[3] for row in file_table.list_mistakes() if row[0] == id and words in row[1])
    text = file_table.list_edit("", change).make(LIST)
    assert [float(line.split()[3]) for line in text.splitlines()] == pytest.approx(expected)


def test_sources_are_lost_one_by_one_or_laid_into_the_beam(question):
    edits = {candidate.words: candidate.files[0] for candidate in file_candidates(question)
             if candidate.files[0].option == "-sourcefile"}
    text = question.files["-sourcefile"].read_text()
    assert edits["source 2 of 2 is lost"].make(text) == "0 0 -10 1 1.2e-10\n"
    beam = question.detector.beam
    for line in edits["all sources lie in the direction of the beam"].make(text).splitlines():
        at = np.array(line.split()[:3], float)
        assert np.allclose(at / np.linalg.norm(at), -beam)


def test_fields_of_sources_stand_between_commas_and_colons_as_well(question):
    """As the simulator reads them; the weight of a source that has none stays 1, unsaid."""
    text = "0,0,-10, 2; 1.2e-10\r\n\n0 : 0 : -10\n"
    assert file_table.source_rows(text) == [["0", "0", "-10", "2", "1.2e-10"], ["0", "0", "-10"]]
    question.files["-sourcefile"].write_text(text)
    edits = {candidate.words: candidate.files[0].make(text) for candidate in file_candidates(question)
             if candidate.files[0].option == "-sourcefile"}
    assert edits["the weights of the sources are ignored"] == "0 0 -10 1.0 1.2e-10\n0 0 -10\n"
    assert edits["the weights of the sources are applied twice"] == "0 0 -10 4.0 1.2e-10\n0 0 -10\n"
    assert edits["source 2 of 2 is lost"] == "0 0 -10 2 1.2e-10\n"


def test_weights_that_are_not_divided_by_their_mean_are_a_factor_of_the_image(tmp_path):
    """Of 2 and 0.5 the mean is 1.25."""
    (tmp_path / "s.src").write_text("0 0 -10, 2\n0.01 0 -10, 0.5\n")
    image = np.linspace(1, 2, 64, dtype="f4").reshape(8, 8)
    argv = ("-cell", "50", "50", "50", "-default_F", "1", "-sourcefile", "s.src", "-detpixels", "8")
    found = list(scale.find_scale(Question(image, image * np.float32(1.25), argv, tmp_path)))
    assert max(found, key=lambda cause: cause.prior).id == "sources-weight" and all(cause.proven for cause in found)


@pytest.mark.parametrize(("words", "angles"), [
    (("-misset_seed", "31"), {("31.0", "0.0", "0.0")}),
    (("-misset_seed", "31", "-phi", "2"), {("31.0", "0.0", "0.0"), ("31.0", "0.0", "2.0")})])
def test_a_seed_may_be_read_as_the_angles_of_the_misset(words, angles):
    """By what is found at the beginning of a word; of what stands behind it an option counts as 0."""
    argv = ("-cell", "50", "50", "50", "-default_F", "1", "-detpixels", "8", "-misset", "random", *words)
    image = np.ones((8, 8), "f4")
    found = [candidate.command for candidate in run_candidates(Question(image, 2 * image, argv, Path()))
             if candidate.id == "misset-seed-angles"]
    assert {command.find("-misset").values for command in found} == angles
    assert not any(command.has("-misset_seed") for command in found)


def test_a_factor_over_the_image_is_what_a_render_without_it_lacks(question):
    """Half of the light at a pixel where the factor is 0.5: twice applied, a quarter of it; a dark one stays dark. With
    the cosine 0.8, an image is area * 0.8 / R^2 where that of point pixels is 1 / R^2."""
    found = {candidate.words: candidate for candidate in run_candidates(question) if candidate.formula}
    twice = found["the polarization factor is applied twice"]
    assert twice.command.has("-nopolar")
    assert twice.formula.make(np.array([0.5, 0.0]), np.array([1.0, 0.0])).tolist() == [0.25, 0.0]
    area = question.setting.pixel_m**2
    bare = found["the solid angle lacks the obliquity cosine"]
    assert bare.command.has("-point_pixel")
    assert bare.formula.make(np.array([0.8 * area]), np.array([1.0])) == pytest.approx([area])
    nearest = found["all pixels have the solid angle of the nearest point"]
    assert nearest.formula.make(np.array([0.8 * area]), np.array([1.0])) == pytest.approx([area / 0.8**2])
    assert len({candidate.key for candidate in found.values()}) == len(found) == 6


def test_a_formula_is_held_against_the_subject_in_place_of_the_render(question):
    """The simulator gives ones for all; the subject is the square over the render."""
    class Ones(Idle):
        told, renders = None, 0

        def render(self, candidate, files, region, *more):
            return np.full((region.ymax - region.ymin + 1, region.xmax - region.xmin + 1),
                           2.0 if candidate.command.has("-nopolar") else 1.0, "f4")

    asked = Question(question.pair.reference, question.pair.reference / 2, ARGV, question.folder)
    trials = CauseTrials(asked, Ones(), 5.0)
    twice = next(c for c in run_candidates(asked) if c.id == "polarization-twice")
    reading = trials.try_one(twice)
    assert reading.holds and trials.confirmed(twice, reading).holds
    assert not trials.try_one(replace(twice, formula=None)).holds
    (made,) = [Prover(asked.setting, 1, {}).proven(twice, reading)[0]]
    assert made.edit["kind"] == "image" and made.edit["what"] == twice.formula.label


def test_a_factor_for_each_reflection_leaves_nothing_of_other_f_and_all_of_another_shape():
    table = ReflectionTable(np.zeros((2, 3), int), np.array([3.0, 7.0]), np.array([6.0, 7.0]), np.ones(2),
                            np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert table.left_by_ratios(x, np.array([[2.0, 4.0], [3.0, 4.0]])) == 0
    assert table.left_by_ratios(x, np.array([[4.0, 2.0], [3.0, 4.0]])) > 0.5


@pytest.mark.filterwarnings("error")
class Shining:
    """Trials on a row of pixels between reflections (h,0,0), whose F shine into those of their neighbours."""

    LISTED = MappingProxyType({h: 90.0 + 40 * (h * 7 % 5) for h in range(1, 15)})

    def __init__(self, missing, default):
        command = parse_command(("-hkl", "f.hkl", "-default_F", f"{default:g}"))
        self.text = "".join(f"{h} 0 0 {f}\n" for h, f in self.LISTED.items())
        self.default, self.regions, self.renders = default, [Roi("row", 0, 149, 0, 0)], 0
        whole, subject = (self.image(hkl) for hkl in (self.LISTED, {h: f for h, f in self.LISTED.items()
                                                                    if h not in missing}))
        self.question = SimpleNamespace(pair=ImagePair(whole, subject), amplitudes=True, command=command)
        hkl = np.array([(h, 0, 0) for h in range(15)])
        which = np.clip(np.rint(np.arange(150) / 10), 0, 14).astype(int)
        self.table = ReflectionTable(hkl, *(np.bincount(which, image[0], 15) for image in (whole, subject)),
                                     np.array([self.LISTED.get(h, np.nan) for h in range(15)]),
                                     np.zeros(150, int), np.arange(150), which)

    def image(self, listed):
        weights = np.exp(-((np.arange(150)[:, None] / 10 - np.arange(-2, 18)) ** 2) / 0.5)
        f = np.array([listed.get(h, self.default) for h in range(-2, 18)])
        return ((weights @ f) ** 2)[None].astype("f4")

    def images(self, candidate):
        self.renders += 1
        rows = [line.split() for line in candidate.files[0].make(self.text).splitlines()]
        return [self.image({int(h): float(f) for h, _, _, f in rows}).astype("f8")]

    def reading(self, parts):
        off = self.question.pair.y - parts[0]
        return Reading(abs(off).max() / self.question.pair.peak, float(np.linalg.norm(off)) / self.question.pair.power,
                       bool(abs(off).max() < 1e-6 * self.question.pair.peak))


@pytest.mark.parametrize("missing", [{3}, {2, 3, 8, 13}, set(range(4, 9))])
@pytest.mark.parametrize("default", [0.0, 400.0])
def test_missing_reflections_that_shine_into_each_other_are_told_one_by_one(missing, default, monkeypatch):
    trials = Shining(missing, default)
    monkeypatch.setattr(missing_fit, "reflection_table", lambda question, least: trials.table)
    found = list(missing_fit.missing_trials(trials))
    candidate, reading = found[-1]
    assert reading.holds and candidate.id == "reflection-missing"
    kept = {int(line.split()[0]) for line in candidate.files[0].make(trials.text).splitlines()}
    assert set(trials.LISTED) - kept == missing and candidate.words.startswith(f"{len(missing)} reflection")


def test_other_f_are_not_taken_for_missing_reflections(monkeypatch):
    trials = Shining(set(), 400.0)
    trials.question.pair = ImagePair(trials.image(trials.LISTED), trials.image({h: 1.3 * f for h, f in
                                                                                trials.LISTED.items()}))
    monkeypatch.setattr(missing_fit, "reflection_table", lambda question, least: trials.table)
    assert not any(reading.holds for _, reading in missing_fit.missing_trials(trials)) and trials.renders < 40


def test_where_no_bright_reflection_is_listed_none_is_said_to_have_another_default():
    three = np.ones(3)
    table = ReflectionTable(np.zeros((3, 3), int), three, 2 * three, np.nan * three, *np.zeros((3, 3), int))
    assert not list(reflections._unlisted(table))


@pytest.mark.parametrize(("given", "counts"), [((), {3, 4, 5, 7, 9}), (("-dispsteps", "2"), set())])
def test_a_spread_of_the_beam_is_tried_with_other_steps_of_the_same_variance(question, given, counts):
    """Two steps of a range of 1 lie half of it from the middle; where the command says how many, nothing is tried."""
    command = parse_command((*ARGV, *given)).without("-sourcefile")
    asked = Question(question.pair.reference, question.pair.subject, command.argv, question.folder)
    dispersion = next(found for found in fit_parameters(asked) if found.labels == ("-dispersion",))
    seen = set()
    for other, values in other_samplings(dispersion, (dispersion.fitted(1.0),), command):
        argv = other.candidate(command, values).command
        count = int(argv.number("-dispsteps"))
        seen.add(count)
        assert of_steps(other, "-dispsteps", count).title == other.title == f"the dispersion ({count} steps)"
        assert np.linspace(-0.5, 0.5, count).var() * argv.number("-dispersion")**2 == pytest.approx(0.25)
    assert seen == counts


class Smeared:
    """A simulator of a stripe that the dispersion lays over itself, in so many steps of its range."""

    renders, told, last_words = 0, None, ""
    renderer = SimpleNamespace(processor_seconds=0.0)

    def __init__(self, stripe):
        self.stripe = stripe

    def render(self, candidate, files, region, shape, *more):
        range_of, steps = candidate.command.number("-dispersion"), int(candidate.command.number("-dispsteps", 2))
        y, x = np.mgrid[:shape.slow, :shape.fast]
        places = np.linspace(-0.5, 0.5, steps) * range_of * 100
        return np.mean([self.stripe(x + 0.0137 * y - shape.fast / 2 - at) for at in places], axis=0)[
            region.slices].astype("f4")


@pytest.mark.parametrize(("stripe", "sharp"), [(lambda x: np.exp(-x**2 / 20), False),
                                               (lambda x: abs(x) < 9.3, True)])
def test_a_spread_that_is_not_given_is_fitted_by_its_square_and_to_the_last_pixel_that_jumps(tmp_path, stripe, sharp):
    """At 0 nothing changes with a spread itself, so that no step told how far to go; and where edges are sharp a
    descent ends beside the place where the last pixels agree."""
    argv, simulator = ("-cell", "50", "60", "70", "90", "90", "90", "-default_F", "9", "-N", "5", "-lambda", "1",
                       "-distance", "100", "-pixel", "0.1", "-detpixels", "72"), Smeared(stripe)
    shape, whole = Shape(slow=72, fast=72), Roi("whole", 0, 71, 0, 71)
    images = [simulator.render(Candidate("argv", "", parse_command((*argv, *more))), {}, whole, shape)
              for more in ((), ("-dispersion", "0.0347", "-dispsteps", "3"))]
    asked = Question(*images, argv, tmp_path)
    trials = CauseTrials(asked, simulator, 600.0)
    dispersion = next(found for found in fit_parameters(asked) if found.labels == ("-dispersion",))
    assert dispersion.rounded(0.0347123**2, 3) == pytest.approx(0.0347**2)
    two = fitting.Fitter(trials).fit(dispersion, smoothings=(0,))
    assert two is not None and not two.reading.holds and otherwise_sampled(dispersion, two.reading.left)
    [three], (_, start) = in_three_steps([dispersion], asked.command), other_samplings(dispersion, two.values,
                                                                                       asked.command)[0]
    found = fitting.Fitter(trials).fit(three, start, smoothings=(0,))
    assert found.reading.holds and three.shown(found.values[0]) == pytest.approx(0.0347, rel=1e-2)
    assert "-dispersion 0.034" in three.sentence(found.values)
    if sharp:
        bottom = fitting.Fitter(trials).valley(three, *three.first)
        assert three.shown(bottom[0]) == pytest.approx(0.0347, rel=1e-2)


class Idle:
    """A simulator whose processes have worked so long."""

    class renderer:
        processor_seconds = 0.0


def test_a_trial_that_was_stopped_for_its_time_is_not_remembered_as_one_without_an_image(question, tmp_path,
                                                                                       monkeypatch):
    """With a larger budget the same trial may give one; in the same search it is not begun again."""
    asked = []

    def run(self, engine, argv, inputs, shape, seconds):
        asked.append(seconds)
        failure = Failure("timed-out", "was stopped") if seconds < 2 else None
        return SimpleNamespace(run=SimpleNamespace(failure=failure), pixels=np.ones((8, 8), "f4"))

    monkeypatch.setattr(Simulator, "_run", run)
    candidate = Candidate("argv", "as it is", question.command)
    for seconds, again, gives in ((0.5, 0.5, False), (3.0, 3.0, True)):
        with Simulator(RenderCache(tmp_path / "cache")) as simulator:
            for left in (seconds, again):
                found = simulator.render(candidate, question.files, Roi("all", 0, 7, 0, 7), Shape(8, 8), left)
                assert (found is not None) is gives
    assert asked == [0.5, 3.0]


def test_no_trial_is_given_more_time_than_the_budget_has_left(question, monkeypatch):
    given = []

    class Counting(Idle):
        told = None

        def render(self, candidate, files, region, shape, seconds, emulate):
            given.append(seconds)
            return np.ones((region.ymax - region.ymin + 1, region.xmax - region.xmin + 1), "f4")

    trials = CauseTrials(question, Counting(), 1.0)
    assert trials.ready
    trials.images(Candidate("argv", "as it is", question.command))
    assert max(given) <= 1.0 and given[-1] <= trials.most_seconds < 0.5
    trials.clock.begun -= 2
    assert trials.images(Candidate("argv", "as it is", question.command)) is None


@pytest.mark.simulator
@pytest.mark.parametrize(("change", "found"), [
    (np.trunc, {"the F of the list are cut to whole numbers"}),
    (np.rint, {"the F of the list are rounded to whole numbers"}),
    (lambda f: np.full_like(f, 3.0), {"no list"}), (lambda f: f * np.linspace(1, 1.5, len(f)), set())])
def test_a_rule_of_the_whole_list_is_looked_for_in_the_f_that_were_read_off(tmp_path, change, found):
    """Each of the lit reflections has an F of its own; a rule has to say all of them; "no list" says the default."""
    plain = ("-cell 40 40 40 90 90 90 -default_F 3 -lambda 1 -distance 100 -pixel 0.5 -detpixels 40 -N 5 "
             "-misset 10 20 30").split()
    blank = Question(np.ones((40, 40), "f4"), np.zeros((40, 40), "f4"), plain, tmp_path)
    slow, fast = np.divmod(np.arange(1600), 40)
    zone = np.ceil(blank.lattice.indices(blank.detector, fast, slow, 0.0) - 0.5).astype(int)
    names, which = np.unique(zone, axis=0, return_inverse=True)
    factors = 5.7 + np.arange(len(names)) * 1.1
    (tmp_path / "F.hkl").write_text("".join(f"{h} {k} {l} {f!r}\n" for (h, k, l), f
                                            in zip(names.tolist(), factors.tolist(), strict=True)))
    image = (factors**2)[which.ravel()].reshape(40, 40).astype("f4")
    question = Question(image, image / 2, [*plain, "-hkl", "F.hkl"], tmp_path)
    fitted = Candidate(REFLECTION_CHANGED, "", question.command, files=(
        list_edit("read off", lambda t: np.column_stack((t[:, :3], change(t[:, 3])))),))
    without = Candidate(HKL_IGNORED, "no list", question.command)
    told = rules_that_fit(question, fitted, [*file_candidates(question), without])
    assert {candidate.words for candidate in told} == found
