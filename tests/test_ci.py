"""Workflows of docs/ci.md and the action of this repository: their shell lines, run in order in a project.

What GitHub and GitLab do themselves (checkout, cache, artefacts) is left out; what they put in place of an expression
is put there.
"""

import os
import re
import subprocess
from pathlib import Path

import junitparser
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
FAKES = CHECKOUT / "tests" / "fakes"
PAGE = (CHECKOUT / "docs" / "ci.md").read_text(encoding="utf-8")
CASE = """\
name: {name}
title: two engines of my own
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {{fast: 9, slow: 7}}
rois: {{full: full}}
thresholds: [{{metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}}]
"""
PHASES = """\
title: a plan of one phase
phases: [{name: N1, title: both agree, cases: [still.yaml, rotation.yaml], requires: {verdict: [PASS]}}]
"""


@pytest.fixture
def project(tmp_path, dist, installed):
    """A folder with two cases and their engines, and a way to run shell lines there as a runner does."""
    (tmp_path / "cases").mkdir()
    for name in ("still", "rotation"):
        (tmp_path / f"cases/{name}.yaml").write_text(CASE.format(name=name))
    (tmp_path / "cases/phases.yaml").write_text(PHASES)
    engines = {"reference": f"{FAKES}/good.py", "subject": f"{FAKES}/flux.py"}
    (tmp_path / "nb-compare.yaml").write_text(yaml.safe_dump({"engines": {
        role: {"command": [str(installed / "python"), path]} for role, path in engines.items()}}))
    (tmp_path / "temp").mkdir()
    files = {"GITHUB_OUTPUT": tmp_path / "output.txt", "GITHUB_STEP_SUMMARY": tmp_path / "steps.md"}
    environment = {"PATH": f"{installed}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path),
                   "GITHUB_ACTIONS": "true", "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FIND_LINKS": str(dist),
                   **{name: str(path) for name, path in files.items()}}

    def shell(lines, **variables):
        bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", lines]
        done = subprocess.run(bash, cwd=tmp_path, text=True, capture_output=True, check=False,
                              env={**environment, **variables}, timeout=300)
        shell.said += done.stdout + done.stderr
        return done

    shell.said = ""
    return shell


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def filled(text, values):
    """Text with the values of its expressions; one that nothing is known of is an error."""
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found.group(1)], str(text))


def good(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def suites(path):
    return [(suite.name, suite.failures + suite.errors) for suite in junitparser.JUnitXml.fromfile(str(path))]


def test_the_lines_of_the_github_workflow_run(project, tmp_path):
    workflow = yaml.safe_load(blocks("yaml")[0])
    cases = workflow["jobs"]["parity"]["strategy"]["matrix"]["case"]
    for case in cases:
        for step in workflow["jobs"]["parity"]["steps"]:
            if "run" in step:
                good(project(step["run"], **{name: filled(value, {"matrix.case": case})
                                             for name, value in step.get("env", {}).items()}))
        assert suites(tmp_path / "junit.xml") == [(Path(case).stem, 0)]
    for step in workflow["jobs"]["gate"]["steps"]:
        if "run" in step:
            good(project(step["run"]))
    assert suites(tmp_path / "gate.xml") == [("still", 0), ("rotation", 0)]
    assert (tmp_path / "steps.md").read_text().count("1 of 1 accepted") == len(cases)
    assert "N1: green" in (tmp_path / "steps.md").read_text()


def test_the_lines_of_the_gitlab_pipeline_run(project, tmp_path):
    pipeline = yaml.safe_load(next(block for block in blocks("yaml") if ".gitlab-ci.yml" in block))
    for line in pipeline["default"]["before_script"]:
        good(project(line))
    for case in pipeline["parity"]["parallel"]["matrix"][0]["CASE"]:
        for line in pipeline["parity"]["script"]:
            good(project(line, CASE=case))
    for line in pipeline["gate"]["script"]:
        good(project(line))
    reports = [tmp_path / pipeline[job]["artifacts"]["reports"]["junit"] for job in ("parity", "gate")]
    assert [suites(path) for path in reports] == [[("rotation", 0)], [("still", 0), ("rotation", 0)]]


def test_the_lines_for_any_other_service_run(project):
    good(project(blocks("sh")[-1]))


def acted(project, tmp_path, **given):
    """The steps of the action, as a runner does them: each in turn, after a failure only those that always run."""
    action = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
    inputs = {name: str(given.get(name, said.get("default", ""))) for name, said in action["inputs"].items()}
    values = {**{f"inputs.{name}": value for name, value in inputs.items()}, "runner.temp": str(tmp_path / "temp"),
              "steps.place.outputs.reports": str(tmp_path / "temp/nb-compare")}
    codes = []
    for step in action["runs"]["steps"]:
        if "run" not in step:
            continue
        condition = step.get("if", "success()")
        if (any(codes) and "always()" not in condition) or ("inputs.gate != ''" in condition and not inputs["gate"]):
            continue
        assert "${{" not in step["run"], "an input belongs into a variable, never into the text of a shell line"
        done = project(step["run"], **{name: filled(value, values) for name, value in step.get("env", {}).items()})
        codes.append(done.returncode)
    return max(codes), done


def test_the_action_judges_every_case_sweeps_a_matrix_and_gates(project, installed, tmp_path):
    grid = CASE.format(name="grid") + "matrix: {axes: {-exposure: [1, 2]}}\n"
    (tmp_path / "cases/grid.yaml").write_text(grid)
    code, done = acted(project, tmp_path, cases="cases/still.yaml cases/rotation.yaml\ncases/grid.yaml\n", gate="N1",
                       options=f"--fresh --py-bin '{installed}/python {FAKES}/flux.py'")
    assert code == 0, done.stdout + done.stderr
    reports = tmp_path / "temp/nb-compare"
    assert suites(reports / "3-grid.xml") == [("grid.exposure1", 0), ("grid.exposure2", 0)]
    assert suites(reports / "gate.xml") == [("still", 0), ("rotation", 0)]
    assert (tmp_path / "steps.md").read_text().count("## ") == 4
    assert f"reports={reports}" in (tmp_path / "output.txt").read_text()


def test_the_action_fails_where_a_case_does_and_still_reports_all(project, tmp_path):
    code, _ = acted(project, tmp_path, cases="cases/still.yaml cases/no.yaml cases/rotation.yaml", install="",
                    options=f"--py-bin '{FAKES}/bright.py'")
    assert code == 3  # of the last case; what stopped one of them is in the reports
    assert (tmp_path / "steps.md").read_text().count("## nb-compare: 0 of 1 accepted") == 3
    assert suites(tmp_path / "temp/nb-compare/3-rotation.xml") == [("rotation", 1)]


@pytest.mark.parametrize(("given", "sentence"), [({"cases": " \n"}, "nothing was judged"),
                                                 ({"options": "--py-bin 'python -m x"}, "unmatched single quote")])
def test_what_the_action_cannot_read_is_no_success(project, tmp_path, given, sentence):
    """No case at all, and options that no shell could split: never the run of what is left of them."""
    code, _ = acted(project, tmp_path, **{"cases": "cases/still.yaml", "install": "", **given})
    assert code != 0 and not (tmp_path / "bundles").exists()
    assert sentence in project.said


def test_two_cases_of_one_file_name_have_a_report_each(project, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/still.yaml").write_text(CASE.format(name="other"))
    assert acted(project, tmp_path, cases="cases/still.yaml more/still.yaml", install="")[0] == 0
    reports = tmp_path / "temp/nb-compare"
    assert [suites(reports / f"{number}-still.xml") for number in (1, 2)] == [[("still", 0)], [("other", 0)]]


def test_an_artefact_holds_what_marks_the_bundles_of_others():
    """GitHub leaves hidden files out unless it is told; the mark of an imported bundle is one."""
    from nbcompare.bundle.names import IMPORTED

    assert IMPORTED.startswith(".")
    action = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
    workflow = yaml.safe_load(blocks("yaml")[0])
    uploads = [step["with"] for step in (*action["runs"]["steps"], *workflow["jobs"]["parity"]["steps"])
               if step.get("uses", "").startswith("actions/upload-artifact")]
    assert len(uploads) == 2 and all(given["include-hidden-files"] for given in uploads)


def test_the_workflow_of_one_step_gives_the_action_what_it_takes():
    action = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
    workflow = yaml.safe_load(next(block for block in blocks("yaml") if "OWNER/nb-compare" in block))
    given = workflow["jobs"]["parity"]["steps"][-1]["with"]
    assert set(given) <= set(action["inputs"])
    assert {name for name, said in action["inputs"].items() if said.get("required")} <= set(given)


def test_ci_installs_the_system_packages_that_the_page_names():
    listed = re.search(r"<< 'PROGRAMS'\n(.*?)PROGRAMS", (CHECKOUT / ".ci/run").read_text(), re.DOTALL)[1].split()
    page = (CHECKOUT / "docs/contributing.md").read_text(encoding="utf-8")
    named = re.search(r"`apt-get install ([^`]*)`", page)[1].split()
    assert set(named) == set(listed[1::2]) - {"make"}  # build-essential brings it
