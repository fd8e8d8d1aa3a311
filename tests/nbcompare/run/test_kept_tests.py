"""Mapped tests that passed for exactly this content are not run again, and every place says so; any doubt runs them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from nbcompare.bundle import names
from nbcompare.bundle.check.verify import verify_bundle
from tests.nbcompare.conftest import SMALL_CASE

COUNTED = """\
import helper
from pathlib import Path
def test_it():
    log = Path(helper.PLACE)
    log.write_text(log.read_text() + "x" if log.exists() else "x")
    assert not Path(helper.PLACE + ".fail").exists()
"""


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True,
                   capture_output=True)


@pytest.fixture
def counted(tmp_path, nb, fake, quick_runs, tmp_path_factory):
    """Run a case with a mapped test, in a committed project; gives what was said, and how often the test ran so far."""
    project, log = tmp_path / "project", tmp_path_factory.mktemp("log") / "runs"
    project.mkdir()
    (project / "test_mapped.py").write_text(COUNTED)
    (project / "helper.py").write_text(f"PLACE = {str(log)!r}\n")
    (project / "small.yaml").write_text(SMALL_CASE + "tests: [test_mapped.py]\n")
    (project / ".gitignore").write_text("__pycache__\n")
    for name in ("good", "twin", "_image"):
        shutil.copy(fake(name), project)
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "all of it")

    def call(*words):
        said = nb("run", project / "small.yaml", "--c-bin", project / "good.py", "--py-bin", project / "twin.py", "-q",
                  "--format", "json", *words)
        return said, len(log.read_text()) if log.exists() else 0

    call.project, call.log = project, log
    return call


def bundles():
    return sorted(Path("bundles", "small").glob("2*"))


def commit(project, name, text):
    (project / name).write_text(text)
    git(project, "add", ".")
    git(project, "commit", "-qm", "changed")


def test_tests_that_passed_are_run_once_and_all_places_say_so(counted, nb):
    assert counted()[1] == 1
    said, runs = counted()
    assert (said.code, runs) == (0, 1)
    first, second = bundles()
    outcome = said.json["tests"]["cpu"]
    assert outcome["taken_from"] == f"small/{first.name}"
    assert said.json["notes"][0].startswith("the mapped tests were not run: they passed for the same content in bundle")
    assert verify_bundle(second).faults == ()
    log = (second / names.tests_log("cpu")).read_text()
    assert log.startswith("not run for this bundle") and log.endswith((first / names.tests_log("cpu")).read_text())
    assert f"taken from small/{first.name}" in nb("show", second).out
    third = counted()[0].json["tests"]["cpu"]
    assert third["taken_from"] == f"small/{first.name}"  # of where they ran, and never of what was taken
    assert counted("--fresh")[1] == 2


@pytest.mark.parametrize("change", ["test", "module", "subject", "reference", "uncommitted", "variable", "case input",
                                    "python", "nb variable", "writable", "edited"])
def test_whatever_the_tests_depend_on_runs_them_again(counted, monkeypatch, change):
    assert counted()[1] == 1
    files = {"test": "test_mapped.py", "module": "helper.py", "subject": "twin.py", "reference": "good.py"}
    project, (bundle,) = counted.project, bundles()
    if change in files:
        path = project / files[change]
        commit(project, path.name, path.read_text() + "\n# changed\n")
    elif change == "uncommitted":
        (project / "beside.txt").write_text("data of the tests?")
    elif change == "variable":
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
    elif change == "nb variable":
        monkeypatch.setenv("NB_OTHER_BIN", str(project / "helper.py"))
    elif change == "case input":
        (project / "x.dat").write_text("1")
        commit(project, "small.yaml", (project / "small.yaml").read_text() + "inputs: {x.dat: {file: x.dat}}\n")
    elif change == "python":
        monkeypatch.setattr("nbcompare.run.kept_tests.sum_of_python", lambda: "0" * 64)
    elif change == "writable":
        bundle.chmod(0o777)
    elif change == "edited":
        log = bundle / names.tests_log("cpu")
        log.chmod(0o644)
        log.write_text(log.read_text() + "\n")
    said, runs = counted()
    assert runs == 2
    assert "taken_from" not in said.json["tests"]["cpu"]


def test_what_was_not_seen_of_an_engine_runs_them_again(counted):
    """A subject that asks another program may be another one today, whatever its files say."""
    twin = counted.project / "twin.py"
    lines = twin.read_text().splitlines(keepends=True)
    lines.insert(1, "import socket\nsocket.socket(socket.AF_UNIX).connect_ex('/tmp/no-' + 'daemon')\n")
    commit(counted.project, "twin.py", "".join(lines))
    assert (counted()[1], counted()[1]) == (1, 2)


def test_a_failure_is_never_passed_over_for_an_older_pass(counted):
    counted()
    Path(f"{counted.log}.fail").write_text("")
    assert counted("--fresh")[0].code == 8
    Path(f"{counted.log}.fail").unlink()
    said, runs = counted()
    assert (said.code, runs) == (0, 3)
    assert "taken_from" not in said.json["tests"]["cpu"]


def test_a_gate_reads_where_they_ran(counted, nb):
    counted()
    counted()
    (counted.project / "plan.yaml").write_text(json.dumps({"phases": [{
        "name": "first", "title": "green", "cases": ["small.yaml"], "requires": {"tests_green": True}}],
        "title": "a plan"}))
    said = nb("gate", "first", "--phases", counted.project / "plan.yaml")
    assert f"in small/{bundles()[0].name} for the same content" in said.out
