"""explain and run --dry-run: what a run would rest on and start, and nothing is started."""

import shlex

import pytest

from tests.nbcompare.conftest import SMALL_CASE

CLAIM = """\
divergences:
  - {id: bright-peak, title: the brightest pixel is too high, engine: reference, emulate: [-emulate, phi-carryover],
     bounds: {full: {sum_ratio: {min: 0.98, max: 1.02}}}, why: it is so, reference: docs/emulations.md, owner: tests,
     expires: "2099-12-31"}
"""


@pytest.fixture
def values(nb, small_case):
    def call(*words):
        said = nb("explain", small_case, "--format", "json", *words).json
        return {entry["what"]: (entry["value"], entry["source"]) for entry in said["values"]}

    return call


def test_each_value_says_where_it_comes_from(values, nb, fake, tmp_path, monkeypatch):
    found = values()
    assert found["name"] == ("small", "small.yaml:1") and found["region middle"] == ("[2, 6, 2, 5]", "small.yaml:7")
    assert found["reference seconds"] == ("1800", "default") and found["reference"][1] == "default"
    (tmp_path / "nb-compare.yaml").write_text(f"engines: {{reference: {{command: {fake('good')}, environment: "
                                              "{set: {A: b}}}}\n")
    monkeypatch.setenv("NB_PY_BIN", str(fake("twin")))
    found = values("--c-args", "-N 5")
    assert found["reference"][1] == found["reference, variable A"][1] == "nb-compare.yaml"
    assert found["subject"][1] == "$NB_PY_BIN" and found["reference alone gets"] == ("-N 5", "the command line")
    assert str(fake("good")) in nb("explain", tmp_path / "small.yaml").out


def test_limits_variables_inputs_and_thresholds_say_their_line_or_option(values, small_case, tmp_path):
    (tmp_path / "P1.hkl").write_text("0 0 1 100\n")
    small_case.write_text(SMALL_CASE.replace("-flux 1e18", "-flux 1e18 -hkl P1.hkl") +
                          "limits: {reference_seconds: 60}\nenvironment: {MODE: fast}\n"
                          "inputs: {P1.hkl: {file: P1.hkl}}\n")
    found = values()
    assert found["reference seconds"] == ("60", "small.yaml:11") and found["subject seconds"][1] == "default"
    assert found["variable MODE"] == ("fast", "environment of the case")
    assert (found["correlation of full"][1], found["sum_ratio of full"][1]) == ("small.yaml:9", "small.yaml:10")
    assert found["input P1.hkl"][1] == "small.yaml:13" and found["bundle"] == ("bundles/small/STAMP", "default")
    (tmp_path / "other.hkl").write_text("0 0 1 50\n")
    found = values("--input", "P1.hkl=other.hkl", "--bundles", "kept")
    assert found["input P1.hkl"] == ("other.hkl", "--input") and found["bundle"] == ("kept/small/STAMP", "--bundles")


def test_a_dry_run_prints_commands_that_a_shell_takes_and_starts_nothing(nb, fake, small_case, tmp_path):
    text = small_case.read_text().replace("-flux 1e18", "-flux 1e18 -title 'a b'")
    small_case.write_text(text)
    said = nb("run", small_case, "--dry-run", "--c-bin", fake("crash"), "--py-bin", fake("crash"), "--noise-floor")
    assert said.code == 0 and not (tmp_path / "bundles").exists()
    commands = [shlex.split(line, comments=True) for line in said.out.splitlines() if not line.startswith("#")]
    assert [("OMP_NUM_THREADS=2" in words, words[-2:]) for words in commands] == [
        *[(False, ["-floatfile", "float.bin"])] * 4, (True, ["-floatfile", "float.bin"])]
    assert all("a b" in words for words in commands)
    small_case.write_text(f"{text}repeat: 3\n")
    repeated = nb("run", small_case, "--dry-run", "--c-bin", fake("crash"), "--py-bin", fake("crash")).out
    assert sum("# repeat-" in line for line in repeated.splitlines()) == 3


def test_a_failure_leads_to_the_case_beside_it_that_claims_what_is_known(nb, fake, tmp_path, quick_runs):
    """As supervisor.yaml does to supervisor-nanobragg.yaml, with the original C program."""
    (tmp_path / "small.yaml").write_text(SMALL_CASE)
    (tmp_path / "another.yaml").write_text(SMALL_CASE.replace("name: small", "name: another").replace("1e18", "1e17")
                                           + CLAIM)
    (tmp_path / "small-original.yaml").write_text(SMALL_CASE.replace("name: small", "name: small-original") + CLAIM)
    said = nb("run", "small.yaml", "--c-bin", fake("good"), "--py-bin", fake("bright"), "-q")
    (told,) = [row for row in said.out.splitlines() if row.startswith("  or ")]
    assert "nb-compare run small-original.yaml" in told and "reference: the brightest pixel is too high" in told
    assert "  or " not in nb("run", "small.yaml", "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q").out
