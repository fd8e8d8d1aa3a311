"""The forms of results, on each command that judges: JSON by its schema, JSON lines, JUnit, Markdown, annotations."""

import json
import re
import subprocess
import sys
from pathlib import Path

import junitparser
import numpy as np
import pytest

from nbcompare.bundle.schema import record_schema
from tests.nbcompare.documents import SCHEMAS, commands_with_json, faults

PHASES = """\
title: t
phases: [{name: N1, title: t, cases: [small.yaml], requires: {verdict: [PASS], files_complete: true}}]
"""


@pytest.fixture
def asked(store, tmp_path, fake, quick_runs):
    """Words that call each command on something that fails, and the exit code of that."""
    (tmp_path / "phases.yaml").write_text(PHASES)
    ramp = np.arange(1.0, 64).reshape(7, 9)
    np.save(tmp_path / "a.npy", ramp)
    np.save(tmp_path / "b.npy", 1.1 * ramp)
    engines = ("--c-bin", fake("good"), "--py-bin", fake("bright"))
    return {"run": (("run", "small.yaml", *engines), 3),
            "sweep": (("sweep", "small.yaml", "--jobs", 1, "--force", *engines), 3),
            "check": (("check", store.failed, "--case", "small.yaml"), 3),
            "compare": (("compare", store.passed, store.failed, "--roles", "subject"), 3),
            "images": (("images", "a.npy", "b.npy", "--case", "small.yaml"), 3),
            "gate": (("gate", "N1", "--phases", "phases.yaml"), 2)}


COMMANDS = ("run", "sweep", "check", "compare", "images", "gate")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_judges_tells_it_in_every_form(command, asked, nb, tmp_path):
    words, code = asked[command]
    said = nb(*words, "--format", "jsonl", "--junit", "out.xml", "--markdown", "out.md", "--github")
    assert said.code == code
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [fault for event in events for fault in faults(event, "events")] == []
    assert (events[0]["event"], events[0]["command"]) == ("begin", command)
    assert (events[-1]["event"], events[-1]["exit_code"]) == ("end", code)
    (result,) = [event for event in events if event["event"] == "result"]
    assert result["verdict"]["reasons"]

    suite = next(iter(junitparser.JUnitXml.fromfile("out.xml")))
    assert suite.failures + suite.errors >= 1 and suite.time is not None
    assert list(suite.properties())
    assert "sum\\_ratio" in Path("out.md").read_text() or command == "gate"
    annotation = next(line for line in said.err.splitlines() if line.startswith("::error "))
    if command != "compare":  # which has bundles and no case file
        line = 1 if command == "gate" else 10  # an engine failed in the newest bundle; else the threshold that fails
        assert f"small.yaml,line={line},title=" in annotation

    said = nb(*words, "--format", "json", "-q")
    assert said.code == code
    assert faults(said.json, command) == []
    assert said.json["schema_version"] == 1


@pytest.fixture
def further(store, tmp_path, fake, quick_runs):
    """Words that call each other command with JSON."""
    engines = ("--c-bin", fake("photons"), "--py-bin", fake("photons"))
    crystal = ("--", "-cell", 50, 60, 70, 80, 85, 95, "-default_F", 100, "-N", 5, "-lambda", 1, "-distance", 100,
               "-detpixels", 8, "-flux", "1e18", "-beamsize", "1.0", "-nonoise", "-nopgm")
    scaled = (*engines, "--py-args", "-broken flux")
    return {"audit": ("audit", "small.yaml", "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--kinds", "gain",
                      "--strengths", "1", "--no-diagnosis", "--cache", tmp_path / "cache"),
            "diagnose": ("diagnose", store.failed, "--quick"), "doctor": ("doctor",),
            "explain": ("explain", "small.yaml", *engines), "list": ("list",), "metrics": ("metrics",),
            "oneshot": ("--outdir", "out", "-q", *scaled, *crystal), "prune": ("prune", "--keep", 1, "--dry-run"),
            "reduce": ("reduce", "-q", "--cache", tmp_path / "cache", *scaled, *crystal),
            "fuzz": ("fuzz", "-q", "--budget", 2, "--c-bin", fake("any_command"), "--py-bin", fake("five_defects")),
            "regenerate": ("regenerate", store.crashed, "--c-bin", fake("good"), "--py-bin", fake("crash"), "-q"),
            "show": ("show", store.passed), "trend": ("trend", "small"), "verify": ("verify", store.passed),
            "trace": ("trace", "-q", "--c-bin", fake("traced"), "--py-bin", fake("traced"), "--py-args", "-deaf flux",
                      *crystal),
            "validate": ("validate", "small.yaml")}


def test_a_trace_for_which_an_engine_gave_no_image_is_a_document_too(nb, small_case, fake):
    said = nb("trace", small_case, "-q", "--c-bin", fake("traced"), "--py-bin", fake("traced"), "--format", "json")
    assert said.code == 2 and said.json["pixels"] == []
    assert "too long: 256 bytes" in said.json["failures"][0]


FURTHER = ("audit", "diagnose", "doctor", "explain", "fuzz", "list", "metrics", "oneshot", "prune", "reduce",
           "regenerate", "show", "trace", "trend", "validate", "verify")
ELSEWHERE = {"bisect"}
"""Commands whose document is read by tests of their own alone, as they need a repository; ``nb`` looks at it there."""


@pytest.mark.parametrize("command", FURTHER)
def test_every_other_document_is_as_its_schema_says(command, further, nb):
    words = further[command]
    flag = ("--json",) if command in ("doctor", "list", "prune", "show") else ("--format", "json")
    place = words.index("--") if "--" in words else len(words)
    said = nb(*words[:place], *flag, *words[place:])
    assert faults(json.loads(said.out), command) == [], said.err


def test_every_command_with_a_document_has_a_schema_that_is_looked_at():
    assert commands_with_json() == {*COMMANDS, *FURTHER, *ELSEWHERE}
    assert {path.stem for path in SCHEMAS.glob("*.json")} == {*commands_with_json(), "events", "error"}


def test_words_that_a_schema_lists_are_those_of_the_program():
    from nbcompare.bundle.keep import leftovers
    from nbcompare.errors import ExitCode
    from nbcompare.explain.audit import defect_result
    from nbcompare.run.bisect import journal
    from nbcompare.run.grading import Grade

    def listed(name, *path):
        found = json.loads((SCHEMAS / f"{name}.json").read_text())["else"]["properties"]
        for key in path:
            found = found[key]
        return set(found["enum"])

    assert listed("regenerate", "grades", "items", "properties", "grade") == set(Grade)
    assert listed("regenerate", "exit_code") == {int(code) for code in ExitCode}
    assert listed("doctor", "leftovers", "items", "properties", "state") == {
        leftovers.LEFT, leftovers.IN_USE, leftovers.UNKNOWN}
    assert listed("audit", "defects", "items", "properties", "state") == {
        defect_result.NOT_HERE, defect_result.NO_EFFECT, defect_result.REFUSED, defect_result.SEEDED}
    assert listed("bisect", "trials", "items", "properties", "outcome") == {journal.GOOD, journal.BAD, journal.SKIPPED}


def test_several_cases_are_one_document_and_one_stream(nb, tmp_path, small_case, fake, quick_runs):
    (tmp_path / "other.yaml").write_text(small_case.read_text().replace("name: small", "name: other"))
    words = ("run", small_case, tmp_path / "other.yaml", "--c-bin", fake("good"), "--py-bin", fake("twin"))
    said = nb(*words, "--format", "json", "-q")
    assert faults(said.json, "run") == []
    assert [entry["case"]["name"] for entry in said.json["results"]] == ["small", "other"]
    assert (said.json["exit_code"], said.code) == (0, 0)


def test_an_event_is_told_while_the_command_runs(nb, monkeypatch, small_case, fake, quick_runs, capsys):
    """What a step tells is out before the next one begins."""
    from nbcompare.run import one_case as module

    seen = []
    real = module.run_engines

    def watched(*given):
        seen.append([json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()])
        return real(*given)

    monkeypatch.setattr(module, "run_engines", watched)
    nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "--format", "jsonl", "-q")
    assert seen == [["begin"]]


def test_a_case_that_cannot_be_run_is_an_error_in_every_form(nb, tmp_path, small_case, fake, quick_runs):
    (tmp_path / "bad.yaml").write_text(small_case.read_text().replace("title", "titel"))
    said = nb("run", "bad.yaml", "--c-bin", fake("good"), "--py-bin", fake("twin"), "--format", "jsonl", "--junit",
              "out.xml", "--markdown", "out.md", "--github")
    assert said.code == 1
    fault, last = map(json.loads, said.out.splitlines()[-2:])
    assert faults(fault, "events") == [] and (fault["event"], fault["exit_code"]) == ("fault", 1)
    assert faults(last, "events") == [] and (last["event"], last["exit_code"], last["results"]) == ("end", 1, 0)
    (suite,) = junitparser.JUnitXml.fromfile("out.xml")
    assert (suite.tests, suite.errors) == (1, 1)
    assert "0 of 1 accepted" in Path("out.md").read_text()
    assert "::error file=bad.yaml,line=1,title=CASE ERROR bad.yaml::" in said.err


def test_what_a_stopped_run_had_judged_is_told(nb, tmp_path, small_case, fake, quick_runs, monkeypatch):
    """The second case cannot be staged; the first stands in the report all the same."""
    (tmp_path / "x.dat").write_text("1")
    (tmp_path / "other.yaml").write_text(small_case.read_text().replace("name: small", "name: other")
                                         + f"inputs: {{x.dat: {{file: x.dat, sha256: {'0' * 64}}}}}\n")
    said = nb("run", small_case, "other.yaml", "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--junit",
              "o.xml")
    assert said.code != 0
    suites = [(suite.name, suite.errors) for suite in junitparser.JUnitXml.fromfile("o.xml")]
    assert suites == [("small", 0), ("other", 1)]


def test_what_is_stored_is_told_by_a_schema_too(store, nb):
    (store.failed / "results/summary.json").chmod(0o644)
    (store.failed / "results/summary.json").write_text("{}")
    for name, words in (("list", ("list", "--json")), ("verify", ("verify", store.failed, "--format", "json"))):
        said = nb(*words)
        assert said.json["bundles"] and faults(said.json, name) == []


def test_a_schema_refuses_what_it_does_not_describe():
    for path in SCHEMAS.glob("*.json"):
        assert faults({"schema_version": 2}, path.stem), path.name


def test_the_script_of_the_page_validates_a_document(nb, tmp_path):
    """Outside the checkout, as somebody types it; of one that is right, and of one with a key too many."""
    page = (Path(__file__).resolve().parents[3] / "docs/ci.md").read_text()
    (tmp_path / "validate.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    document = nb("check", "none", "--format", "json").json
    for value, code in ((document, 0), ({**document, "more": 1}, 1)):
        done = subprocess.run([sys.executable, "validate.py", "check"], input=json.dumps(value), text=True,
                              capture_output=True, timeout=120, check=False)
        assert done.returncode == code, done.stderr
        assert code == 0 or "'more' was unexpected" in done.stderr


def test_the_schema_of_run_has_the_keys_of_a_record():
    one = json.loads((SCHEMAS / "run.json").read_text())["definitions"]["run"]
    record = record_schema()
    assert set(one["properties"]) == {"bundle", *record["properties"]}
    assert set(one["required"]) == {"bundle", *record["required"]}


def test_the_checklist_of_a_gate_stays_within_its_size():
    from nbcompare.commands.views.markdown import within

    text = within(["head\n", *(f"| {number} {'x' * 1000} |\n" for number in range(2000))], 1_000_000)
    assert len(text.encode()) <= 1_000_000 and "more lines were left out" in text
