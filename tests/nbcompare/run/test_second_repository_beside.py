"""What a day of work leaves beside a port makes no gate red and no cell run again: notes, an editor's files, a sweep
without pictures."""

import pytest

from tests.nbcompare.second_repository import DECLARED

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


def test_a_case_that_has_to_be_refused_is_done_when_it_was(nb, project):
    project.core.write_text("import sys\nif '-floatfile' in sys.argv:\n    sys.exit('no such thing')\n")
    project.declare(DECLARED)
    project.case.write_text(project.case.read_text().partition("thresholds:")[0]
                            + "expect: {subject: {exit_code: 1, stderr: no such}}\n")
    assert [how(nb, project), how(nb, project)] == ["ran", "stored"]
    project.core.write_text(project.core.read_text().replace("such", "such "))
    assert how(nb, project) == "ran"
