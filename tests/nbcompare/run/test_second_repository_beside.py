"""What a day of work leaves beside a port makes no gate red and no cell run again: notes, an editor's files, a sweep
without pictures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbcompare.engine.processes.process import HIDDEN
from tests.nbcompare.second_repository import DECLARED, PLAN

pytestmark = pytest.mark.usefixtures("quick_runs")

ALL = "files_complete: true, same_commit: true, clean_tree: true, engines_unchanged: true, inputs_unchanged: true"
LEFT = ("src/myport/.core.py.swp", "src/myport/core.py~", "src/myport/TODO.md", "src/myport/.DS_Store",
        "src/.#port_units.py")


def how(nb, project) -> str:
    """Whether a sweep ran the case or took it for done."""
    said = nb("sweep", project.case, "-q", "--format", "json")
    assert said.code == 0, said.out + said.err
    return said.json["results"][0]["how"]


@pytest.mark.parametrize("more", ["", ", sources: [src/**/*]"])
def test_what_editors_and_people_leave_in_a_package_is_no_part_of_it(nb, gate, project, more):
    project.declare(DECLARED + more)
    project.commit("declared")
    assert how(nb, project) == "ran"
    assert gate(ALL) == {}, "a sweep draws no pictures of what passes, and is whole"
    for name in LEFT:
        (project.home / name).write_text("x\n")
    assert gate(ALL) == {} and how(nb, project) == "stored"
    (project.home / "src/myport/table.dat").write_text("x\n")
    assert "table.dat is new" in gate(ALL)["engines_unchanged"] and how(nb, project) == "ran"


def test_a_commit_of_notes_or_evidence_is_no_other_commit(nb, gate, run, project):
    (project.home / "cases/phases.yaml").write_text(PLAN % "same_commit: true")
    (project.home / ".gitignore").write_text("__pycache__/\n")
    project.declare(DECLARED)
    project.commit("declared")
    run()
    (project.home / "NOTES.md").write_text("x\n")
    project.commit("notes and the bundle")
    assert gate("same_commit: true") == {}
    said = " ".join(nb("gate", "P", "--phases", "cases/phases.yaml").out.split())
    assert "changes notes and evidence alone (NOTES.md, bundles/" in said
    (project.home / "build.c").write_text("x\n")
    project.commit("a text that may be a program's")
    assert "which changes build.c; run the case again" in gate("same_commit: true")["same_commit"]


def test_a_note_that_a_port_reads_is_a_source_at_every_commit(gate, run, project):
    (project.home / "TABLE.md").write_text("1\n")
    project.core.write_text("import pathlib\nT = pathlib.Path(__file__).parents[2]\n"
                            "open(next(T.glob('T*.md'))).read()\n" + project.core.read_text())
    (project.home / "cases/phases.yaml").write_text(PLAN % "same_commit: true")
    project.declare(DECLARED)
    project.commit("declared")
    run()
    (project.home / "TABLE.md").write_text("2\n")
    project.commit("another table")
    assert "which changes TABLE.md" in gate("same_commit: true")["same_commit"]


def test_a_case_that_has_to_be_refused_is_done_when_it_was(nb, project):
    project.core.write_text("import sys\nif '-floatfile' in sys.argv:\n    sys.exit('no such thing')\n")
    project.declare(DECLARED)
    project.case.write_text(project.case.read_text().partition("thresholds:")[0]
                            + "expect: {subject: {exit_code: 1, stderr: no such}}\n")
    assert [how(nb, project), how(nb, project)] == ["ran", "stored"]
    project.core.write_text(project.core.read_text().replace("such", "such "))
    assert how(nb, project) == "ran"


def test_a_declared_repository_and_version_command_are_those_of_the_record(run, project, tmp_path):
    """A port that is installed far from its source: where its commits are, and what it is called, the project says."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "source")], check=True)
    project.declare(f"{DECLARED}, repository: {tmp_path / 'source'}, "
                    f"version: [{sys.executable}, -c, \"print('port 9')\"]")
    code, record = run()
    assert code == 0 and record["engines"][1]["version"] == "port 9"
    assert record["repositories"]["subject"]["root"] == str(tmp_path / "source")
    assert record["repositories"]["project"]["root"] == str(project.home)


def test_a_declared_folder_is_where_the_engine_works_and_is_asked_for_its_version(run, project):
    main = project.home / "src/myport/__main__.py"
    main.write_text("import os\nprint('in', os.getcwd())\n" + main.read_text())
    project.declare(f"{DECLARED}, cwd: cases")
    code, record = run()
    said = f"in {project.home}/cases"
    assert code == 0 and record["engines"][1]["version"] == said
    assert said in (Path(record["bundle"]) / "inputs/py_cli_stdout.txt").read_text().splitlines()


def test_another_value_of_a_variable_that_looks_like_a_secret_is_seen_and_no_value_is_kept(nb, run, gate, project):
    """MYPORT_PASSES holds the word PASS: what was kept out of the record was kept from gate and sweep too."""
    declared = DECLARED.replace("src}", "src, MYPORT_PASSES: %s}")
    project.declare(declared % "71234567")
    code, record = run()
    (subject,) = [engine for engine in record["engines"] if engine["role"] == "subject"]
    assert code == 0 and subject["variables"]["MYPORT_PASSES"].startswith(HIDDEN)
    assert "71234567" not in json.dumps(record) and gate("inputs_unchanged: true") == {}
    project.declare(declared % "71234568")
    assert "MYPORT_PASSES=not shown" in gate("inputs_unchanged: true")["experiment"]
    assert "0 already done" in nb("sweep", project.case).out


def test_a_variable_that_is_to_be_passed_and_looks_like_a_secret_is_told(run, project, monkeypatch):
    monkeypatch.setenv("MYPORT_PASSES", "3")
    project.declare(f"{DECLARED[:-1]}, pass: [MYPORT_PASSES]}}")
    _, record = run()
    (told,) = [note for note in record["notes"] if "MYPORT_PASSES" in note]
    assert told.startswith("MYPORT_PASSES looks like a secret") and "{set: ...}" in told
