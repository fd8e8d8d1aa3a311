"""What a port writes for itself: logs, a history, a cache that the next run reads. None of it makes a run fail, and
none stands for a run that begins with something else."""

import sqlite3

import pytest

from nbcompare.bundle.record import TestsOutcome
from nbcompare.case.case_file import load_case
from nbcompare.case.project import load_project
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.sources.kept_state import is_kept
from nbcompare.errors import CaseError
from nbcompare.run.tests_made_of import changed_tests
from tests.nbcompare.second_repository import DECLARED

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.skipif(
    OpenCalls.why_not() is not None, reason="which files a program writes can be seen on Linux alone")]

ALL = "clean_tree: true, engines_unchanged: true"
PLACE = "import json, os\nhere = os.path.dirname(os.path.abspath(__file__))\n"
HISTORY = PLACE + """\
file = os.path.join(here, 'PLACE')
old = json.load(open(file)) if os.path.exists(file) else []
json.dump([*old, len(old)], open(file, 'w'))
"""
COLD = PLACE + """\
import sys
file = os.path.join(here, 'PLACE')
if '-floatfile' in sys.argv and not os.path.exists(file):
    open(file, 'w').write('1.0')
"""
LOGS = {
    "basicConfig": "import logging\nlogging.basicConfig(filename=os.path.join(here, '../../run.txt'))\n"
                   "logging.warning('x')\n",
    "handler": "import logging.handlers as h\n"
               "h.RotatingFileHandler(os.path.join(here, '../../run.txt')).stream.write('x\\n')\n",
    "its own way": "class Log:\n    def __init__(self, file):\n        open(file, 'a').write('x\\n')\n"
                   "Log(file=os.path.join(here, 'run.txt'))\n",
}


@pytest.fixture
def how(nb, project):
    """Whether a sweep ran the case or took it for done."""
    return lambda: nb("sweep", project.case, "-q", "--format", "json").json["results"][0]["how"]


def declared(project, text: str, more: str = "") -> None:
    project.core.write_text(text + project.core.read_text())
    project.declare(DECLARED + more)
    (project.home / ".gitignore").write_text("__pycache__/\nbundles/\n*.txt\n*.json\n")
    project.commit("declared")


@pytest.mark.parametrize("way", LOGS)
def test_a_log_that_a_port_writes_is_no_part_of_it(run, gate, how, project, way):
    declared(project, PLACE + LOGS[way])
    for _ in (1, 2):
        code, record = run()
        assert code == 0, record
    assert "begins with" not in str(record["notes"])
    assert "engines_unchanged" not in gate(ALL)
    if way != "its own way":
        assert gate(ALL) == {} and how() == "stored"


def test_a_history_that_a_port_reads_and_writes_is_told_until_it_is_declared(run, gate, how, project):
    declared(project, HISTORY.replace("PLACE", "history.json"))
    history = project.home / "src/myport/history.json"
    run()
    code, record = run()
    assert code == 0 and f"what this one left ({history})" in str(record["notes"])
    line = f"keeps: [{history}]"
    assert line in gate(ALL)["engines_unchanged"]
    assert [how(), how()] == ["ran", "ran"]
    project.declare(f"{DECLARED}, keeps: [src/myport/*.json]")
    project.commit("kept")
    code, record = run()
    assert code == 0 and gate(ALL) == {} and how() == "stored"
    assert f"(keeps): {history}" in str(record["notes"])
    history.write_text("[]")
    assert gate(ALL) == {} and how() == "stored", "it was used by hand meanwhile"
    project.declare(DECLARED)
    assert "was declared to keep" in gate(ALL)["experiment"] and how() == "ran", "it does matter"


@pytest.mark.parametrize("way", ["open(PATH, 'r+b').read()", "os.close(os.open(PATH, os.O_RDWR | os.O_CREAT))",
                                 "import sqlite3; sqlite3.connect(PATH).execute('select * from t')"])
def test_a_table_that_is_opened_to_be_written_too_and_stays_as_it_is_is_no_log(run, gate, how, project, way):
    """As sqlite3 and numpy.memmap open what they read alone; its path stands in the port's text."""
    table = project.home / "table.txt"
    with sqlite3.connect(table) as base:
        base.execute("create table t(x)")
    base.close()
    declared(project, f"import os\nPATH = {str(table)!r}\n{way}\n")
    assert run()[0] == 0 and gate("engines_unchanged: true") == {} and how() == "stored"
    with sqlite3.connect(table) as base:
        base.execute("insert into t values(3)")
    base.close()
    assert "table.txt changed" in gate(ALL)["engines_unchanged"] and how() == "ran"


def test_no_declaration_takes_code_out_of_a_port(run, gate, project):
    declared(project, "", ", keeps: [src]")
    assert run()[0] == 0 and gate(ALL) == {}
    project.core.write_text(project.core.read_text() + "\n")
    assert "core.py changed" in gate(ALL)["engines_unchanged"]


def test_a_run_that_fills_a_cache_stands_for_none_that_reads_it(run, gate, how, project):
    declared(project, COLD.replace("PLACE", "../../kernel.txt"))
    run()
    assert "may give another image: run the case again" in gate(ALL)["engines_unchanged"]
    assert how() == "ran"
    assert gate("engines_unchanged: true") == {} and how() == "stored", "the second run begins as the first ended"


def test_what_lies_in_a_folder_that_is_called_a_cache_is_told_and_not_red(run, nb, gate, how, project):
    (project.home / ".mycache").mkdir()
    declared(project, COLD.replace("PLACE", "../../.mycache/kernel.txt"))
    code, record = run()
    assert code == 0 and "may give another image" in str(record["notes"]) and gate(ALL) == {}
    said = nb("gate", "P", "--phases", "cases/phases.yaml").out
    assert "may give another image" in " ".join(said.split())
    assert [how(), how()] == ["ran", "stored"]


def test_a_history_that_mapped_tests_write_too_makes_them_no_others_where_it_is_declared(project):
    project.declare(f"{DECLARED}, keeps: [src/myport/*.json]")
    project.case.write_text(project.case.read_text() + "tests: [tests/test_port.py]\n")
    ran = TestsOutcome(("tests/test_port.py",), 0, "1 passed", None,
                       files=(("src/myport/history.json", "0" * 64), ("src/myport/core.py", "0" * 64)))
    (project.home / "src/myport/history.json").write_text("[]")
    assert changed_tests(ran, load_case(project.case)) == ["src/myport/core.py changed"]


def test_what_is_kept_is_found_through_a_link_to_the_project(project, tmp_path):
    project.declare(f"{DECLARED}, keeps: [src/myport/*.json, notes]")
    (tmp_path / "link").symlink_to(project.home)
    keeps = load_project(tmp_path / "link/nb-compare.yaml").engines["subject"].keeps
    for top in (project.home, tmp_path / "link"):
        assert is_kept(f"{top}/src/myport/a.json", keeps) and is_kept(f"{top}/notes/2026/x", keeps)
        assert not is_kept(f"{top}/src/myport/deep/a.json", keeps) and not is_kept(f"{top}/notes/x.py", keeps)
    project.declare(f"{DECLARED}, keeps: ['/*']")
    with pytest.raises(CaseError, match="would be every file"):
        load_project(project.home / "nb-compare.yaml")
