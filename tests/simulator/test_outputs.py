"""Files that the torch simulator writes: whole or not at all, without a whole image in memory."""

import io
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest

from nanobrag_torch.batch import run_batch
from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io import atomic
from nanobrag_torch.io.atomic import atomic_output
from nanobrag_torch.io.floatfile import float_image

SHAPE = (5, 7)

PROGRAM = (f"{sys.executable} -m nanobrag_torch -cell 100 100 100 90 90 90 -default_F 100 -N 5 -lambda 1 -distance 100 "
           "-pixel 0.1 -oversample 1 -nonoise")


@pytest.fixture(params=["without a name", "with a name", "copied to a name"])
def way(request, monkeypatch):
    """The ways to let a file appear: on systems that know files without a name, on others, and where such a file cannot
    be given one afterwards."""

    def refused(*names, **options):
        raise PermissionError(1, "Operation not permitted")

    if request.param == "with a name":
        monkeypatch.setattr(atomic, "_unnamed", lambda folder: None)
    elif request.param == "copied to a name":
        monkeypatch.setattr(os, "link", refused)


def test_a_file_appears_when_all_is_written(tmp_path, way):
    path = tmp_path / "out"
    path.write_text("before")
    with atomic_output(path) as stream:
        stream.write(b"after")
        stream.flush()
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_gets_its_name_without_a_copy(tmp_path):
    stream = atomic._unnamed(tmp_path)
    if stream is None:
        pytest.skip("this file system has no files without a name")
    stream.close()
    with atomic_output(tmp_path / "out") as stream:
        written = os.fstat(stream.fileno()).st_ino
    assert (tmp_path / "out").stat().st_ino == written


def test_the_files_of_a_batch_are_not_forced_to_the_disk(tmp_path, monkeypatch, way):
    """Those of a command of its own are, the image among them."""
    forced = []
    monkeypatch.setattr(os, "fsync", forced.append)

    def run(words, read_from, write_to):
        with float_image(write_to / words[0], SHAPE) as image:
            image.flush()
        return 0

    asked = json.dumps({"argv": ["image"], "folder": str(tmp_path)})
    answer = io.StringIO()
    assert run_batch(run, [], io.StringIO(f"{asked}\n"), answer) == 0
    assert json.loads(answer.getvalue())["exit_code"] == 0 and (tmp_path / "image").stat().st_size == 4 * 35
    assert not forced
    run(["again"], tmp_path, tmp_path)
    assert len(forced) >= 2


def test_a_file_that_fails_leaves_what_was_there(tmp_path, way):
    path = tmp_path / "out"
    path.write_text("before")
    with pytest.raises(ValueError, match="broken on purpose"), atomic_output(path) as stream:
        stream.write(b"after")
        raise ValueError("broken on purpose")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out"]


def test_a_new_file_has_the_rights_that_others_have(tmp_path, way):
    (tmp_path / "other").touch()
    with atomic_output(tmp_path / "out") as stream:
        stream.write(b"text")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_pixels_are_set_by_forked_processes_and_read_back(tmp_path, way):
    path, wanted = tmp_path / "out.bin", np.zeros(SHAPE, np.float32)
    wanted[1:3], wanted[3:5, 2:6] = np.arange(14).reshape(2, 7), [[1.5, 2.5, 3.5, 4.5], [5.5, 6.5, 7.5, 8.5]]
    with float_image(path, SHAPE) as image:
        child = os.fork()
        if not child:
            image[1:3, 0:7] = wanted[1:3]
            os._exit(0)
        image[3:5, 2:6] = wanted[3:5, 2:6].astype(np.float64)
        os.waitpid(child, 0)
        assert (image[0:2] == wanted[:2]).all() and (image[2:5] == wanted[2:]).all()
        assert not path.exists()
    assert (np.fromfile(path, "<f4").reshape(SHAPE) == wanted).all()


def test_a_disk_without_room_is_told_before_rendering(tmp_path):
    """A limit on the size of files stands for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(InputFileError, match="out.bin: cannot be written: File too large"):
            with float_image(tmp_path / "out.bin", SHAPE):
                pytest.fail("went on to render")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == []


def test_a_device_takes_the_float_image(simulated, tmp_path):
    assert simulated("-floatfile /dev/null").status == 0
    assert sorted(os.listdir(tmp_path)) == ["image.pgm", "intimage.img"]


def test_no_float_image_without_the_others(simulated):
    """/dev/full takes no byte."""
    run = simulated("-intfile /dev/full")
    assert run.status == 2
    assert "/dev/full: cannot be written" in run.stderr
    assert not (run.folder / "floatimage.bin").exists()


def test_a_killed_run_leaves_nothing(tmp_path):
    stream = atomic._unnamed(tmp_path)
    if stream is None:
        pytest.skip("this file system has no files without a name")
    stream.close()
    command = f"{PROGRAM} -detpixels 2000 -phisteps 300 -osc 90".split()
    run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert any("% done" in line for line in run.stdout)
    assert os.listdir(tmp_path) == []
    run.kill()
    run.wait()
    run.stdout.close()
    time.sleep(0.1)
    assert os.listdir(tmp_path) == []


def test_an_image_four_times_as_large_takes_no_more_memory(tmp_path):
    """A float32 image of the larger would be 12 MB more."""

    def peak_mb(pixels):
        command = f"{PROGRAM} -detpixels {pixels} -threads 1".split()
        run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(run.pid, 0)
        assert status == 0
        return usage.ru_maxrss / 1024

    assert peak_mb(2048) < peak_mb(1024) + 6
