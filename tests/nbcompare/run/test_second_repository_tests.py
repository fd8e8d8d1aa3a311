"""The mapped tests of a port in a repository of its own: what they open, start and collect is part of what was green.

The names are made by code, so that no reading of the tests' sources gives them.
"""

import json

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from tests.nbcompare.second_repository import DECLARED

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.skipif(
    OpenCalls.why_not() is not None, reason="which files a program opens can be asked on Linux alone")]

GREEN = "tests_green: true"
TESTS = """\
import pathlib
import subprocess
import sys
import tempfile
here = pathlib.Path(__file__).parent


def test_of_a_table_and_a_tool(limit, tmp_path):
    assert sorted(float(path.read_text()) for path in (here / "data").glob("g*" + ".txt")) == [limit]
    assert subprocess.run([sys.executable, str(here / ("to" + "ol"))]).returncode == 0
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.txt").write_text("own")
    assert [path.read_text() for path in (tmp_path / "own").iterdir()] == ["own"]
    other = pathlib.Path(tempfile.mkdtemp())
    assert not list(other.iterdir())
"""
PLUGIN = """\
import os
import pytest


@pytest.fixture
def limit():
    folder = os.path.dirname(__file__)
    return max(float(open(os.path.join(folder, name)).read()) for name in os.listdir(folder) if name.endswith("t" "xt"))
"""


@pytest.fixture
def mapped(project):
    """A case with a mapped test that reads a table by a pattern, starts a tool, and takes a limit from a plugin."""
    files = {"tests/test_a.py": TESTS, "tests/tool": "raise SystemExit(0)\n", "tests/data/golden.txt": "1.0\n",
             "plug/their_limits.py": PLUGIN, "plug/limit.txt": "1.0\n",
             "pytest.ini": "[pytest]\npythonpath = plug src\naddopts = -p their_limits\n"}
    for name, text in files.items():
        (project.home / name).parent.mkdir(exist_ok=True)
        (project.home / name).write_text(text)
    project.declare(DECLARED)
    return project


def map_to(project, node):
    project.case.write_text(project.case.read_text() + f"tests: ['{node}']\n")


def how(nb, project):
    return nb("sweep", project.case, "-j", "1", "-q", "--format", "json").json["results"][0]["how"]


def test_what_mapped_tests_read_start_and_find_turns_gate_and_sweep_red(nb, run, gate, mapped):
    map_to(mapped, "tests/test_a.py::test_of_a_table_and_a_tool")
    code, record = run()
    assert code == 0 and gate(GREEN) == {} and how(nb, mapped) == "stored"
    opened = record["tests"]["cpu"]["opened"]
    assert not [entry for entry in opened["files"] if "nb_compare_report" in entry["path"]]
    (mapped.home / "tests/test_of_something_else.py").write_text("\n")
    (mapped.home / "tests/data/README.md").write_text("\n")
    assert gate(GREEN) == {}, "what the named test has no part in"
    for name in ("tests/tool", "tests/data/golden.txt", "plug/limit.txt", "tests/data/g2.txt", "plug/more.txt"):
        path = mapped.home / name
        before = path.read_text() if path.exists() else None
        path.write_text("2.0\n")
        why = gate(GREEN)["tests_green"]
        assert name in why or f"{path.parent} has other files" in why
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert gate(GREEN) == {}
    (mapped.home / "tests/tool").write_text("raise SystemExit(1)\n")
    assert how(nb, mapped) == "ran"


def test_a_new_test_in_a_folder_that_is_mapped_is_none_that_was_green(nb, run, gate, mapped):
    map_to(mapped, "tests")
    assert run()[0] == 0 and gate(GREEN) == {}
    (mapped.home / "tests/test_b.py").write_text("def test_b():\n    assert False\n")
    assert "has other files than when it was listed" in gate(GREEN)["tests_green"]
    assert how(nb, mapped) == "ran"


def test_tests_that_ask_a_server_and_where_nothing_was_watched(nb, run, gate, mapped, monkeypatch):
    (mapped.home / "tests/test_a.py").write_text(
        "import socket\ndef test_a():\n    socket.socket(socket.AF_UNIX).connect_ex('/tmp/no-' + 'daemon')\n")
    map_to(mapped, "tests/test_a.py")
    assert run()[0] == 0
    assert gate(GREEN)["tests_green"].endswith("it asks another program through the socket /tmp/no-daemon; map tests "
                                               "of which all can be known")
    monkeypatch.setattr(OpenCalls, "why_not", staticmethod(lambda: "this system is another"))
    _, record = run("--fresh")
    assert gate(GREEN) == {} and json.dumps(record["notes"]).count("which files the mapped tests opened") == 1
