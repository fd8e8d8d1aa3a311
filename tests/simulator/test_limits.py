"""Work and memory have stated limits, which both programs keep before they begin, in the same words."""

import os
import select
import signal
import subprocess
import sys

import pytest

from tests.simulator.conftest import BASE

GB = 2**30
TOO_LARGE = [
    "-mosaic 1 -mosaic_domains 1000000000",
    "-detector_thick 100 -detector_thicksteps 1000000000",
    "-oversample 1000000",
    "-phisteps 1000000000",
    "-phistep 1e-9 -osc 1",
    "-phistep 1e-19 -osc 1",
    "-phistep 1e-320 -osc 1",
    "-divsteps 100000 -divergence 1",
    "-hdivrange 1 -hdivstep 1e-12",
    "-dispsteps 2000000000 -dispersion 1",
    "-detpixels 2000000000",
    "-detpixels 100000 -roi 0 1 0 1",
    "-cell 1e-3 1e-3 1e-3 90 90 90 -xtalsize 1 -beamsize 1 -oversample 0",
    "-xtalsize 1e300 -beamsize -1",
    "-pixel 1e300 -oversample 0",
    "-detpixels 0 -detsize 1e300",
    "-detpixels 20000 -oversample 60 -describe",  # its terms; then those of a pixel, and its memory
    "-oversample 10500 -roi 0 0 0 0 -describe",
    "-detpixels 50000 -roi 0 0 0 0 -describe",
    "-hkl /dev/zero", "-mat pipe", "-img pipe", "-mask /dev/zero", "-sourcefile pipe", "-stol /dev/zero", "-dump pipe",
    "-hkl huge",
]
ALLOWED = ["-detpixels 4096 -phisteps 100",
           "-detpixels 1024 -mosaic 1 -mosaic_domains 100 -dispersion 1 -dispsteps 100"]
NO_NUMBERS = ["-N \u0663", "-fluence \u0661\u0662", "-phi 1_0", "-phi \uff11", "-N 2147483648",
              "-mosaic_seed 99999999999", "-trace_pixel \u0661 1", "-phi nan", "-phi 0x10", "-phi 1e999"]


@pytest.fixture
def inputs(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge", "wb") as stream:
        stream.truncate(5 * GB)
    return tmp_path


def without_name(text: str) -> str:
    return text.replace("nanobragg_reference: ", "").replace("nanobrag_torch: ", "")


@pytest.mark.parametrize("options", [*TOO_LARGE, *NO_NUMBERS])
def test_both_refuse_the_same_in_one_line(reference, simulated, inputs, monkeypatch, options):
    before = sorted(os.listdir(inputs))
    monkeypatch.chdir(inputs)
    said, also = reference(options), simulated(options)
    assert (said.status, also.status) == (2, 2)
    assert said.stderr.count("\n") == 1 and said.stderr.startswith("nanobragg_reference: error: ")
    assert without_name(said.stderr) == without_name(also.stderr)
    assert sorted(os.listdir(inputs)) == before


@pytest.mark.parametrize("options", ALLOWED)
def test_what_people_run_is_allowed(reference, simulated, options):
    """Described, as that is checked in the same way and renders nothing."""
    assert reference(f"{options} -describe").status == 0 and simulated(f"{options} -describe").status == 0


def test_the_line_has_the_estimate_and_the_way_on(reference):
    """32 x 32 pixels of 1e5 x 1e5 terms, at 2 million a second: 1.02e13 terms, 1420 hours."""
    said = reference("-oversample 100000").stderr
    assert "1024 pixels" in said and "1.02e+13 terms" in said and "1.4e+03 hours" in said and "-force" in said


def test_force_goes_on(reference, simulated):
    """One pixel of 1.1e8 terms is just over the limit; describing it renders nothing."""
    options = "-oversample 10500 -roi 0 0 0 0 -describe"
    assert reference(options).status == simulated(options).status == 2
    assert reference(f"{options} -force").status == simulated(f"{options} -force").status == 0


def test_force_reads_a_pipe(reference, inputs):
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(inputs / 'pipe')!r}, 'w').write('0 0 0 100\\n' * 10)"])
    assert reference("-hkl pipe -force").status == 0
    writer.wait()


@pytest.mark.parametrize("count", [100_000, 1025, 2**31 - 1])
def test_more_threads_than_there_can_be_are_an_error(simulated, count):
    said = simulated(f"-threads {count}")
    assert said.status == 2 and said.stderr.count("\n") == 1 and "-threads" in said.stderr


def test_warnings_reach_the_user_though_files_are_read_in_another_process(tmp_path):
    said = subprocess.run([sys.executable, "-m", "nanobrag_torch", *BASE, "-mosaic_domains", "5"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 0 and "-mosaic_domains has no effect" in said.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("last", ["-trace_pixel 1 1 -trace_json /dev/full", "-pgmfile /dev/full", "-intfile /dev/full"])
def test_no_output_is_left_when_a_later_one_fails(reference, simulated, last):
    for run in (reference, simulated):
        said = run(last)
        assert said.status == 2 and "No space left" in said.stderr and said.stderr.count("\n") == 1
        assert os.listdir(said.folder) == []


@pytest.mark.parametrize("program", ["reference", "torch"])
def test_nothing_is_left_of_a_killed_run(reference_binary, tmp_path, program):
    """Its second output is a pipe that holds less than the image: it waits there when the first is complete."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    start = [str(reference_binary)] if program == "reference" else [sys.executable, "-m", "nanobrag_torch"]
    with subprocess.Popen([*start, *BASE, "-detpixels", "512", "-intfile", "pipe", "-nopgm"], cwd=tmp_path,
                          stdout=subprocess.DEVNULL) as process:
        assert select.select([reader], [], [], 60)[0]
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    os.close(reader)
    assert os.listdir(tmp_path) == ["pipe"]
