"""Subjects that compute nothing: they copy the reference's image, or reach for it."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from nbcompare.engine.rendering.evidence_folder import protection
from nbcompare.engine.rendering.self_comparison import NEARLY_EQUAL, near_copy
from tests.nbcompare.conftest import SMALL_ARGS

SEARCHES = """\
import glob, os, sys
if "-version" in sys.argv:
    raise SystemExit
size = 9 * 7 * 4
found = [path for path in glob.glob("../**", recursive=True) + glob.glob(f"/proc/{os.getppid()}/fd/*")
         if os.path.isfile(path) and os.path.getsize(path) == size]
with open("float.bin", "wb") as image:
    image.write(open(found[0], "rb").read() if found else b"")
"""
OVERWRITES = """\
import os, sys
sys.path.insert(0, {fakes!r})
from _image import pixels, write
if "-version" in sys.argv:
    raise SystemExit
write(pixels(2.0))
write(pixels(2.0), "../c_float.bin")
"""


@pytest.fixture
def script(tmp_path, fake):
    def make(text):
        path = tmp_path / "cheat.py"
        path.write_text(text.replace("{fakes!r}", repr(str(fake("good").parent))))
        return path

    return make


@pytest.mark.parametrize("text", [SEARCHES, OVERWRITES])
@pytest.mark.parametrize("form", ["one-shot", "run"])
def test_no_image_of_the_reference_is_there_to_be_copied_or_overwritten(nb, fake, small_case, script, text, form):
    words = ("--c-bin", fake("good"), "--py-bin", script(text), "-q")
    said = nb("run", small_case, *words) if form == "run" else nb("--outdir", "out", *words, "--", *SMALL_ARGS)
    assert said.code == 2, said.out
    assert "subject wrote" in said.out
    if text is OVERWRITES:
        assert "outside its own folder: added c_float.bin" in said.out


def test_neither_is_one_of_the_subject_for_the_reference(nb, fake, script):
    said = nb("--outdir", "out", "--c-bin", script(SEARCHES), "--py-bin", fake("good"), "-q", "--", *SMALL_ARGS)
    assert said.code == 2 and "reference wrote" in said.out


def test_the_record_says_which_protection_held(run_small):
    _, folder = run_small()
    line = next(line for line in (folder / "inputs/env.txt").read_text().splitlines() if line.startswith("images="))
    assert line == f"images={protection()}" and "the subject ran first" in line


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can look as another user")
def test_the_superuser_is_not_said_to_be_kept_out():
    assert "open to processes of the superuser" in protection()


# --- copies that were touched up --------------------------------------------------------------------------------------

IMAGE = np.random.default_rng(1).uniform(1, 100, (50, 40)).astype("<f4")
TWO = ("a" * 64, "b" * 64)


def touched(pixels, ulp):
    image = IMAGE.copy()
    image.view("<i4").ravel()[:pixels] += ulp
    return image


@pytest.mark.parametrize(("pixels", "ulp", "found"), [(1, 1, True), (8, 4, True), (9, 1, False), (1, 5, False),
                                                      (0, 0, False), (2000, 1, False)])
def test_a_few_pixels_off_by_a_few_ulp_are_a_near_copy(pixels, ulp, found):
    said = near_copy(TWO, IMAGE, touched(pixels, ulp))
    assert bool(said) is found
    if found:
        assert said.startswith(f"{NEARLY_EQUAL} {pixels} of 2000 pixels, which are at most {ulp} units")


def test_one_program_with_other_arguments_may_give_a_near_copy():
    assert near_copy((TWO[0], TWO[0]), IMAGE, touched(1, 1)) is None


def test_a_near_copy_passes_neither_run_nor_one_shot_nor_verify(nb, fake, small_case, script):
    text = ("import sys\nsys.path.insert(0, {fakes!r})\nfrom _image import pixels, write\n"
            "if '-version' not in sys.argv:\n    values = pixels()\n    values[5] *= 1 + 2 ** -22\n    write(values)\n")
    size = ("-detpixels_x", "20", "-detpixels_y", "20", "-flux", "1e18")
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", script(text), "-q", "--", *size)
    assert said.code == 8 and NEARLY_EQUAL in said.out
    small_case.write_text(small_case.read_text().replace("-detpixels_x 9 -detpixels_y 7", " ".join(size[:4])).replace(
        "{fast: 9, slow: 7}", "{fast: 20, slow: 20}"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", script(text), "-q")
    (folder,) = Path("bundles/small").iterdir()
    assert said.code == 8 and NEARLY_EQUAL in said.out
    assert nb("verify", folder).code == 0
    record = folder / "record.json"
    record.chmod(stat.S_IRUSR | stat.S_IWUSR)
    sentence = next(line for line in record.read_text().splitlines() if NEARLY_EQUAL in line)
    record.write_text(record.read_text().replace(sentence.strip().strip('",'), "", 1))
    assert nb("verify", folder).code == 6
