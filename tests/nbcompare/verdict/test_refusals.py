"""Cases that hold an engine to rejecting its command line."""

import json
import time
from pathlib import Path

import pytest

from nbcompare.case.refusal import Refusal
from nbcompare.engine.processes.matching import a_line_matches
from nbcompare.verdict.refusals import _faults

REFUSING = '''
import sys
if "-version" in sys.argv:
    sys.exit(print("refusing engine 1"))
print("refusing: error: -flux 1e18 is too bright", file=sys.stderr)
sys.exit(CODE)
'''

CASE = """\
name: small
title: a command that must be rejected
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full}
expect: {subject: {exit_code: 1, stderr: "-flux .* too bright$"}}
"""


@pytest.fixture
def refusing(tmp_path, nb, fake, quick_runs):
    """Run the case with a subject that ends with a code, and some words of the case replaced."""

    def call(code=1, old="", new="", subject=None):
        (tmp_path / "refusing.py").write_text(REFUSING.replace("CODE", str(code)))
        (tmp_path / "case.yaml").write_text(CASE.replace(old, new) if old else CASE)
        return nb("run", "case.yaml", "--c-bin", fake("good"), "--py-bin", subject or tmp_path / "refusing.py", "-q",
                  "--format", "json")

    return call


def test_a_refusal_that_is_expected_passes_and_is_whole_evidence(nb, refusing, tmp_path):
    said = refusing()
    assert said.code == 0, said.out + said.err
    bundle = Path(said.json["bundle"])
    record = json.loads((bundle / "record.json").read_text())
    assert record["comparison"] is None and record["runs"][1]["failure"]["kind"] == "exit-code"
    assert any("no images were compared" in note for note in record["notes"])
    for command in ("verify", "check", "report", "show"):
        done = nb(command, bundle)
        assert done.code == 0, done.out + done.err
    (tmp_path / "phases.yaml").write_text("title: t\nphases:\n  - name: p\n    title: t\n    cases: [case.yaml]\n"
                                          "    requires: {verdict: [PASS], files_complete: true}\n")
    assert nb("gate", "p", "--phases", "phases.yaml").code == 0
    (tmp_path / "case.yaml").write_text(CASE.replace("too bright$", "too"))
    assert nb("gate", "p", "--phases", "phases.yaml").code != 0, "looser than what was run"


@pytest.mark.parametrize(("code", "old", "new", "exit_code", "words"), [
    (2, "", "", 3, "had to refuse with exit code 1, and ended with 2"),
    (0, "", "", 2, "wrote no float image"),
    (1, "too bright$", "too dark", 3, "no line that it said matches"),
    (1, "subject:", "reference:", 2, "subject ended with exit code 1"),
])
def test_any_other_end_is_no_pass(refusing, code, old, new, exit_code, words):
    said = refusing(code, old, new)
    assert said.code == exit_code and words in said.out, said.out


def test_an_engine_that_should_have_refused_and_gave_an_image_fails(nb, refusing, fake):
    said = refusing(subject=fake("twin"))
    assert said.code == 3 and "ended with 0" in said.out
    assert nb("verify", said.json["bundle"]).code == 0


def test_a_crash_is_no_refusal(refusing, fake):
    assert refusing(subject=fake("crash")).code == 2


@pytest.mark.parametrize(("old", "new", "words"), [
    ('"-flux .* too bright$"', '"("', "no regular expression"),
    ('"-flux .* too bright$"', '".*"', "matches an empty line"),
    ("exit_code: 1", "exit_code: 0", "exit_code must be 1 to 255"),
    ("expect:", "repeat: 2\nexpect:", "leave it out"),
])
def test_an_expectation_that_could_not_fail_is_refused(refusing, old, new, words):
    said = refusing(1, old, new)
    assert said.code == 1 and words in said.err, said.err


def test_an_expression_that_would_never_end_is_given_up():
    began = time.monotonic()
    assert a_line_matches("(a+)+b", "a" * 60, seconds=0.5) is None
    assert a_line_matches("(a+)+b", "aab\nc") is True
    assert a_line_matches("d", "aab\nc") is False
    assert time.monotonic() - began < 60


def test_a_refusal_is_regenerated_and_graded_by_how_it_ended(nb, refusing, fake, tmp_path):
    """The same refusal again is no difference; another exit code, or an image, is one."""
    bundle = Path(refusing().json["bundle"])
    words = ("--c-bin", fake("good"), "--py-bin", tmp_path / "refusing.py", "-q", "--format", "json")
    again = nb("regenerate", bundle, *words)
    assert again.code == 0, again.out + again.err
    (tmp_path / "refusing.py").write_text(REFUSING.replace("CODE", "2"))
    other = nb("regenerate", bundle, *words)
    assert other.code != 0 and "different" in other.out, other.out
    accepted = nb("regenerate", bundle, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--format", "json")
    assert accepted.code != 0 and "different" in accepted.out, accepted.out


@pytest.mark.parametrize("pattern", [".", "\\w", "[^x]", "(?s).+", "a|.|b"])
def test_an_expression_that_any_line_matches_says_nothing_of_a_refusal(refusing, nb, pattern):
    Path("any.yaml").write_text(CASE.replace("-flux .* too bright$", pattern.replace("\\", "\\\\")))
    said = nb("validate", "any.yaml")
    assert said.code == 1 and "matches nearly any line" in said.out + said.err


@pytest.mark.parametrize("code", [124, 126, 127, 134, 137, 139])
def test_an_exit_code_by_which_a_shell_tells_a_crash_is_none_to_refuse_with(refusing, nb, code):
    Path("crash.yaml").write_text(CASE.replace("exit_code: 1", f"exit_code: {code}"))
    said = nb("validate", "crash.yaml")
    assert said.code == 1 and f"exit code {code} is how a shell tells" in said.out + said.err


TRACE = "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n"


@pytest.mark.parametrize(("end", "pattern", "faults"), [
    ("ImportError: no -flux", "no -flux", 1), ("numpy.exceptions.AxisError: -flux", "-flux", 1),
    ("MemoryError", "Error", 1), ("ValueError: -flux", "ValueError: -flux", 0)])
def test_an_exception_that_nobody_caught_is_no_refusal_unless_the_case_names_it(end, pattern, faults):
    from types import SimpleNamespace

    found = list(_faults(SimpleNamespace(role="subject", exit_code=1), Refusal(1, pattern), f"hm\n{TRACE}{end}\n"))
    assert len(found) == faults and all("crashed (" in fault for fault in found)
    assert not list(_faults(SimpleNamespace(role="subject", exit_code=1), Refusal(1, pattern), f"{end}\n"))
