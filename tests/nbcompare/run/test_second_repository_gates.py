"""Gates on a port in another repository: green for what ran, until any of it changes."""

import json
from pathlib import Path

import pytest

from tests.nbcompare.second_repository import DECLARED, WRAPPED

pytestmark = pytest.mark.usefixtures("quick_runs")

PLAN = """\
title: one phase
phases:
  - {name: P, title: t, cases: [small.yaml], requires: {verdict: [PASS], %s}}
"""


@pytest.fixture
def gate(nb, project):
    """The lines of the gate that do not hold, with their reasons."""

    def call(requires):
        (project.home / "cases/phases.yaml").write_text(PLAN % requires)
        said = nb("gate", "P", "--phases", "cases/phases.yaml", "--format", "json")
        return {item["requirement"]: item["why"] for item in said.json["items"] if not item["holds"]}

    return call


ALL = "same_commit: true, clean_tree: true, engines_unchanged: true, inputs_unchanged: true"


def test_a_gate_is_green_for_a_port_in_its_own_repository_until_any_of_it_changes(run, gate, project):
    """It stayed green after the uncommitted port, and a module that it imports, was broken."""
    project.declare(DECLARED)
    (project.home / "cases/phases.yaml").write_text(PLAN % ALL)
    project.commit("plan")
    assert run()[0] == 0 and gate(ALL) == {}
    (project.home / "src/port_units.py").write_text("SCALE = 0\n")
    assert list(gate(ALL)) == ["engines_unchanged"]
    assert "port_units.py changed" in gate(ALL)["engines_unchanged"]
    project.commit("broken")
    assert {"same_commit", "engines_unchanged"} == set(gate(ALL))


def test_uncommitted_sources_of_the_port_are_no_clean_tree(run, gate, project):
    project.declare(DECLARED)
    project.commit("declared")
    (project.home / "src/port_units.py").write_text("SCALE = 1.0  # mine\n")
    assert run()[0] == 0
    assert "made with uncommitted changes" in gate("clean_tree: true")["clean_tree"]


def test_undeclared_sources_are_red_with_the_line_to_add(run, gate, project):
    project.wrapper()
    project.declare(WRAPPED)
    _, record = run()
    assert any("not all that the subject is made of is known" in note for note in record["notes"])
    why = gate("engines_unchanged: true")["engines_unchanged"]
    assert "add to the engine subject in nb-compare.yaml: sources: [" in why


def test_outside_of_git_a_gate_can_ask_for_sums(run, gate, project):
    import shutil

    shutil.rmtree(project.home / ".git")
    project.declare(DECLARED)
    assert run()[0] == 0
    assert gate("engines_unchanged: true, inputs_unchanged: true") == {}
    assert "engines_unchanged and inputs_unchanged" in gate("same_commit: true")["same_commit"]


def test_a_gate_accepts_the_experiment_of_the_case_alone(run, gate, project):
    """Both sides got -flux 1e15 beside the case, passed, and the gate stayed green."""
    project.declare(DECLARED)
    assert run("--c-args", "-flux 1e15", "--py-args", "-flux 1e15")[0] == 0
    assert "-flux 1e15" in gate("files_complete: true")["experiment"]
    project.case.write_text(project.case.read_text() + "reference_args: -flux 1e15\nsubject_args: -flux 1e15\n")
    assert run()[0] == 0 and gate("files_complete: true") == {}


def test_a_gate_accepts_the_declared_variables_alone(run, gate, project):
    """A run with another mode of the port stood for the one that the project file declares now."""
    project.declare(DECLARED.replace("src}", "src, MYPORT_TABLE: one}"))
    assert run()[0] == 0 and gate("files_complete: true") == {}
    project.declare(DECLARED.replace("src}", "src, MYPORT_TABLE: two}"))
    red = gate("files_complete: true")["experiment"]
    assert "the subject had MYPORT_TABLE=one, and nb-compare.yaml sets two" in red


def test_a_gate_accepts_the_declared_programs_alone(run, gate, project):
    project.declare(DECLARED)
    other = project.home / "other.py"
    other.write_text((project.home / "ref.py").read_text() + "# another\n")
    assert run("--py-bin", "other.py")[0] == 0
    assert "other.py" in gate("files_complete: true")["experiment"]


def test_ledger_and_sign_off_name_the_engines_commits(nb, run, gate, project):
    project.declare(DECLARED)
    sha = project.commit("declared")
    _, record = run()
    assert gate("files_complete: true") == {}
    Path("ledger.md").write_text("# Ledger\n")
    assert nb("attempt", record["bundle"], "--ledger", "ledger.md").code == 0
    assert f"- commit of the subject: {sha}" in Path("ledger.md").read_text()
    assert nb("sign", "P", "--phases", "cases/phases.yaml", "--by", "A. Person").code == 0
    statement = json.loads(next(Path("bundles/signoffs/P").glob("*.json")).read_text())
    named = {entry["name"]: entry["digest"] for entry in statement["subject"]}
    assert named["git commit of the subject"] == {"gitCommit": sha}
    assert named["sources of the subject"] == {"sha256": record["engines"][1]["made_of"]["sha256"]}
