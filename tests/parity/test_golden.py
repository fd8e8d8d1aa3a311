"""60 measured images of the C program against the torch simulator that emulates it, and physics against physics.

The figures carried in golden.yaml are checked everywhere. Where the environment variable NB_GOLDEN names a folder
with the images themselves (images.npz, float32 [slow, fast] by id), every pixel is checked as well.
"""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from engines import PRECISE, relative_difference, run_program

HERE = Path(__file__).parent
COMMANDS = {entry["id"]: entry for entry in yaml.safe_load((HERE / "golden.yaml").read_text())}
OF_PEAK = 1e-6
"""Of the brightest pixel: ten units in the last place of float32."""

FEWEST_IDENTICAL = 55
"""Of 60: another maths library may round a sine or a root the other way, which shows in single pixels."""

NO_IMAGE = "NB_GOLDEN names no folder with the measured images"


def prepared_folder(home: Path, entry: dict) -> Path:
    folder = home / entry["id"]
    folder.mkdir()
    for name in entry["inputs"]:
        shutil.copy(HERE / "inputs" / name, folder)
    return folder


def images_of(home: Path, run) -> dict[str, np.ndarray]:
    """Every image, [slow, fast], that ``run(argv, folder)`` makes of the commands."""
    found = {}
    for name, entry in COMMANDS.items():
        ran = run(entry["argv"], prepared_folder(home, entry))
        assert ran.status == 0, f"{name}: {ran.stderr}"
        found[name] = ran.image("out.bin").reshape(entry["shape"])
    return found


@pytest.fixture(scope="module")
def emulated(torch_batch, tmp_path_factory):
    like_c = [*PRECISE, "-emulate", "all"]
    return images_of(tmp_path_factory.mktemp("emulated"), lambda argv, at: torch_batch.run([*argv, *like_c], at))


@pytest.fixture(scope="module")
def physics(torch_batch, tmp_path_factory):
    return images_of(tmp_path_factory.mktemp("physics"), lambda argv, at: torch_batch.run([*argv, *PRECISE], at))


@pytest.fixture(scope="module")
def referenced(reference_binary, tmp_path_factory):
    return images_of(tmp_path_factory.mktemp("referenced"), lambda argv, at: run_program(reference_binary, argv, at))


def test_the_table_is_of_sixty_commands():
    assert len(COMMANDS) == 60


@pytest.mark.parametrize("name", COMMANDS)
def test_emulation_gives_the_measured_figures(emulated, name):
    image, entry = emulated[name].astype(np.float64), COMMANDS[name]
    within = OF_PEAK * entry["max"]
    assert image.max() == pytest.approx(entry["max"], abs=within)
    assert image[tuple(entry["max_position"])] == pytest.approx(entry["max"], abs=within)
    for slow, fast, value in entry["pixels"]:
        assert image[slow, fast] == pytest.approx(value, abs=within), (slow, fast)
    assert image.sum() == pytest.approx(entry["sum"], rel=OF_PEAK)
    assert image.mean() == pytest.approx(entry["mean"], rel=OF_PEAK)


def test_emulation_gives_the_measured_images_bit_for_bit(emulated):
    differ = [name for name, image in emulated.items()
              if hashlib.sha256(image.tobytes()).hexdigest() != COMMANDS[name]["sha256"]]
    assert len(COMMANDS) - len(differ) >= FEWEST_IDENTICAL, differ


@pytest.mark.skipif(not os.environ.get("NB_GOLDEN"), reason=NO_IMAGE)
def test_emulation_gives_the_measured_images_in_every_pixel(emulated):
    expected = np.load(Path(os.environ["NB_GOLDEN"], "images.npz"))
    for name, entry in COMMANDS.items():
        assert hashlib.sha256(expected[name].tobytes()).hexdigest() == entry["sha256"]
        assert relative_difference(emulated[name], expected[name]) <= OF_PEAK, name


@pytest.mark.parametrize("name", COMMANDS)
def test_both_simulators_do_the_same_physics(physics, referenced, name):
    assert relative_difference(physics[name], referenced[name]) <= OF_PEAK


def test_both_simulators_do_the_same_physics_bit_for_bit(physics, referenced):
    differ = [name for name in COMMANDS if physics[name].tobytes() != referenced[name].tobytes()]
    assert len(COMMANDS) - len(differ) >= FEWEST_IDENTICAL, differ


def test_physics_differs_from_the_c_program_only_where_a_defect_acts(physics, emulated):
    """27 of the 60 exercise none of the defects."""
    same = [name for name in COMMANDS if relative_difference(physics[name], emulated[name]) <= OF_PEAK]
    assert len(same) == 27
