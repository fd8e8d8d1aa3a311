"""Gates on a port in another repository: green for what ran, until any of it changes."""

import json
import sys
from pathlib import Path

import pytest

from nbcompare.engine.identity import SHARED_CPUS, computing_variables
from tests.nbcompare.second_repository import DECLARED, PLAN, WRAPPED, Project

pytestmark = pytest.mark.usefixtures("quick_runs")

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


def test_a_project_is_one_whichever_way_somebody_came_to_it(nb, run, gate, project, tmp_path):
    """Run through a link to the repository, asked from within it: everything was another program, and uncommitted."""
    project.declare(DECLARED)
    (project.home / "cases/phases.yaml").write_text(PLAN % ALL)
    project.commit("plan")
    (tmp_path / "link").symlink_to(project.home)
    assert nb("run", tmp_path / "link/cases/small.yaml", "-q").code == 0 and gate(ALL) == {}
    project.core.write_text(project.core.read_text() + "# other\n")
    assert list(gate(ALL)) == ["engines_unchanged"]


def test_uncommitted_sources_of_the_port_are_no_clean_tree(run, gate, project):
    project.declare(DECLARED)
    project.commit("declared")
    (project.home / "src/port_units.py").write_text("SCALE = 1.0  # mine\n")
    assert run()[0] == 0
    assert "made with uncommitted changes" in gate("clean_tree: true")["clean_tree"]


def test_the_repository_of_a_console_script_is_that_of_its_code(run, gate, project, tmp_path):
    """The script lies in an environment, in no repository, and a dirty port behind it was no uncommitted change."""
    port = Project(tmp_path / "port")
    python = port.environment(tmp_path / "venv")
    port.commit("ignored")
    script = port.console_script(tmp_path / "venv/bin/myport", python)
    project.declare(f"command: {script}")
    project.commit("declared")
    code, record = run()
    assert code == 0 and record["repositories"]["subject"]["root"] == str(port.home)
    assert gate(ALL) == {}
    project.commit("the plan")
    port.core.write_text(port.core.read_text() + "# uncommitted\n")
    run()
    assert "src/myport/core.py" in gate(ALL)["clean_tree"]
    port.commit("later")
    assert "subject: made at" in gate(ALL)["same_commit"]


def test_uncommitted_files_in_a_second_repository_of_an_engine_are_no_clean_tree(run, gate, project, tmp_path):
    """A module of the port's lies in a repository of its own."""
    other = Project(tmp_path / "other")
    (other.home / "src/units_elsewhere.py").write_text("SCALE = 1.0\n")
    other.commit("units")
    (project.home / "src/port_units.py").write_text("from units_elsewhere import SCALE\n")
    project.declare(DECLARED.replace("src}", f"'src:{other.home}/src'}}"))
    project.commit("two")
    assert run()[0] == 0 and gate(ALL) == {}
    project.commit("the plan")
    (other.home / "src/units_elsewhere.py").write_text("SCALE = 1.0  # uncommitted\n")
    run()
    assert "other/src/units_elsewhere.py" in gate(ALL)["clean_tree"]


NEW_FILES = {
    "a module that comes before Python's own": ("src/array.py", "raise SystemExit(3)\n"),
    "a module that is used where it is there": ("src/myspeed.py", "FACTOR = 3.0\n"),
    "a module that site runs": ("src/sitecustomize.py", "X = 1\n"),
    "a file that the text names": ("src/port.ini", "3.0\n"),
}


@pytest.mark.parametrize("what", NEW_FILES)
def test_a_new_file_that_would_be_run_or_read_turns_a_gate_red(run, gate, project, what):
    """The files that were there had the sums they had; a sweep saw the new one, and the gate did not."""
    text = project.core.read_text()
    project.core.write_text(text + "try:\n    from myspeed import FACTOR\nexcept ImportError:\n    FACTOR = 1.0\n"
                            "from pathlib import Path\nINI = Path(__file__).parents[1] / 'port.ini'\n"
                            "if INI.is_file():\n    FACTOR = float(INI.read_text())\n")
    project.declare(DECLARED)
    project.commit("declared")
    assert run()[0] == 0 and gate(ALL) == {}
    name, content = NEW_FILES[what]
    (project.home / name).write_text(content)
    assert f"{name} is new" in gate(ALL)["engines_unchanged"]
    (project.home / name).unlink()
    assert gate(ALL) == {}


def test_a_bundle_that_takes_a_port_for_the_simulator_is_red(run, gate, project):
    """As bundles do that were made when a port that imports the simulator was called by that name."""
    from dataclasses import replace

    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.case.case_file import load_case
    from nbcompare.plan.origins import _source_fault

    project.declare(DECLARED)
    _, record = run()
    engine = load_bundle(Path(record["bundle"])).record.engines[1]
    taken = replace(engine, made_of=replace(engine.made_of, bundled=True))
    assert _source_fault(engine, load_case(project.case)) is None
    assert "for the simulator that it imports" in _source_fault(taken, load_case(project.case))


def test_what_came_from_the_shell_is_told_to_whoever_signs(run, nb, gate, project, monkeypatch):
    """A broken port passed by a variable that its declaration passes on, and nobody could see that it was set."""
    project.declare(DECLARED.replace("src}", "src}, pass: ['MYPORT_*']"))
    monkeypatch.setenv("MYPORT_SCALE", "0.5")
    _, record = run()
    assert any("from your shell the subject got MYPORT_SCALE, as nb-compare.yaml says" in note
               for note in record["notes"])
    monkeypatch.delenv("MYPORT_SCALE")
    gate("files_complete: true")
    said = nb("gate", "P", "--phases", "cases/phases.yaml", "--format", "json")
    why = next(item["why"] for item in said.json["items"] if item["requirement"] == "experiment")
    assert "the subject had MYPORT_SCALE=0.5 from the shell" in why
    monkeypatch.setenv("MYPORT_OTHER", "1")
    assert "passes on MYPORT_OTHER=1, which is set here" in gate("files_complete: true")["experiment"]


def test_a_sweep_runs_again_for_other_devices_or_threads_and_a_gate_tells_them(run, nb, gate, project, monkeypatch):
    """The image of one device, or of one number of threads, stood for that of another."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    project.declare(DECLARED)

    def how(jobs):
        said = nb("sweep", project.case, "-j", jobs, "-q", "--format", "json")
        return said.json["results"][0]["how"]

    assert run()[0] == 0 and how("1") == "stored"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert how("1") == "ran"
    gate("files_complete: true")
    said = nb("gate", "P", "--phases", "cases/phases.yaml", "--format", "json")
    why = next(item["why"] for item in said.json["items"] if item["requirement"] == "experiment")
    assert "the engines had CUDA_VISIBLE_DEVICES=1 from the shell" in why
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert ("OMP_NUM_THREADS was not set for the engines and is 3 here, where they would get it; unset it, or run"
            in gate("files_complete: true")["experiment"])
    assert (how("1"), how("2")) == ("ran", "stored")
    in_a_pool = {"$OMP_NUM_THREADS": "1", f"${SHARED_CPUS}": "1", "$KMP_BLOCKTIME": "0", "cpu": "x"}
    assert computing_variables(in_a_pool) == {"KMP_BLOCKTIME": "0"}, "the share of a process is no wish of the user's"


def test_a_variable_that_both_declarations_or_the_case_set_is_none_of_the_shell(run, gate, project, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    project.declare(DECLARED.replace("src}", "src, OMP_NUM_THREADS: 2}"))
    assert run()[0] == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS was 2" in gate("engines_unchanged: true")["experiment"], "the reference would get it"
    project.declare(DECLARED.replace("src}", "src, OMP_NUM_THREADS: 2}"),
                    reference="ref.py, environment: {set: {OMP_NUM_THREADS: 2}}")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert run()[0] == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert gate("engines_unchanged: true") == {}
    project.declare(DECLARED)
    project.case.write_text(project.case.read_text() + "environment: {OMP_NUM_THREADS: 2}\n")
    assert run()[0] == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert gate("engines_unchanged: true") == {}


@pytest.fixture
def tested(project):
    """The port with a mapped test of its own, which imports it from src/ by the project's pytest.ini."""
    (project.home / "tests").mkdir()
    (project.home / "tests/expect.txt").write_text("1\n")
    (project.home / "tests/test_port.py").write_text(
        "from pathlib import Path\nfrom myport import core\n"
        "def test_core(): assert core.pixels and (Path(__file__).parent / 'expect.txt').read_text() == '1\\n'\n")
    (project.home / "pytest.ini").write_text("[pytest]\npythonpath = src\n")
    project.case.write_text(project.case.read_text() + "tests: [tests/test_port.py]\n")
    project.declare(DECLARED)
    project.commit("tested")
    return project


CHANGED_TESTS = {
    "tests/test_port.py changed": ("tests/test_port.py", "def test_bad(): assert 0\n"),
    "tests/conftest.py is new": ("tests/conftest.py", "assert 0\n"),
    "conftest.py is new": ("conftest.py", "assert 0\n"),
    "pytest.ini changed": ("pytest.ini", "[pytest]\n"),
    "tests/expect.txt changed": ("tests/expect.txt", "2\n"),
}


@pytest.mark.parametrize("what", CHANGED_TESTS)
def test_green_tests_are_those_that_were_run(run, gate, tested, what):
    """A gate held mapped tests green that were others meanwhile, and would have failed."""
    assert run()[0] == 0 and gate("tests_green: true") == {}
    name, text = CHANGED_TESTS[what]
    (tested.home / name).write_text(text)
    assert f": {what}; run the case again" in gate("tests_green: true")["tests_green"]


def test_a_sweep_does_not_take_other_tests_for_done(nb, tested):
    tested.case.write_text(tested.case.read_text() + "matrix:\n  runs: {one: -phi 0}\n")
    assert "1 run, 0 already done" in nb("sweep", tested.case, "-q").out
    assert "0 run, 1 already done" in nb("sweep", tested.case, "-q").out
    (tested.home / "tests/test_port.py").write_text("def test_bad(): assert 0\n")
    said = nb("sweep", tested.case, "-q")
    assert said.code == 8 and "1 run, 0 already done" in said.out


def test_tests_of_another_copy_of_the_port_show_nothing(run, tested, tmp_path):
    other = Project(tmp_path / "other")
    (tested.home / "tests/test_port.py").write_text(
        f"import sys\nsys.path.insert(0, {str(other.home / 'src')!r})\nfrom myport import core\n"
        "def test_core(): assert core.pixels\n")
    code, record = run()
    assert code == 8
    assert f"they tested myport of {other.home}/src/myport, and the subject is that of {tested.home}/src/myport" in \
        record["verdict"]["reasons"][0]


def test_undeclared_sources_are_red_with_the_line_to_add(run, gate, project, nb):
    project.wrapper()
    project.declare(WRAPPED)
    _, record = run()
    assert any("not all that the subject is made of is known" in note for note in record["notes"])
    why = gate("engines_unchanged: true")["engines_unchanged"]
    assert "add to the engine subject in nb-compare.yaml: sources: [" in why
    last = nb("gate", "P", "--phases", "cases/phases.yaml").out.splitlines()[-1]
    assert "write the sources named above into nb-compare.yaml, then nb-compare run " in last


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
    code, record = run()
    assert code == 0 and gate("files_complete: true") == {}
    text, (reference, subject) = project.case.read_text(), record["engines"]
    for pinned, red in ((f"reference: {{sha256: {reference['program_sha256']}, version: reference 1.0}}", None),
                        (f"subject: {{sha256: {subject['made_of']['sha256']}, version: myport 3.1}}", None),
                        (f"reference: {{sha256: {'0' * 64}}}", "the reference has not the sum that the case pins"),
                        (f"subject: {{sha256: {'0' * 64}}}", "the subject has not the sum that the case pins"),
                        ("subject: {version: myport 3}", "the subject has not the version that the case pins")):
        project.case.write_text(f"{text}{pinned}\n")
        assert gate("files_complete: true").get("experiment") == red, pinned


def test_a_gate_tells_that_here_the_modules_would_be_sought_elsewhere(nb, run, gate, project, monkeypatch):
    """Nothing declared, asked in a shell where the port would not be found: green, as its files are what they were."""
    def why():
        said = nb("gate", "P", "--phases", "cases/phases.yaml", "--format", "json")
        return next(item["why"] for item in said.json["items"] if item["requirement"] == "experiment")

    monkeypatch.setenv("PYTHONPATH", "src")
    assert run("--c-bin", "ref.py", "--py-bin", f"{sys.executable} -m myport")[0] == 0
    assert gate("engines_unchanged: true") == {} and "PYTHONPATH" not in why()
    monkeypatch.delenv("PYTHONPATH")
    assert gate("engines_unchanged: true") == {}
    assert why().endswith("; PYTHONPATH was src for the engines and is not set here")
    monkeypatch.setenv("PYTHONPATH", "lib")
    assert why().endswith("; PYTHONPATH was src for the engines and is lib here")
    project.declare(DECLARED, reference="ref.py, environment: {set: {PYTHONPATH: src}}")
    assert run()[0] == 0
    monkeypatch.delenv("PYTHONPATH")
    assert gate("engines_unchanged: true") == {} and "PYTHONPATH" not in why(), "neither would get that of the shell"


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


def test_a_run_under_another_home_does_not_stand_for_one_here(run, nb, gate, project, monkeypatch, tmp_path):
    """What lies in a home decides an image, and the name of the home decides what lies there."""
    project.declare(DECLARED)
    assert run()[0] == 0
    homes = [str(tmp_path / name) for name in ("one", "other")]
    monkeypatch.setenv("HOME", homes[0])
    assert nb("sweep", project.case, "-q", "--format", "json").json["results"][0]["how"] == "ran"
    assert nb("sweep", project.case, "-q", "--format", "json").json["results"][0]["how"] == "stored"
    monkeypatch.setenv("HOME", homes[1])
    gate("files_complete: true")
    said = nb("gate", "P", "--phases", "cases/phases.yaml", "--format", "json")
    why = next(item["why"] for item in said.json["items"] if item["requirement"] == "experiment")
    assert why.endswith(f"; HOME was {homes[0]} for the engines and is {homes[1]} here")
    assert nb("sweep", project.case, "-q", "--format", "json").json["results"][0]["how"] == "ran"


def test_the_gate_says_in_one_line_why_nothing_was_compared(run, gate, project):
    """How the engine failed, and its last words; not all of its traceback and the variables of the shell."""
    project.declare(DECLARED)
    project.break_port()
    run()
    assert gate("engines_unchanged: true")["verdict"] == (
        "nothing was compared: ENGINE FAILED; subject ended with exit code 1 (RuntimeError: broken)")
    test = project.home / "tests/test_a.py"
    test.parent.mkdir()
    test.write_text("def test_a():\n    assert 1 == 2\n")
    project.case.write_text(project.case.read_text() + "tests: [tests/test_a.py]\n")
    run()
    assert gate("engines_unchanged: true")["verdict"] == (
        "nothing was compared: BLOCKED; the mapped tests failed: first failing test: tests/test_a.py::test_a "
        "(assert 1 == 2)")
