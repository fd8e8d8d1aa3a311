"""The tested layer: real runs with a mistake in them, and the mistake comes back proven by a run of the simulator.

The reference and the subject come from the C reference; the diagnosis knows only the sound command and the two
images, and runs the torch simulator.
"""

import re

import numpy as np
import pytest
from engines import PRECISE, QUIET, TorchBatch, run_program

from nbcompare.case.arguments.command import parse_command
from nbcompare.engine.rendering.render_cache import RenderCache
from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.search.fitting import Fitter
from nbcompare.explain.diagnose.search.simulator import Simulator
from nbcompare.explain.diagnose.search.trials import CauseTrials

SIZE = 96
SOUND = ("-mat", "turned.mat", "-hkl", "list.hkl", "-lambda", "1.1", "-Na", "7", "-Nb", "8", "-Nc", "6", "-distance",
         "75", "-pixel", "0.2", "-detpixels", str(SIZE), "-oversample", "1", "-polar", "0.9", "-flux", "1e24", "-phi",
         "3", "-osc", "1", "-phisteps", "4", "-nointerpolate", "-Xbeam", "9.31", "-Ybeam", "10.04")
MATRIX = np.array([[0.012, -0.0125, 0.0042], [0.0116, 0.0094, 0.0049], [-0.0086, -0.0017, 0.0141]])
INDICES = [(h, k, l) for h in range(-7, 8) for k in range(-7, 8) for l in range(-7, 8)]
AMPLITUDES = dict(zip(INDICES, np.random.default_rng(11).gamma(2, 60, len(INDICES)), strict=True))


def write_inputs(folder, amplitudes=None, matrix=MATRIX):
    folder.mkdir(parents=True, exist_ok=True)
    lines = (f"{h} {k} {l} {f:.4f}\n" for (h, k, l), f in (amplitudes or AMPLITUDES).items())
    (folder / "list.hkl").write_text("".join(lines))
    (folder / "turned.mat").write_text("".join(" ".join(map(repr, row)) + "\n" for row in matrix.tolist()))


@pytest.fixture(scope="module")
def bench(tmp_path_factory, reference_binary):
    """Renders with the C reference, and asks about a subject; one simulator process for all questions."""
    home = tmp_path_factory.mktemp("diagnosis")
    write_inputs(home / "sound")

    def render(argv, name="sound"):
        ran = run_program(reference_binary, (*argv, *QUIET), home / name)
        assert ran.status == 0, ran.stderr
        return ran.image().reshape(SIZE, SIZE)

    with Simulator() as simulator:
        def ask(subject, argv=SOUND):
            question = Question(render(argv), subject, argv, home / "sound")
            return diagnose(question, DiagnosisOptions(budget_s=60, waits=5), simulator)

        yield render, ask, home


def edited(*changes):
    """The sound command with options set, or left out where there is no value."""
    command = parse_command(SOUND)
    for name, *values in changes:
        command = command.setting(name, *values) if values else command.without(name)
    return command.argv


@pytest.mark.parametrize("id, argv, words", [
    ("beam-centre-value", edited(("-Xbeam", 9.318)), "along slow 0.04"),
    ("beam-centre-swapped", edited(("-Xbeam", 10.04), ("-Ybeam", 9.31)), "exchanged"),
    ("distance-value", edited(("-distance", 75.31)), "75.31 instead of 75"),
    ("pixel-size-value", edited(("-pixel", 0.2006)), "0.2006 instead of 0.2"),
    ("detector-rotation-value", edited(("-detector_roty", 0.7)), "-detector_roty 0.7"),
    ("cells-off-by-one", edited(("-Nb", 9)), "9"),
    ("crystal-shape-value", (*SOUND, "-gauss_xtal"), "-gauss_xtal"),
    ("phi-midpoint", edited(("-phi", 3.125)), "middle"),
    ("oscillation-value", edited(("-osc", 0.83)), "0.83 instead of 1"),
    ("oversample-value", edited(("-oversample", 2)), "oversample 2"),
    ("mosaic-spread-value", edited(("-mosaic", 0.15), ("-mosaic_dom", 10)), "0.15"),
    ("mosaic-spread-value", edited(("-mosaic", 0.15), ("-mosaic_dom", 6)), "6 domains"),
    ("mosaic-spread-value", edited(("-mosaic", 0.004), ("-mosaic_dom", 7)), "7 domains"),
    ("dispersion-value", edited(("-dispersion", 0.4), ("-dispsteps", 3)), "(3 steps): -dispersion 0.4 instead of 0"),
    ("default-F-value", edited(("-default_F", 30)), "30 instead of 0"),
    ("water-value", edited(("-water", 15)), "15 instead of 0"),
    ("convention-value", (*SOUND, "-xds"), "xds"),
])
def test_a_mistake_in_the_command_is_found_and_proven_by_running_it(id, argv, words, bench):
    render, ask, _ = bench
    found = ask(render(argv))
    first = found.causes[0]
    assert first.id == id, [(cause.id, cause.proven, cause.sentence) for cause in found.causes]
    assert first.proven and first.tested and first.residual <= 1e-6
    assert words in first.sentence


@pytest.mark.parametrize("id, amplitudes, matrix", [
    ("hkl-friedel", {(-h, -k, -l): f for (h, k, l), f in AMPLITUDES.items()}, MATRIX),
    ("amplitude-not-squared", {hkl: f**2 for hkl, f in AMPLITUDES.items()}, MATRIX),
    ("matrix-transposed", AMPLITUDES, MATRIX.T),
])
def test_a_mistake_with_an_input_file_is_found_and_proven(id, amplitudes, matrix, bench):
    render, ask, home = bench
    write_inputs(home / id, amplitudes, matrix)
    first = ask(render(SOUND, id)).causes[0]
    assert first.id == id and first.proven
    assert first.edit["kind"] == "file"


@pytest.mark.parametrize("kept, words", [
    (slice(None, 1533), "only the first"), (slice(None, 2101), "only the first"), (slice(1222, None), "are lost"),
])
def test_a_list_of_structure_factors_may_be_cut_at_any_line(kept, words, bench):
    """The spots go out in the order of the list; which line it is, is told to within those that have no spot."""
    render, ask, home = bench
    folder = f"cut-{kept.start}-{kept.stop}"
    write_inputs(home / folder, dict(list(AMPLITUDES.items())[kept]))
    first = ask(render(SOUND, folder)).causes[0]
    assert first.id == "hkl-truncated" and first.proven
    assert words in first.sentence
    low, high = map(int, re.search(r"allow (\d+) to (\d+)", first.sentence).groups())
    assert low <= (kept.start or kept.stop) <= high


def test_two_numbers_that_turn_the_crystal_alike_are_both_named(bench):
    """phi turns the crystal about the spindle axis, -x here, and so does misset about x: the image cannot tell which.
    The number that stands on the command line is likelier."""
    render, ask, _ = bench
    argv = edited(("-spindle_axis", -1, 0, 0), ("-phi", 0.5), ("-osc", 0.2))
    found = ask(render(parse_command(argv).setting("-phi", 0.44).argv), argv)
    named = {cause.id: cause for cause in found.causes if cause.proven}
    assert found.causes[0].id == "phi-value" and set(named) >= {"phi-value", "matrix-value"}
    assert "0.44 instead of 0.5" in named["phi-value"].sentence


def test_a_fit_that_gains_next_to_nothing_is_given_up(bench):
    """Another fluence changes what no tilt of the detector can: smoothed rounds show it, and no others are made."""
    render, _, home = bench
    question = Question(render(SOUND), render(edited(("-flux", "2e24"))), SOUND, home / "sound")
    tilt = next(parameter for parameter in fit_parameters(question) if parameter.id == "detector-rotation-value")
    with Simulator() as simulator:
        trials = CauseTrials(question, simulator, 60)
        before = simulator.renders
        assert Fitter(trials).fit(tilt) is None
        assert simulator.renders - before < 40


def test_two_mistakes_at_once_are_both_found(bench):
    """Neither a factor nor a distance alone gives the image."""
    render, ask, _ = bench
    found = ask(render(edited(("-distance", 75.05), ("-flux", "3e24"))))
    assert {cause.id for cause in found.causes[:2]} == {"distance-value", "scale-factor"}
    assert all(cause.proven for cause in found.causes[:2])


def test_a_reference_with_a_defect_of_the_c_program_is_taken_as_it_is(bench):
    """With phi 0 among the steps the C program keeps the step before; a subject that does not lacks phi-carryover."""
    render, _ask, _ = bench
    argv = edited(("-phi", 0))
    stills = [render(edited(("-phi", phi), ("-osc", 0), ("-phisteps", 1))) for phi in (0.75, 0.25, 0.5, 0.75)]
    reference = (sum(still.astype("f8") for still in stills) / 4).astype("f4")
    question = Question(reference, render(argv), argv, bench[2] / "sound")
    with Simulator() as simulator:
        found = diagnose(question, DiagnosisOptions(budget_s=60, waits=5), simulator)
    assert found.tested["emulations"] == ["phi-carryover"]
    assert found.causes[0].id == "phi-carryover" and found.causes[0].proven


def test_a_reference_that_the_simulator_does_not_give_proves_nothing(bench):
    """Without a baseline no trial means anything: that is said, and only the quick layer speaks."""
    render, _ask, home = bench
    reference = render(SOUND) * np.linspace(1, 2, SIZE * SIZE, dtype="f4").reshape(SIZE, SIZE)
    question = Question(reference, render(edited(("-Nb", 9))), SOUND, home / "sound")
    with Simulator() as simulator:
        found = diagnose(question, DiagnosisOptions(budget_s=20, waits=5), simulator)
    assert any("not tested" in note for note in found.notes)
    assert not any(cause.tested for cause in found.causes)


def test_of_all_emulations_that_close_a_gap_together_the_few_that_are_needed_are_proven(bench, tmp_path):
    """The reference is as the C program is, on a triclinic cell behind a thick sensor, with a step at phi 0."""
    argv = ("-cell", "50", "60", "70", "80", "95", "105", "-default_F", "100", "-lambda", "1", "-N", "5", "-distance",
            "100", "-detpixels", "40", "-pixel", "0.8", "-detector_thick", "450", "-detector_abs", "300", "-thicksteps",
            "3", "-oversample", "1", "-phi", "0", "-osc", "0.5", "-phisteps", "2")
    batch = TorchBatch(*PRECISE)
    images = []
    for name, more in (("c", ("-emulate", "all")), ("py", ())):
        (tmp_path / name).mkdir()
        ran = batch.run([*argv, *more, *QUIET], tmp_path / name)
        images.append(ran.image().reshape(40, 40))
    batch.close()
    with Simulator() as simulator:
        found = diagnose(Question(*images, argv, tmp_path), DiagnosisOptions(budget_s=90, waits=5), simulator)
        back = diagnose(Question(*images[::-1], argv, tmp_path), DiagnosisOptions(budget_s=90, waits=5), simulator)
    for causes in (found.causes, back.causes):
        assert {cause.id for cause in causes if cause.proven} == {"cell-triclinic", "last-layer-capture",
                                                                   "phi-carryover"}
        assert all("together with" in cause.evidence[1] for cause in causes)


def test_a_file_that_has_no_effect_keeps_nothing_from_being_tried(bench):
    """The simulator reads the table of -stol, though no pixel depends on it."""
    render, ask, home = bench
    (home / "sound" / "w.stol").write_text("0.0 2.57\n0.5 9.25\n")
    argv = (*SOUND, "-stol", "w.stol")
    first = ask(render((*argv, "-gauss_xtal")), argv).causes[0]
    assert first.id == "crystal-shape-value" and first.proven


def test_a_search_that_is_asked_again_goes_on_from_what_was_rendered(bench, tmp_path):
    """Renders are kept by all that they depend on; another simulator with the same cache runs nothing again."""
    render, _ask, home = bench
    question = Question(render(SOUND), render(edited(("-Nb", 9))), SOUND, home / "sound")
    renders = []
    for _ in range(2):
        with Simulator(RenderCache(tmp_path / "cache")) as simulator:
            found = diagnose(question, DiagnosisOptions(budget_s=60, waits=5), simulator)
            renders.append(simulator.renders)
        assert found.causes[0].id == "cells-off-by-one" and found.causes[0].proven
    assert renders[0] > 1 and renders[1] == 0
