"""The reference simulator builds without a word from the compiler and runs clean under the sanitizers."""

import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "simulator" / "reference"

OPTION_RICH = [
    "-phi 1 -osc 2 -phisteps 3 -mosaic 1 -mosaic_domains 3 -misset 10 20 30",
    "-divergence 1 -divsteps 3 -dispersion 1 -dispsteps 2 -polar 0.9 -oversample 2 -oversample_polar",
    "-xds -ORGX 10 -ORGY 12 -twotheta 20 -curved_det 1 -water 10 -oversample_omega",
    "-detector_thick 100 -detector_abs 50 -thicksteps 3 -oversample_thick -gauss_xtal -roi 3 20 40 50",
    "-misset random -misset_seed 3 -binary_spots -xtalsize 0.0001 -trace_pixel 5 6 -trace_json t.json",
    "-hkl small.hkl -interpolate -sourcefile two.src -seed 1",
    "-hkl small.hkl -detpixels -1",
    "-hkl broken.hkl",
    "-cell 1 1 1 120 120 120",
]


def make(folder, *settings, target="all"):
    command = ["make", "-s", "-j2", "-C", str(SOURCES), f"BUILD={folder}", *settings, target]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("settings", [("OPTIMIZE=-O2",), (), ("OPTIMIZE=-O0", "OPENMP=")])
def test_it_builds_without_a_warning(tmp_path, settings):
    made = make(tmp_path / "build", "CFLAGS=-Werror", *settings)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert (tmp_path / "build" / "nanobragg_reference").exists()


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sanitized")
    made = make(folder, target="sanitize")
    assert made.returncode == 0, made.stderr
    return folder / "sanitize" / "nanobragg_reference"


@pytest.mark.parametrize("options", OPTION_RICH)
def test_it_runs_clean_under_the_sanitizers(reference, sanitized, tmp_path, options):
    """Address and undefined-behaviour sanitizers end a run with another status than 0 or 2, and say so."""
    rows = (f"{h} {k} {l} {h * h + k + 9}" for h in range(-4, 5) for k in range(-4, 5) for l in range(-4, 5))
    (tmp_path / "small.hkl").write_text("\n".join(rows) + "\n")
    (tmp_path / "broken.hkl").write_text("1 2 3 4\n1 2 3\n")
    (tmp_path / "two.src").write_text("-10 0 0 1 1e-10\n-10 0.01 0 3\n")
    run = reference(options, binary=sanitized)
    assert run.status in (0, 2), run.stderr
    assert "runtime error" not in run.stderr and "Sanitizer" not in run.stderr


def test_the_version_is_one_line(reference):
    run = reference(argv=["-version"])
    assert run.status == 0
    assert run.stdout.startswith("nanobragg_reference 0.1.0 (C99, ")
    assert run.stdout.count("\n") == 1


def test_help_names_the_options_and_their_units(reference):
    run = reference(argv=["-h"])
    assert run.status == 0
    for words in ("-mat", "-hkl", "-detector_roty", "-wave", "-trace_pixel", "mm", "mrad", "deg"):
        assert words in run.stdout
