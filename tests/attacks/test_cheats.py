"""Subjects that compute nothing: they copy the reference's image, or reach for it."""

import ctypes
import json
import os
import stat
import sys
from importlib.util import cache_from_source
from pathlib import Path
from types import SimpleNamespace as Things

import numpy as np
import pytest

from nbcompare.bundle.check.recompute import recomputation_faults
from nbcompare.bundle.record import Record
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import identify
from nbcompare.engine.processes import strays
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder, protection
from nbcompare.engine.rendering.runs import Job, RunFiles
from nbcompare.engine.rendering.self_comparison import NEARLY_EQUAL, near_copy
from nbcompare.run.may_be_copied import why_maybe_copied
from tests.nbcompare.conftest import FAKES, SMALL_ARGS

WATCHED = pytest.mark.skipif(OpenCalls.why_not() is not None, reason="what a program opens is seen on Linux alone")

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


PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4


def in_evidence_folder(tmp_path, say=lambda job: None):
    """The roles of both jobs as they are run, by a renderer that gives no image; ``say`` is called in each run."""
    ran = []

    def run(job, *, folder, **_):
        folder.mkdir()
        ran.append(job.engine.role)
        say(job)
        return Rendering(Run(job.engine.role, (), Shape(1, 1), 1, 0.1, Failure("exit-code", "ended"), None), None)

    (tmp_path / "inputs").mkdir()
    jobs = {role: Job(Engine(role, role, (role,), "test"), (), Shape(1, 1), 1.0, tmp_path / "inputs")
            for role in ("reference", "subject")}
    places = {role: RunFiles(*(tmp_path / f"{role}-{name}" for name in ("image", "out", "err", "rest")))
              for role in jobs}
    found = EvidenceFolder(tmp_path, Things(run=run), Progress(quiet=True)).run_pair(jobs, places)
    assert list(found) == ["reference", "subject"], "told in the order that was asked for"
    return ran


def test_the_subject_runs_before_there_is_an_image_of_the_reference(tmp_path):
    assert in_evidence_folder(tmp_path) == ["subject", "reference"]


@WATCHED
def test_the_memory_with_the_images_is_closed_while_an_engine_runs(tmp_path):
    asked = ctypes.CDLL(None).prctl
    assert asked(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 and asked(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1
    strays._prctl.cache_clear()
    closed = []
    in_evidence_folder(tmp_path, lambda job: closed.append(asked(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0))
    assert closed == [True, True]


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


ROUNDS_A_PIXEL_OTHERWISE = """import sys
from array import array
if '-version' not in sys.argv:
    values = array('f', [float(i * 7919 % 101 + 1) for i in range(400)])
    values[200] = 1000.0
    values[5] *= 1 + 2 ** -22
    open(sys.argv[sys.argv.index('-floatfile') + 1], 'wb').write(values.tobytes())
"""


@WATCHED
def test_an_honest_program_that_rounds_a_pixel_otherwise_passes_and_says_so(nb, fake, script, small_case, quick_runs):
    """It was seen to read nothing that it could have copied. A record that says it of nobody is damaged."""
    text = small_case.read_text().replace("x 9 -detpixels_y 7", "x 20 -detpixels_y 20")
    small_case.write_text(text.replace("{fast: 9, slow: 7}", "{fast: 20, slow: 20}"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", script(ROUNDS_A_PIXEL_OTHERWISE), "-q")
    (folder,) = Path("bundles/small").iterdir()
    record = folder / "record.json"
    whole = json.loads(record.read_text())
    assert said.code == 0, said.out
    assert whole["findings"]["computed"] == ["subject"]
    assert any("seen to read neither the reference nor a file that could hold the image" in note
               for note in whole["notes"])
    assert nb("verify", folder).code == 0
    assert recomputation_faults(folder, Record.from_dict(whole)) == []
    whole["engines"][1]["opened"]["unseen"] = ["it asks another program"]
    assert "the verdict is PASS" in str(recomputation_faults(folder, Record.from_dict(whole)))
    whole["engines"][1]["opened"]["unseen"] = []
    del whole["findings"]["computed"]
    assert "the verdict is PASS" in str(recomputation_faults(folder, Record.from_dict(whole)))


@pytest.mark.parametrize(("did", "why"), [
    (lambda calls, at: calls.opened(at("last.bin", 200), os.O_RDONLY), "last.bin, which could hold the image"),
    (lambda calls, at: calls.opened(at("bundle/inputs/x.bin", 20), os.O_RDONLY), "x.bin, which could hold the image"),
    (lambda calls, at: calls.opened(str(FAKES / "good.py"), os.O_RDONLY), "good.py, which is the reference's"),
    (lambda calls, at: calls.opened(cache_from_source(FAKES / "good.py"), os.O_RDONLY), "which is the reference's"),
    (lambda calls, at: calls.run(str(FAKES / "good.py")), "good.py, which is the reference's"),
    (lambda calls, at: calls.unseen.update({"it asks another program": None}), "it asks another program"),
    (lambda calls, at: setattr(calls, "unwatched", "there is no Linux"), "was not seen"),
    (lambda calls, at: calls.opened(at("settings.json", 20), os.O_RDONLY), None),
    (lambda calls, at: calls.opened(at("more.py", 2000), os.O_RDONLY), None),
    (lambda calls, at: calls.opened(at("log.txt", 2000), os.O_WRONLY), None)])
def test_what_may_be_a_copy_that_was_touched_up_is_told_by_what_its_engine_read(fake, tmp_path, did, why):
    def at(name, size):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        return str(path)

    at("bundle/manifest-sha256.txt", 0)
    calls = FileUses()
    did(calls, at)
    theirs, ours = (identify(Engine(role, name, (sys.executable, str(fake(name))), "an option"))
                    for role, name in (("reference", "good"), ("subject", "silent")))
    said = why_maybe_copied(calls, ours, theirs, np.arange(100.0, dtype="<f4").reshape(10, 10))
    assert (said or "").endswith(why or "") and bool(said) is bool(why)
