"""A result that lies where a form was asked for is never of an earlier call: whatever ended this one, it says so."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import junitparser
import numpy as np
import pytest

from nbcompare.cli import main, run
from nbcompare.commands.result_forms import JUDGES
from tests.nbcompare.documents import commands_with_json, faults

FORMS = ("--junit", "out.xml", "--markdown", "out.md")
WRONG = {"run": ("run", "none.yaml"), "sweep": ("sweep", "none.yaml"), "check": ("check", "none"),
         "images": ("images", "none.npy", "none.npy"), "compare": ("compare", "none", "none"),
         "gate": ("gate", "N9", "--phases", "none.yaml")}
MISUSED = {name: (*words, "--nonsense", "1") for name, words in WRONG.items()}


@pytest.fixture(autouse=True)
def earlier(nb):
    """The results of an earlier call, which passed."""
    Path("out.xml").write_text('<testsuites tests="1"><testsuite name="old" tests="1"/></testsuites>')
    Path("out.md").write_text("## nb-compare: 1 of 1 accepted\n")


def errors(path="out.xml"):
    """What the error of each test in a file says."""
    return [test.result[0].text for suite in junitparser.JUnitXml.fromfile(str(path)) for test in suite
            if test.result and isinstance(test.result[0], junitparser.Error)]


def assert_told(sentence, path="out.xml"):
    assert any(sentence in text for text in errors(path)), errors(path)
    plain = Path("out.md").read_text().replace("\\", "")
    assert "ERROR: " in plain and sentence in plain and "1 of 1" not in plain


def test_the_commands_that_take_the_forms_are_known_before_they_are_called():
    takers = {name for name in main.list_commands(None)
              for option in main.get_command(None, name).params if "--junit" in option.opts}
    assert takers == set(JUDGES)


@pytest.mark.parametrize(("words", "sentence"), [(words, "none") for words in WRONG.values()]
                         + [(words, "No such option") for words in MISUSED.values()])
def test_every_form_tells_what_ended_this_call(nb, words, sentence):
    told = nb(*words, *FORMS, "--format", "json", "--github")
    assert told.code in (1, 5, 6) and told.out.count("schema_version") == 1
    assert (told.json["kind"], told.json["exit_code"], told.json["results"]) == ("nb-compare error", told.code, [])
    assert sentence.lower() in told.json["error"]["text"].lower()
    assert_told(sentence)
    assert "::error " in told.err

    lines = [json.loads(line) for line in nb(*words, "--format", "jsonl").out.splitlines()]
    assert [line["event"] for line in lines] == ["begin", "fault", "end"]
    assert [fault for line in lines for fault in faults(line, "events")] == []
    assert lines[-1]["exit_code"] == told.code


@pytest.mark.parametrize("words", [
    ("run", "small.yaml", *FORMS, "--shards", "many"), ("run", *FORMS), ("--junit=out.xml", "--markdown=out.md", "run"),
    ("rnu", "small.yaml", *FORMS), ("run", "small.yaml", *FORMS, "--junit"), ("run", *FORMS, "--c-args"),
    ("run", "small.yaml", *FORMS, "--dry-run"), ("images", "a", "b", *FORMS, "--case", "c", "--roi", 1, 2, 3, 4)])
def test_a_command_line_that_is_refused_is_an_error_in_its_files(nb, small_case, words):
    assert nb(*words).code == 1
    assert len(errors()) == 1 and "ERROR" in Path("out.md").read_text()


@pytest.mark.parametrize("words", [("run", "--help", *FORMS), ("list", *FORMS), ("run", "none.yaml", "--", *FORMS),
                                   ("run", "none.yaml", "--c-args", "--junit", "--py-args=--markdown", "out.md")])
def test_what_is_no_option_for_results_touches_no_file(nb, words):
    nb(*words)
    assert "old" in Path("out.xml").read_text() and "1 of 1" in Path("out.md").read_text()


def test_what_was_judged_before_a_fault_is_told_in_one_document(nb, fake, small_case, quick_runs):
    Path("x.dat").write_text("1")
    Path("other.yaml").write_text(small_case.read_text().replace("name: small", "name: other")
                                  + f"inputs: {{x.dat: {{file: x.dat, sha256: {'0' * 64}}}}}\n")
    engines = ("--c-bin", fake("good"), "--py-bin", fake("bright"), "-q")
    told = nb("run", small_case, "other.yaml", *engines, *FORMS, "--format", "json")
    assert told.code == told.json["exit_code"] != 0 and told.json["error"]["case"] == "other"
    assert [(one["case"]["name"], one["verdict"]["word"]) for one in told.json["results"]] == [("small", "FAIL")]
    suites = list(junitparser.JUnitXml.fromfile("out.xml"))
    assert [(suite.name, suite.failures, suite.errors) for suite in suites] == [("small", 2, 0), ("other", 0, 1)]
    assert "| FAIL | small |" in Path("out.md").read_text() and "ERROR: " in Path("out.md").read_text()


def test_cases_that_were_not_reached_are_errors_in_every_form(nb, fake, small_case, quick_runs):
    """They had no suite, so that a dashboard of suites showed nothing of them."""
    for name in ("first", "last"):
        Path(f"{name}.yaml").write_text(small_case.read_text().replace("name: small", f"name: {name}"))
    Path("cannot.yaml").write_text(Path("last.yaml").read_text().replace("name: last", "name: cannot")
                                   + f"inputs: {{x.dat: {{file: x.dat, sha256: {'0' * 64}}}}}\n")
    Path("x.dat").write_text("1")
    engines = ("--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")

    def told(command, *cases, form="json"):
        said = nb(command, *cases, *engines, *FORMS, "--format", form, "--github")
        assert said.code != 0 and said.err.count("::error ") == 1
        plain = Path("out.md").read_text().replace("\\", "")
        found = {suite.name: suite.errors for suite in junitparser.JUnitXml.fromfile("out.xml")}
        for name in left(said):
            assert f"### BLOCKED: {name}" in plain and found[name] == 1, name
        assert plain.count("- not reached: ") == len(left(said))
        return said, found

    def left(said):
        if "nb-compare error" in said.out:
            return said.json["not_reached"]
        lines = [json.loads(line) for line in said.out.splitlines()]
        assert [fault for line in lines for fault in faults(line, "events")] == []
        return next(line["not_reached"] for line in lines if line["event"] == "fault")

    said, found = told("run", "first.yaml", "cannot.yaml", "last.yaml")
    assert (left(said), found) == (["last"], {"first": 0, "cannot": 1, "last": 1})
    assert [one["case"]["name"] for one in said.json["results"]] == ["first"]
    said, found = told("run", "first.yaml", "cannot.yaml", "last.yaml", form="jsonl")
    assert left(said) == ["last"] and json.loads(said.out.splitlines()[-1])["results"] == 1
    said, found = told("run", "first.yaml", "none.yaml", "last.yaml")
    assert (left(said), found) == (["first.yaml", "last.yaml"], {"none.yaml": 1, "first.yaml": 1, "last.yaml": 1})
    said, found = told("sweep", "first.yaml", "none.yaml")
    assert (left(said), found) == (["first.yaml", "none.yaml"], {"sweep": 1, "first.yaml": 1, "none.yaml": 1})


def test_cells_of_a_sweep_that_were_not_reached_are_errors(nb, fake, small_case, quick_runs, monkeypatch):
    """Of a sweep that loses its workers after the first cell, say."""
    from nbcompare.errors import FileError
    from nbcompare.run.sweep import sweep

    real = sweep.run_locally

    def lost(orders, jobs):
        yield next(iter(real(orders, jobs)))
        raise FileError("the workers are gone")

    monkeypatch.setattr(sweep, "run_locally", lost)
    Path("grid.yaml").write_text(small_case.read_text() + "matrix: {axes: {-exposure: [1, 2, 3]}}\n")
    said = nb("sweep", "grid.yaml", "--jobs", 1, "--c-bin", fake("photons"), "--py-bin", fake("photons"), "-q", *FORMS,
              "--py-args", "-broken scale", "--format", "json")
    assert said.code == 5 and said.json["not_reached"] == ["small.exposure2", "small.exposure3"]
    assert [cell["cell"] for cell in said.json["results"]] == ["small.exposure1"]
    suites = {suite.name: suite.errors for suite in junitparser.JUnitXml.fromfile("out.xml")}
    assert suites == {"small.exposure1": 0, "sweep": 1, "small.exposure2": 1, "small.exposure3": 1}


SHORT = ("doctor", "list", "prune", "show")
"""Commands whose form is an option of its own, --json."""


@pytest.mark.parametrize("command", sorted(commands_with_json()))
def test_every_command_with_a_document_prints_one_after_a_fault(nb, command):
    form = ("--json",) if command in SHORT else ("--format=json",)
    named = () if command == "oneshot" else (command,)
    said = nb(*named, *form, "--nonsense", "--", "-N", "5")
    assert (said.code, said.json["kind"], said.json["command"]) == (1, "nb-compare error", command)
    assert "No such option" in said.json["error"]["text"] and "No such option" in said.err
    assert nb(*named, "--nonsense", "--", *form).out == ""
    assert nb(command, *form, "--help").out.startswith("Usage: ")


@pytest.mark.parametrize("words", [
    ("diagnose", "none", "--format", "json"), ("show", "none", "--json"), ("trend", "none", "--format", "json"),
    ("trace", "none.yaml", "--format", "json"), ("reduce", "none.yaml", "--format", "json", "--format", "json"),
    ("bisect", "none.yaml", "--repo", "none", "--good", "a", "--bad", "b", "--format", "json"),
    ("explain", "none.yaml", "--format=json"),
    ("--format", "json", "--py-bin", "./none", "--", "-N", "5", "-detpixels", "8"),
    ("oneshot", "--format", "json", "--py-bin", "./none", "--", "-N", "5", "-detpixels", "8")])
def test_what_is_not_there_is_told_in_the_document_that_was_asked_for(nb, words):
    said = nb(*words)
    assert said.code == said.json["exit_code"] != 0 and "none" in said.json["error"]["text"]
    assert said.json["error"]["text"] in said.err and "::error" not in said.err


def test_a_defect_after_a_document_was_begun_adds_no_second(nb, store, monkeypatch):
    from nbcompare.commands import show

    monkeypatch.setattr(show, "ExitCode", None)
    said = nb("show", store.passed, "--json")
    assert said.code == 70 and said.out.count("schema_version") == 1 and "nb-compare error" not in said.out


def test_two_forms_in_one_file_are_refused_however_it_is_named(nb, small_case):
    Path("link.xml").symlink_to("out.xml")
    os.link("out.xml", "hard.xml")
    for other in ("hard.xml", "out.xml", "./out.xml", Path("out.xml").absolute(), "link.xml"):
        said = nb("run", small_case, "--junit", "out.xml", "--markdown", other)
        assert said.code == 1 and "the same file" in said.err
        assert "the same file" in errors()[0]


def test_a_file_that_is_read_is_not_written(nb, small_case):
    before = small_case.read_text()
    for words in (("run", small_case), ("images", "a", "b", "--case", "small.yaml"),
                  ("run", "x", "--input=a=small.yaml")):
        said = nb(*words, "--junit", "./small.yaml", "--markdown", "out.md")
        assert said.code == 1 and "to be read" in said.err
    assert small_case.read_text() == before and "ERROR: " in Path("out.md").read_text()


@pytest.mark.parametrize("words", [("images", "a.npy", "b.npy"), ("run", "none.yaml"), ("run", "--nonsense")])
def test_a_form_that_is_asked_for_twice_is_written_twice(nb, words):
    """The first file kept what an earlier call wrote. One file under two names of the same form is no contradiction."""
    for name in ("a", "b"):
        np.save(f"{name}.npy", np.arange(1.0, 64).reshape(7, 9))
    Path("same.xml").symlink_to("more.xml")
    said = nb(*words, *FORMS, "--junit", "more.xml", "--junit=same.xml", "--markdown", "more.md")
    assert Path("out.xml").read_text() == Path("more.xml").read_text() and "old" not in Path("more.xml").read_text()
    assert Path("out.md").read_text() == Path("more.md").read_text() and len(errors()) == bool(said.code)
    assert said.code == 0 or words[0] == "run"


def test_a_link_is_followed(nb):
    Path("link.xml").symlink_to("out.xml")
    nb("run", "none.yaml", "--junit", "link.xml")
    assert Path("link.xml").is_symlink() and len(errors("out.xml")) == 1


@pytest.mark.parametrize("place", ["no/such/out.xml", ".", ""])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_run(nb, fake, small_case, place):
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--junit", place,
              "--markdown", "out.md")
    assert said.code == 5 and "cannot write" in said.err and not Path("bundles").exists()
    assert "ERROR: " in Path("out.md").read_text()


def test_a_file_that_can_no_longer_be_written_is_one_line_and_the_bundle_is_kept(nb, fake, small_case, quick_runs,
                                                                                 monkeypatch):
    from nbcompare.run import one_case

    real = one_case.run_engines

    def gone(*given):
        Path("there/out.xml").unlink()
        Path("there").rmdir()
        return real(*given)

    Path("there").mkdir()
    monkeypatch.setattr(one_case, "run_engines", gone)
    told = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--junit", "there/out.xml",
              "--markdown", "out.md", "--format", "json")
    assert told.code == 5 and "there/out.xml: cannot write" in told.json["error"]["text"]
    assert len(told.json["results"]) == len(list(Path("bundles/small").glob("2*"))) == 1
    assert "ERROR: " in Path("out.md").read_text()


def test_what_can_no_longer_be_written_is_taken_away_or_told(nb, monkeypatch, tmp_path):
    """No room on the disk: the earlier result goes, and where that cannot be either, it is said."""
    from nbcompare.commands import publish
    from nbcompare.errors import FileError

    def full(path, text):
        raise FileError(f"{path}: cannot write: No space left on device")

    monkeypatch.setattr(publish, "write_whole", full)
    assert nb("run", "none.yaml", "--junit", "out.xml").code == 5 and not Path("out.xml").exists()
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    said = nb("run", "none.yaml", "--markdown", "out.md")
    assert "what lies there is not of this call" in said.err and "1 of 1" in Path("out.md").read_text()


@pytest.mark.parametrize("wrong", [("--py-bin", "./none"), ("--nonsense",), ("--roi", "1")])
def test_a_one_shot_line_leaves_no_earlier_summary(nb, wrong):
    summaries = [Path("out/summary.json"), Path("other/summary.json")]
    for summary in summaries:
        summary.parent.mkdir()
        summary.write_text('{"verdict": "PASS"}')
    nb("oneshot", "--help", "--outdir", "out")
    nb("verify", "--outdir", "out")
    assert all(summary.exists() for summary in summaries)
    assert nb("--outdir", "out", "--outdir=other", *wrong, "--", "-N", "5", "-detpixels", "8").code != 0
    assert not any(summary.exists() for summary in summaries)


def test_what_only_takes_text_is_told_once(nb):
    done = subprocess.run(f"{sys.executable} -m nbcompare run none.yaml --junit /dev/stderr 3>&1 >/dev/null 2>&3 | cat",
                          shell=True, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.count("<testsuites") == 1


SLOW = "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(60)"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_call_that_was_ended_left_no_earlier_result(nb, small_case, fake, tmp_path, number, code):
    (tmp_path / "slow.py").write_text(f"#!{sys.executable}\nimport sys\nif '-detpixels_x' in sys.argv:\n    "
                                      + SLOW.replace("'begun'", f"{str(tmp_path / 'begun')!r}"))
    (tmp_path / "slow.py").chmod(0o755)
    words = ("run", "small.yaml", "--c-bin", "./slow.py", "--py-bin", str(fake("twin")), "-q", *FORMS)
    started = subprocess.Popen([sys.executable, "-m", "nbcompare", *words, "--format", "jsonl"],
                               stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not Path("begun").exists() and started.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(started.pid, number)
    lines = [json.loads(line) for line in started.communicate(timeout=60)[0].splitlines()]
    assert started.returncode == code
    assert_told("stopped by SIGTERM" if number == signal.SIGTERM else "this call did not end")
    if number == signal.SIGTERM:
        assert [fault for line in lines for fault in faults(line, "events")] == []
        assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("end", 143)


def test_a_defect_of_ours_is_told_too(nb, small_case, monkeypatch):
    def broken(path):
        raise ZeroDivisionError

    monkeypatch.setattr("nbcompare.case.case_file.load_case", broken)
    told = nb("run", small_case, *FORMS, "--format", "json")
    assert told.code == told.json["exit_code"] == 70
    assert_told("a defect of nb-compare itself")


def test_a_gate_on_standard_output_is_told_in_its_form(nb):
    assert "<error" in nb("gate", "N1", "--phases", "none.yaml", "--format", "junit").out
    assert "ERROR: " in nb("gate", "N1", "--phases", "none.yaml", "--format", "markdown").out


def test_a_call_that_ends_well_says_so_and_nothing_else(nb, quick_runs):
    np.save("a.npy", np.arange(1.0, 64).reshape(7, 9))
    np.save("b.npy", np.arange(1.0, 64).reshape(7, 9))
    assert nb("images", "a.npy", "b.npy", *FORMS).code == 0
    text = Path("out.md").read_text()
    assert errors() == [] and "1 of 1 accepted" in text and "ERROR" not in text


def test_a_case_with_several_faults_is_told_whole_by_whatever_command_reads_it(tmp_path, capsys):
    """Whoever mended the first fault used to meet the next by running again, one for each time."""
    case = tmp_path / "bad.yaml"
    case.write_text("name: small\narguments: -detpixels_x 64\nthresholds: [{metric: correlation, min: 0.99}]\n")
    assert run(["run", str(case)]) == 1
    said = capsys.readouterr().err
    assert said.count(f"{case}:") == 5 and said.startswith("nb-compare: error: ")
    for fault in ("unknown key 'arguments'", "'title'", "'image'", "'rois'", "thresholds[0] lacks the key 'why'"):
        assert said.count(fault) == 1
