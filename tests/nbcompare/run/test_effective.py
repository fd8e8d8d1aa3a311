"""explain and run --dry-run: what a run would rest on and start, and nothing is started."""

import shlex

import pytest


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


def test_a_dry_run_prints_commands_that_a_shell_takes_and_starts_nothing(nb, fake, small_case, tmp_path):
    text = small_case.read_text().replace("-flux 1e18", "-flux 1e18 -title 'a b'")
    small_case.write_text(text)
    said = nb("run", small_case, "--dry-run", "--c-bin", fake("crash"), "--py-bin", fake("crash"), "--noise-floor")
    assert said.code == 0 and not (tmp_path / "bundles").exists()
    commands = [shlex.split(line, comments=True) for line in said.out.splitlines() if not line.startswith("#")]
    assert [("OMP_NUM_THREADS=2" in words, words[-2:]) for words in commands] == [
        *[(False, ["-floatfile", "float.bin"])] * 4, (True, ["-floatfile", "float.bin"])]
    assert all("a b" in words for words in commands)
