"""-describe: both simulators say the same of a command line, key by key and number by number."""

import json
import math
import random

import pytest
from engines import run_program
from test_golden import COMMANDS, prepared_folder

from nbcompare.explain.fuzz.random_commands import random_command

OF_SIZE = 1e-12
"""Of the largest number of a list, or of the number itself: thousands of roundings of float64."""

OWN = ("program", "version")
RANDOM = 60


def asked(argv, dice):
    """The command with a description of a corner and of a pixel anywhere on the smallest detector of these tests."""
    return [*argv, "-describe_pixel", "0", "0", "-describe_pixel", str(dice.randrange(5)), str(dice.randrange(5))]


def differences(ours, theirs, where="", size=0.0):
    """Where two documents differ, with both values."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if list(ours) != list(theirs):
            return [f"{where}: keys {list(ours)} and {list(theirs)}"]
        return [line for key in ours for line in differences(ours[key], theirs[key], f"{where}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        size = max((abs(x) for x in ours if isinstance(x, (int, float))), default=0.0)
        return [line for at, pair in enumerate(zip(ours, theirs, strict=True))
                for line in differences(*pair, f"{where}[{at}]", size)]
    if type(ours) in (int, float) and type(theirs) in (int, float):
        near = abs(ours - theirs) <= OF_SIZE * max(abs(ours), size)
        return [] if near else [f"{where}: {ours!r} and {theirs!r}"]
    return [] if type(ours) is type(theirs) and ours == theirs else [f"{where}: {ours!r} and {theirs!r}"]


def described(ran, allowed):
    assert ran.status == 0, ran.stderr
    assert {path.name for path in ran.folder.iterdir()} == set(allowed), "a description writes no file"
    found = json.loads(ran.stdout)
    return {key: value for key, value in found.items() if key not in OWN}


def agree(torch_batch, reference_binary, argv, folder):
    """Ask both; they refuse alike or say the same."""
    files = [path.name for path in folder.iterdir()]
    ours, theirs = torch_batch.run(argv, folder), run_program(reference_binary, argv, folder)
    assert ours.status == theirs.status, (argv, ours.stderr, theirs.stderr)
    if ours.status == 0:
        assert differences(described(ours, files), described(theirs, files)) == [], argv


@pytest.mark.parametrize("name", COMMANDS)
def test_both_simulators_describe_the_golden_commands_alike(name, torch_batch, reference_binary, tmp_path):
    entry = COMMANDS[name]
    folder = prepared_folder(tmp_path, entry)
    agree(torch_batch, reference_binary, asked(entry["argv"], random.Random(name)), folder)


@pytest.mark.parametrize("at", range(RANDOM))
def test_both_simulators_describe_random_commands_alike(at, torch_batch, reference_binary, tmp_path):
    command = random_command(11, at, like_c=False)
    for name, content in command.files.items():
        (tmp_path / name).write_bytes(content)
    agree(torch_batch, reference_binary, asked(command.argv, random.Random(at)), tmp_path)


CELL = ["-cell", "50", "60", "70", "80", "90", "100", "-default_F", "1", "-N", "3", "-lambda", "1.5", "-distance", "90",
        "-pixel", "0.2", "-detpixels_x", "20", "-detpixels_y", "30"]


def one(ask, *more):
    return json.loads(ask([*CELL, "-describe", *more]).stdout)


@pytest.fixture(params=["torch", "reference"])
def ask(request, torch_batch, reference_binary, tmp_path):
    """Run an argument list in one of the simulators."""
    if request.param == "torch":
        return lambda argv: torch_batch.run(argv, tmp_path)
    return lambda argv: run_program(reference_binary, argv, tmp_path)


def test_a_pixel_obeys_braggs_law_and_laues(ask):
    """lambda = 2 d sin(theta) with d = 1/|q|, and h, k, l = a.q, b.q, c.q of the cell turned by phi."""
    found = one(ask, "-describe_pixel", "3", "28", "-phi", "90", "-spindle_axis", "1", "0", "0", "-twotheta", "20")
    pixel, = found["pixels"]
    q = pixel["scattering_vector_per_A"]
    theta = math.radians(pixel["twotheta_deg"]) / 2
    assert 2 * pixel["resolution_A"] * math.sin(theta) == pytest.approx(found["beam"]["wavelength_A"], rel=1e-12)
    assert pixel["resolution_A"] == pytest.approx(1 / math.hypot(*q), rel=1e-12)
    turned = [(x, -z, y) for x, y, z in found["crystal"]["real_A"]]  # right-handed about x by 90 degrees
    hkl = [sum(a * b for a, b in zip(axis, q, strict=True)) for axis in turned]
    assert pixel["hkl"] == pytest.approx(hkl, abs=1e-10)
    assert pixel["hkl_nearest"] == [math.ceil(h - 0.5) for h in hkl]


def test_a_pixel_is_where_the_axes_lead(ask):
    found = one(ask, "-describe_pixel", "3", "28", "-detector_rotx", "5", "-detector_roty", "-7")
    d, pixel = found["detector"], found["pixels"][0]
    place = [p + d["pixel_m"] * (3.5 * f + 28.5 * s) for p, f, s in
             zip(d["pix0_m"], d["fast_axis"], d["slow_axis"], strict=True)]
    assert pixel["position_m"] == pytest.approx(place, rel=1e-12)
    assert pixel["airpath_m"] == pytest.approx(math.hypot(*place), rel=1e-12)


def test_the_beam_centre_is_where_the_direct_beam_meets_the_detector(ask):
    found = one(ask, "-detector_rotx", "5", "-detector_roty", "-7", "-Xbeam", "1.3")
    d, beam = found["detector"], found["beam"]["direction"]
    x, y = d["beam_centre"]["pixel"]
    place = [p + d["pixel_m"] * (x * f + y * s) for p, f, s in zip(d["pix0_m"], d["fast_axis"], d["slow_axis"],
                                                                    strict=True)]
    assert place == pytest.approx([d["distance_m"] * b for b in beam], abs=1e-12)


def test_hkl_are_those_of_the_phi_step_asked_for(ask):
    scan = ("-phi", "10", "-osc", "4", "-phisteps", "4", "-describe_pixel", "2", "2")
    still = one(ask, "-phi", "12", "-describe_pixel", "2", "2")["pixels"][0]
    found = one(ask, *scan, "-describe_phistep", "2")
    assert found["spindle"]["phi_deg"] == pytest.approx([10, 11, 12, 13])
    assert found["pixels"][0]["phi_step"] == 2
    assert found["pixels"][0]["hkl"] == pytest.approx(still["hkl"], rel=1e-12)


@pytest.mark.parametrize("words, said", [
    ("-describe_pixel 20 0", "-describe_pixel: 20 0 is not on a detector of 20 x 30 pixels (fast x slow)"),
    ("-describe_pixel 0 -1", "-describe_pixel: 0 -1 is not on a detector of 20 x 30 pixels (fast x slow)"),
    ("-describe_pixel 1", "-describe_pixel: 2 values expected, 1 given"),
    ("-describe_pixel 1 x", "-describe_pixel: 'x' is not an integer"),
    ("-describe -describe_phistep 1", "-describe_phistep: there is no step 1 among 1 (the first is 0)")])
def test_what_is_not_there_is_one_line_and_no_document(ask, words, said):
    ran = ask([*CELL, *words.split()])
    assert ran.status == 2
    assert (ran.stdout, ran.stderr.partition(": error: ")[2]) == ("", said + "\n")


def test_warnings_stay_on_stderr(ask):
    ran = ask([*CELL, "-describe", "-mosaic_dom", "3"])
    assert json.loads(ran.stdout)["crystal"]["mosaic_domains"] == 1
    assert "-mosaic_domains has no effect" in ran.stderr
