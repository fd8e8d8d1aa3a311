"""Trace, reduce, sweep and shards on the programs of this project, as a user asks for them."""

import json
from pathlib import Path

import pytest

from nbcompare.cli import run

WITHOUT_FLUX = Path(__file__).resolve().parents[1] / "fakes" / "without_flux.py"
CRYSTAL = ("-cell", "50", "60", "70", "80", "95", "105", "-default_F", "100", "-Na", "5", "-Nb", "6", "-Nc", "7",
           "-lambda", "1", "-distance", "100", "-detpixels", "64", "-pixel", "0.4", "-oversample", "1", "-nonoise",
           "-nopgm", "-phi", "1", "-osc", "2", "-phisteps", "3", "-exposure", "1", "-flux", "1e18", "-beamsize", "1.0")


@pytest.fixture
def nb(tmp_path, monkeypatch, capsys, served_torch):
    """Call nb-compare in an empty folder with the bundled programs; its exit code and JSON."""
    for name in ("NB_C_BIN", "NB_PY_BIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = run([*map(str, words)])
        return code, json.loads(capsys.readouterr().out)

    return call


def case(path, command, more=""):
    path.write_text(f"name: small\ntitle: t\ncommand: {' '.join(command)}\nimage: {{fast: 64, slow: 64}}\n"
                    "rois: {full: full}\nthresholds:\n  - {metric: max_abs_diff_of_peak, max: 1.0e-6, why: w}\n" + more)
    return path


def test_all_factors_of_both_programs_agree(nb):
    """Three phi steps of everything: no factor differs, and the traced values are those of the images."""
    code, found = nb("trace", "-q", "--format", "json", "--", *CRYSTAL)
    assert code == 0
    for pixel in found["pixels"]:
        assert pixel["notes"] == [] and pixel["not_compared"] == []
        assert {"F_latt", "intensity", "position_m", "hkl"} <= {factor["name"] for factor in pixel["factors"]}


def test_the_lost_flux_is_the_first_factor_to_differ(nb):
    """1.2593e29 in place of 1e24: the whole ratio of 125,932 is the fluence's."""
    code, found = nb("trace", "-q", "--format", "json", "--pixel", 20, 30, "--py-bin", WITHOUT_FLUX, "--", *CRYSTAL)
    pixel, = found["pixels"]
    assert code == 3 and pixel["first"]["name"] == "fluence_per_m2"
    assert pixel["first"]["options"] == ["-exposure", "1", "-flux", "1e18", "-beamsize", "1.0"]
    assert pixel["shares"]["ratio"] == pytest.approx(125932.015, rel=1e-6)
    fluence = next(share for share in pixel["shares"]["factors"] if share["factor"] == "fluence")
    assert fluence["share"] == pytest.approx(1, abs=1e-9)


def test_the_lost_flux_is_reduced_to_the_pair_that_matters(nb, tmp_path):
    """-beamsize is needed too: without it the ratio would be 1,259."""
    code, found = nb("reduce", "-q", "--format", "json", "--cache", tmp_path / "cache", "--py-bin", WITHOUT_FLUX, "--",
                     *CRYSTAL)
    assert code == 3 and found["needed"] == ["-flux 1e18", "-beamsize 1.0"]
    assert found["engine_runs"] < 60 and "subject: batch" in found["engines"]


def test_row_bands_are_the_whole_image_bit_for_bit(nb, tmp_path):
    path = case(tmp_path / "small.yaml", CRYSTAL)
    whole, banded = (nb("run", path, "-q", "--format", "json", *words) for words in ((), ("--shards", 2)))
    assert whole[0] == banded[0] == 0
    assert [made["image_sha256"] for made in whole[1]["runs"]] == [made["image_sha256"] for made in banded[1]["runs"]]


def test_a_sweep_keeps_the_simulator_running_and_says_so(nb, tmp_path):
    path = case(tmp_path / "small.yaml", CRYSTAL, "matrix: {axes: {-phi: [0, 1, 2], size: {small: [], large: -N 9}}}\n")
    code, found = nb("sweep", path, "-q", "--format", "json", "--jobs", 1)
    assert code == 0 and found["run"] == 6
    records = [json.loads((Path(result["bundle"]) / "record.json").read_text()) for result in found["results"]]
    assert {tuple(made["how"] for made in record["runs"]) for record in records} == {("process", "batch")}
