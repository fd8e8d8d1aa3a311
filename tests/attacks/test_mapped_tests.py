"""Mapped tests that are options, or say that they passed."""

import json
import sys
from pathlib import Path

import pytest

from nbcompare.case.declared.declarations import TestsPlace
from nbcompare.engine.processes.process import ProcessEnd
from nbcompare.run.mapped_tests import run_mapped_tests
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.plan.test_gates_mapped_tests import TORCH

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture
def mapped(run_small, small_case, tmp_path):
    """Run the small case with a file of mapped tests; the bundle's record of them, and its folder."""

    def call(text, node="test_mapped.py"):
        (tmp_path / "test_mapped.py").write_text(text)
        small_case.write_text(SMALL_CASE + f"tests: [{json.dumps(node)}]\n")
        said, folder = run_small()
        return said, folder

    return call


@pytest.mark.parametrize("node", ("--basetemp=precious", "--junitxml=victim", "-p", "-x", "--co", "-", "--", "@words",
                                  "::test_a", " ::test_a", "-c=/dev/null"))
def test_an_option_is_no_test(nb, fake, small_case, tmp_path, node):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/kept").write_text("kept")
    small_case.write_text(SMALL_CASE + f"tests: [{json.dumps(node)}]\n")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"))
    assert said.code == 1 and "is no test" in said.err and f"{small_case}:11:9" in said.err
    assert (tmp_path / "precious/kept").read_text() == "kept" and not (tmp_path / "victim").exists()


NO_GREEN = {
    "it prints that it passed": "import os\nprint('999 passed in 1.0s')\nos._exit(0)\n",
    "a hook prints that it passed": "import atexit\natexit.register(print, '=== 999 passed in 1.00s ===')\n",
    "one is skipped": "import pytest\ndef test_a(): pass\n@pytest.mark.skip\ndef test_b(): pass\n",
    "one is to fail": "import pytest\ndef test_a(): pass\n@pytest.mark.xfail\ndef test_b(): assert 0\n",
    "one passed that was to fail": "import pytest\ndef test_a(): pass\n@pytest.mark.xfail\ndef test_b(): pass\n",
    "the tear-down fails": "import pytest\n@pytest.fixture\ndef f():\n    yield\n    assert 0\ndef test_a(f): pass\n",
    "there is none": "x = 1\n",
    "the module skips itself": "import pytest\npytest.skip('no', allow_module_level=True)\n",
    "it ends the process": "import os\ndef test_a(): os._exit(0)\n",
    "it kills the process": "import os\ndef test_a(): os.kill(os.getpid(), 9)\n"}


@pytest.mark.parametrize("kind", NO_GREEN)
def test_what_did_not_pass_is_no_green(mapped, nb, kind):
    said, folder = mapped(NO_GREEN[kind])
    assert said.code == 8 and said.json["runs"] == [] and said.json["tests"]["cpu"]["failure"]
    assert nb("verify", folder).code == 0


def test_a_test_that_a_hook_takes_out_without_a_word_is_no_green(mapped, tmp_path):
    (tmp_path / "conftest.py").write_text("def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n")
    said, _ = mapped("def test_a(): pass\ndef test_b(): assert 0\n")
    assert said.code == 8 and "1 deselected" in said.json["verdict"]["reasons"][0]


def test_a_deselected_test_is_no_green(mapped, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -k test_a\n")
    said, _ = mapped("def test_a(): pass\ndef test_b(): pass\n")
    assert said.code == 8 and "1 deselected" in said.json["verdict"]["reasons"][0]


def test_a_node_that_selects_nothing_is_no_green(run_small, small_case, tmp_path):
    (tmp_path / "test_one.py").write_text("def test_a(): pass\n")
    (tmp_path / "test_two.py").write_text("x = 1\n")
    small_case.write_text(SMALL_CASE + "tests: [test_one.py, test_two.py]\n")
    said, _ = run_small()
    assert said.code == 8 and "test_two.py selects no test" in said.json["verdict"]["reasons"][0]


@pytest.mark.parametrize("node", ("test_mapped.py", "test_mapped.py::test_a", "test_mapped.py::test_a[1]",
                                  "test_mapped.py::TestB::test_c", "."))
def test_nodes_of_every_form_are_green_and_named_in_the_log(mapped, nb, node):
    said, folder = mapped("import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_a(n): pass\n"
                          "class TestB:\n    def test_c(self): print('\\x1b[2J')\n", node)
    assert said.code == 0 and "PASSED" in (folder / "tests/pytest_cpu.log").read_text()
    assert "::test_" in (folder / "tests/pytest_cpu.log").read_text() and nb("verify", folder).code == 0


def test_no_output_at_all_damages_no_bundle(mapped, nb, tmp_path):
    (tmp_path / "conftest.py").write_text("import os, sys\nfor n in (1, 2):\n    os.dup2(os.open('/dev/null', 1), n)\n")
    said, folder = mapped("def test_a(): pass\n")
    assert said.code == 0 and nb("verify", folder).code == 0


def test_the_last_lines_of_a_failure_are_told(mapped, nb, small_case, fake):
    said, _ = mapped("def test_a():\n    assert 'a\\x1b[2Jb' == 1, 'one \\x1b]52;c;eA== is not two'\n")
    reasons = said.json["verdict"]["reasons"]
    assert any("AssertionError: one " in reason for reason in reasons)
    assert not any("\x1b" in reason for reason in reasons)
    assert "is not two" in nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q").out


@pytest.mark.parametrize("kind", ["repository", "work tree"])
def test_tests_run_in_the_repository_of_the_case(tmp_path, nb, fake, kind):
    """In a second repository, or another work tree of it, whose case lies in a folder of it, called from elsewhere."""
    home = tmp_path / "port"
    home.mkdir()
    if kind == "repository":
        (home / ".git").mkdir()
    else:
        (home / ".git").write_text("gitdir: /elsewhere\n")
    (home / "cases").mkdir()
    (home / "tests").mkdir()
    (home / "tests/test_port.py").write_text(
        "import os, sys\n"
        f"def test_it(): assert os.getcwd() == {str(home)!r} and sys.executable == {sys.executable!r}\n")
    (home / "cases/small.yaml").write_text(SMALL_CASE + "tests: [tests/test_port.py]\n")
    said = nb("run", home / "cases/small.yaml", "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    assert said.code == 0, said.out


def test_a_declared_python_and_folder_are_used(nb, fake, tmp_path):
    python = tmp_path / "its-python"
    python.write_text(f"#!/bin/sh\nITS_PYTHON=yes exec {sys.executable} \"$@\"\n")
    python.chmod(0o755)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/test_port.py").write_text(
        "import os\nassert os.environ['ITS_PYTHON'] == 'yes'\ndef test_it(): pass\n")
    (tmp_path / "nb-compare.yaml").write_text(
        "engines:\n  subject:\n    command: [python3]\n    tests: {python: its-python, folder: inner}\n")
    case = tmp_path / "small.yaml"
    case.write_text(SMALL_CASE + "tests: [test_port.py]\n")
    said = nb("run", case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    assert said.code == 0, said.out
    said = nb("run", case, "--c-bin", fake("good"), "--py-bin", fake("crash"), "-q", "--format", "json")
    assert "::test_it" in Path(said.json["bundle"], "tests/pytest_cpu_collect.log").read_text(), "and asked by it"


# --- on CUDA, with a faked device --------------------------------------------------------------------------

PHASES = "title: a\nphases:\n  - {name: P, title: t, cases: [small.yaml], requires: {tests_green: true}}\n"


@pytest.mark.parametrize(("test", "peak", "code", "gate"), (
    ("def test_a(nb_device): pass\n", 512, 0, 0), ("def test_a(): pass\n", 512, 0, 8),
    ("def test_a(nb_device): pass\n", 0, 8, 8)))
def test_a_test_counts_as_run_on_cuda_only_if_it_used_it(mapped, nb, tmp_path, monkeypatch, test, peak, code, gate):
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: True)
    (tmp_path / "torch.py").write_text(TORCH.format(peak=peak))
    Path("phases.yaml").write_text(PHASES)
    said, folder = mapped(test)
    assert said.code == code
    assert nb("gate", "P", "--phases", "phases.yaml").code == gate
    if (code, gate) == (0, 8):
        assert "no mapped test uses the device" in (folder / "tests/pytest_cuda.log").read_text()


def test_tests_that_do_not_find_the_port_say_how_they_can(mapped):
    said, _ = mapped("import no_such_port\n")
    assert said.code == 8 and "write pythonpath into its pytest.ini" in " ".join(said.json["verdict"]["reasons"])


def test_what_is_asked_of_pytest_stands_behind_two_dashes(tmp_path, monkeypatch):
    """The second lock: a case with such a node is refused before."""
    asked = []

    def none(argv, **_):
        asked.append(list(argv))
        return ProcessEnd(None, 0.0, False, "not here")

    monkeypatch.setattr("nbcompare.run.mapped_tests.run_program", none)
    run_mapped_tests(("--basetemp=x",), place=TestsPlace(tmp_path, None), log=tmp_path / "log", seconds=1)
    assert len(asked) == 2 and all(words[-2:] == ["--", "--basetemp=x"] for words in asked)


def test_what_a_failed_test_prints_is_written_out_before_anything_keeps_it(tmp_path, monkeypatch):
    """In the record, which is written out once more, and in the signature of the failure, which nothing else looks at:
    a cat of that file would obey."""
    lines = ["E   assert '\x1b[2J\x1b]0;PASS\x07' == 1", "tests/test_a.py:2: \x9b1A\u202e"]
    result = {"event": "test", "node": "test_a.py::test_a[\x1b[31m]", "when": "call", "outcome": "failed",
              "lines": lines}

    def failing(argv, stdout, **_):
        for word in argv:
            if word.startswith("--nb-report="):
                Path(word.partition("=")[2]).write_text(json.dumps(result) + "\n")
        stdout.write_text("")
        return ProcessEnd(1, 0.0, False)

    monkeypatch.setattr("nbcompare.run.mapped_tests.run_program", failing)
    outcome = run_mapped_tests(("test_a.py",), place=TestsPlace(tmp_path, None), log=tmp_path / "pytest_cpu.log",
                               seconds=1)
    assert outcome.last_lines == (r"E   assert '\x1b[2J\x1b]0;PASS\x07' == 1", r"tests/test_a.py:2: \x9b1A\u202e")
    assert outcome.failure == r"first failing test: test_a.py::test_a[\x1b[31m]"
    signature = (tmp_path / "pytest_cpu_failure.txt").read_text()
    assert r"error line: assert '\x1b[2J" in signature and signature.replace("\n", "").isprintable()
