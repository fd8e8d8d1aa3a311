"""nb-compare diagnose --quick on images made here: the cause that is right stands first, and equal images have none."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.case.arguments.command import parse_command
from nbcompare.case.arguments.options import all_options
from nbcompare.errors import ExitCode
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.finders.echo import LINES
from nbcompare.explain.diagnose.hypotheses import value_table
from nbcompare.explain.diagnose.search.predicted import ANOTHER_PATTERN, MAY_MOVE_SPOTS

SHAPE = (60, 72)
ARGS = ("-detpixels_x", "72", "-detpixels_y", "60", "-pixel", "0.1", "-distance", "100", "-lambda", "1", "-cell", "100",
        "-default_F", "100", "-N", "5", "-flux", "1e18", "-exposure", "1", "-beamsize", "1", "-nonoise")


def spots(shape=SHAPE, dy=0.0, dx=0.0):
    """A smooth image of round spots of different brightness, float32 [slow, fast]."""
    draw = np.random.default_rng(5)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 0.01)
    for _ in range(25):
        centre = draw.uniform(4, shape[0] - 4) + dy, draw.uniform(4, shape[1] - 4) + dx
        image += draw.uniform(1, 100) * np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 3)
    return image.astype("<f4")


@pytest.fixture
def diagnosed(nb, tmp_path):
    """Diagnose a subject against the reference image, quickly; returns the exit code and the causes."""

    def call(subject, reference=None):
        (spots() if reference is None else reference).tofile(tmp_path / "ref.bin")
        subject.astype("<f4").tofile(tmp_path / "subject.bin")
        said = nb("diagnose", "--quick", "--format", "json", tmp_path / "ref.bin", tmp_path / "subject.bin", "--",
                  *ARGS)
        return said.code, said.json

    return call


def test_equal_images_have_no_cause(diagnosed):
    code, found = diagnosed(spots())
    assert code == ExitCode.PASS and found["agree"] and found["causes"] == []


def test_rounding_alone_is_no_difference(diagnosed):
    code, found = diagnosed(spots() * np.float32(1 + 1e-7))
    assert code == ExitCode.PASS and found["causes"] == []


def test_the_default_fluence_is_recognised_by_its_ratio(diagnosed):
    """flux * exposure / beamsize^2 = 1e18 / (1e-3)^2 = 1e24; the default is 1/r_e^2 = 1.2593e29."""
    code, found = diagnosed(spots() * 125932.015286227)
    assert code == ExitCode.DIFFERS
    assert found["causes"][0]["id"] == "fluence-default"
    assert "1.2593e29" in found["causes"][0]["sentence"] and "1e24" in found["causes"][0]["sentence"]


@pytest.mark.parametrize("change, id", [
    (lambda image: image * 1.01873, "scale-factor"),
    (lambda image: image[:, ::-1], "flipped-fast"),
    (lambda image: image[::-1], "flipped-slow"),
    (lambda image: np.where(image > 40, 40, image), "clipped"),
    (lambda image: image.byteswap(), "wrong-endian"),
])
def test_a_plain_change_of_the_image_is_named_first(diagnosed, change, id):
    code, found = diagnosed(np.ascontiguousarray(change(spots())))
    assert code == ExitCode.DIFFERS
    assert found["causes"][0]["id"] == id, [cause["id"] for cause in found["causes"]]


def test_a_short_file_is_a_matter_of_shape(nb, tmp_path):
    spots().tofile(tmp_path / "ref.bin")
    spots()[:-9].tofile(tmp_path / "subject.bin")
    said = nb("diagnose", "--quick", tmp_path / "ref.bin", tmp_path / "subject.bin", "--", *ARGS)
    assert said.code == ExitCode.SHAPE and "Traceback" not in said.err


def test_every_cause_stands_in_one_module_and_none_is_entered_by_importing_another():
    code = ("import nbcompare.explain.diagnose.causes as causes; before = list(causes.CATALOGUE)\n"
            "import nbcompare.explain.diagnose.diagnose, nbcompare.explain.diagnose.search.search\n"
            "assert list(causes.CATALOGUE) == before and len(before) > 300")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_topic_says_which_causes_move_the_spots_and_what_an_echo_speaks_for():
    assert {"misset-value", "matrix-transposed", "convention-value"} <= ANOTHER_PATTERN <= MAY_MOVE_SPOTS
    assert {"cell-value", "distance-value", "phi-value"} & ANOTHER_PATTERN == set()
    fluence = next(line for line in LINES if line.key == "fluence")
    spoken = {id for id, entry in causes.CATALOGUE.items() if entry.topic in fluence.speaks_for}
    assert {"fluence-default", "exposure-ignored", "beamsize-unit"} <= spoken
    assert not any(id.startswith("echo-") for id in spoken)


@pytest.mark.parametrize("option", all_options(), ids=lambda option: option.name)
def test_every_option_of_the_table_has_mistakes_that_are_in_the_catalogue_or_none(option):
    for values in (("1",) * max(option.count, 1), ("0.25",) * max(option.count, 1), ("x",) * max(option.count, 1)):
        command = parse_command(("-N", "3", option.name, *(values if option.count else ())))
        for row in value_table.rows(SimpleNamespace(command=command)):
            assert row.id in causes.CATALOGUE and row.words and row.command != command
