"""How far the reference is from itself, and what that does to the verdict."""

import json
import math
from pathlib import Path

import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.verdict.noise_floor import NoiseFloor
from nbcompare.verdict.verdict import Check

JITTERY = 7919 * 5 % 101 + 1
"""The pixel of the small image that the jittery reference changes by a thousandth."""


@pytest.fixture
def run_repeated(nb, fake, small_case):
    """Run the small case with further keys and one threshold, the reference being that fake."""

    def call(keys, reference="jitter", threshold="{metric: max_abs_diff_of_peak, max: 1.0e-3, why: w}", *more,
             form="json"):
        head = small_case.read_text().partition("thresholds:")[0]
        small_case.write_text(f"{head}thresholds:\n  - {threshold}\n{keys}\n")
        engines = ("--c-bin", fake(reference), "--py-bin", fake("twin"))
        return nb("run", small_case, *engines, "-q", "--format", form, *more)

    return call


def test_a_reference_that_repeats_itself_is_called_deterministic(run_repeated):
    said = run_repeated("repeat: 2", form="text")
    assert said.code == 0
    assert "the reference is deterministic: bit-identical in 2 more runs (repeat-1, repeat-2)" in said.out
    assert "no noise" in said.out


def test_a_reference_that_depends_on_its_threads_is_told_with_the_margin(run_repeated):
    """One pixel of the value v counts a thousandth more: v 1e-6 of the peak of 1000, and 1e-3 is allowed."""
    said = run_repeated("threads: [1, 2]", form="text")
    assert said.code == 0
    assert "the reference differs from itself (threads-2)" in said.out
    assert f"{1e-3 / (JITTERY * 1e-3 / 1000):.3g} x" in said.out


def test_a_threshold_below_the_noise_is_an_error_of_the_case(run_repeated):
    said = run_repeated("threads: [2]", threshold="{metric: max_abs_diff_of_peak, max: 1.0e-6, rois: [full], why: w}\n"
                        "  - {metric: sum_ratio, min: 0.5, rois: [middle], why: w}")
    assert said.code == 1
    assert said.json["verdict"]["word"] == "CASE ERROR"
    assert "is below the reference's own noise" in said.json["verdict"]["reasons"][0]


def test_a_threshold_below_the_noise_is_no_pass_even_where_it_holds(run_repeated):
    """The subject here agrees with the reference to the last bit; the threshold still judges nothing."""
    said = run_repeated("threads: [2]", threshold="{metric: identity, min: 1, why: w}")
    figures = said.json["comparison"]["regions"][0]["figures"]
    assert {"metric": "identity", "value": 1.0, "undefined": None} in figures
    assert said.code == 1


def test_the_noise_is_kept_in_record_summary_and_files(run_repeated, nb):
    said = run_repeated("repeat: 1\nthreads: [2]")
    folder = Path(said.json["bundle"])
    noise = said.json["findings"]["noise"]
    assert [entry["name"] for entry in noise["repetitions"]] == ["repeat-1", "threads-2"]
    assert [entry["same_bytes"] for entry in noise["repetitions"]] == [True, False]
    assert json.loads((folder / "results/summary.json").read_text())["noise_floor"]["deterministic"] is False
    assert (folder / "noise/threads-2_float.bin").is_file() and (folder / "noise/repeat-1_stdout.txt").is_file()
    assert not (folder / "noise/repeat-1_float.bin").exists(), "an image that is there already is kept once"
    assert "OMP_NUM_THREADS=2" in (folder / "inputs/commands.txt").read_text()
    assert NoiseFloor.from_dict(noise).as_dict() == noise
    assert nb("verify", folder).code == 0


def test_an_option_asks_for_the_noise_of_any_case(run_repeated):
    said = run_repeated("", "good", "{metric: sum_ratio, min: 0.9, why: w}", "--noise-floor")
    assert [entry["name"] for entry in said.json["findings"]["noise"]["repetitions"]] == ["repeat-1", "threads-1",
                                                                                          "threads-2"]


def test_a_reference_that_fails_when_repeated_is_a_failed_engine(run_repeated):
    said = run_repeated("threads: [2]", "moody")
    assert said.code == 2
    assert said.json["verdict"]["reasons"] == ["the reference, run again (threads-2), ended with exit code 5"]


def test_a_failure_is_told_in_units_of_the_noise(run_repeated, nb, fake, small_case):
    run_repeated("threads: [2]", threshold="{metric: sum_ratio, min: 0.9, max: 1.1, why: w}")
    said = nb("run", small_case, "--c-bin", fake("jitter"), "--py-bin", fake("bright"), "-q")
    noise = JITTERY * 1e-3 / sum([*(i * 7919 % 101 + 1 for i in range(63) if i != 31), 1000])
    assert said.code == 3
    told = said.out.partition("the difference is ")[2].partition(" times")[0]
    assert float(told.replace(",", "")) == pytest.approx(125931 / noise, rel=1e-3)


def test_the_margin_is_the_width_of_the_threshold_over_the_noise():
    """Correlation 0.99 allows 0.01; the reference with itself gives 1 - 1e-6: ten thousand times narrower."""
    check = Check(Threshold("correlation", "full", 0.99, None, "w"), 1.0, True, None, 1 - 1e-6)
    assert check.margin == pytest.approx(1e4)
    two_sided = Threshold("sum_ratio", "full", 0.9, 1.3, "w")
    assert Check(two_sided, 1.0, True, None, 1.001).margin == pytest.approx(300)
    assert Check(two_sided, 1.0, True, None, 0.999).margin == pytest.approx(100)
    assert Check(two_sided, 1.0, True, None, 1.0).margin == math.inf
    assert Check(two_sided, 1.0, True).margin is None


def test_a_stored_reference_brings_its_noise_with_it(run_repeated, nb, fake, small_case):
    """Where the reference cannot be run, the noise is what its bundle knows; if it knows none, there is no pass."""
    known = run_repeated("threads: [2]").json["bundle"]
    said = nb("run", small_case, "--reference", known, "--py-bin", fake("twin"), "-q", "--format", "json")
    assert said.code == 0
    assert said.json["findings"]["noise"]["repetitions"][0]["name"] == "threads-2"
    assert nb("verify", said.json["bundle"]).code == 0
    small_case.write_text(small_case.read_text().replace("threads: [2]", "threads: [2, 3]"))
    said = nb("run", small_case, "--reference", known, "--py-bin", fake("twin"), "-q", "--format", "json")
    assert said.code == 8
    assert "the case asks for the reference's noise (threads-3)" in said.json["verdict"]["reasons"][0]


def test_the_page_of_a_bundle_tells_the_noise_and_every_margin(run_repeated, nb, tmp_path):
    said = run_repeated("threads: [1, 2]")
    assert nb("report", said.json["bundle"], "--html", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert "Noise: the reference differs from itself (threads-2)." in page
    assert f"{JITTERY * 1e-3 / 1000 / 1e-3:.2g} of the limit" in page
