"""An image in row bands is the image in one piece."""

from pathlib import Path

import pytest

from nbcompare.compare.image import Roi
from nbcompare.engine.rendering.row_bands import bands_of

CASE = """\
name: banded
title: t
command: -detpixels_x 11 -detpixels_y 23 -flux 1e18 {more}
image: {{fast: 11, slow: 23}}
rois: {{full: full}}
thresholds:
  - {{metric: sum_ratio, min: 0.99, max: 1.01, why: w}}
"""


@pytest.fixture
def run(nb, fake, tmp_path):
    """Run the case with the photons engine twice over and return its code and record."""

    def call(*words, more="", broken="nothing"):
        path = tmp_path / "case.yaml"
        path.write_text(CASE.format(more=more))
        said = nb("run", path, "-q", "--format", "json", "--c-bin", fake("photons"), "--py-bin", fake("photons"),
                  "--c-args", f"-broken {broken}", "--py-args", f"-broken {broken} -phisteps 1", *words)
        return said.code, said.json

    return call


def sums(record):
    return [made["image_sha256"] for made in record["runs"]]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 23, 40])
def test_every_row_is_in_exactly_one_band(count):
    bands = bands_of(Roi("rendered", 2, 8, 4, 26), count)
    assert [row for band in bands for row in range(band.ymin, band.ymax + 1)] == list(range(4, 27))
    assert len(bands) == min(count, 23) and {(band.xmin, band.xmax) for band in bands} == {(2, 8)}


@pytest.mark.parametrize("more", ["", "-roi 3 7 5 19", "-roi 2 8 6 100"])
def test_bands_make_the_same_bytes_as_one_piece(run, more):
    whole, banded = run(more=more), run("--shards", 4, more=more)
    assert whole[0] == banded[0] == 0
    assert sums(whole[1]) == sums(banded[1])
    assert [made["how"] for made in banded[1]["runs"]] == ["4 row bands"] * 2


def test_the_bundle_says_so_and_is_intact(nb, run):
    _, record = run("--shards", 3)
    assert "it was run as 3 row bands" in (Path(record["bundle"]) / "inputs/commands.txt").read_text()
    assert nb("verify", record["bundle"]).code == 0
    assert nb("show", record["bundle"]).out.count(" s, 3 row bands, exit code 0") == 2


def test_a_band_without_signal_is_no_failure(run):
    whole, banded = run(broken="dark"), run("--shards", 5, broken="dark")
    assert banded[0] == whole[0] == 0 and sums(whole[1]) == sums(banded[1])


def test_a_band_that_fails_fails_the_run_and_is_named(run):
    code, record = run("--shards", 2, broken="high")
    assert code == 2 and record["runs"][0]["failure"]["kind"] == "exit-code"
    assert "rows 11..22" in record["runs"][0]["failure"]["sentence"]


def test_pixels_that_are_no_number_are_compared_in_bands_too(nb, fake, small_case):
    """Where the case says so; else the run fails, in bands as in one piece."""
    text = small_case.read_text()
    words = ("run", small_case, "--format", "json", "--shards", 2, "--c-bin", fake("nan"), "--py-bin", fake("nan"))
    assert nb(*words).code == 2
    small_case.write_text(text + "nan: compare\n")
    said = nb(*words)
    assert said.json["runs"][0]["failure"] is None and sums(said.json)[0] == sums(said.json)[1], said.err
