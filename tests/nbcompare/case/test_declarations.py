"""Declared engines and the project file: read strictly, found upwards, resolved from the file that holds them."""

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from nbcompare.case import project
from nbcompare.case.case_file import load_case
from nbcompare.case.declared import declarations
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.progress import Progress
from nbcompare.engine.safety.safe_start import made_absolute, safe_variables
from nbcompare.errors import CaseError, UsageError
from nbcompare.run.options import RunOptions
from tests.nbcompare.conftest import FAKES, SMALL_CASE

SCHEMA = json.loads(resources.files("nbcompare.case").joinpath("project_schema.json").read_text(encoding="utf-8"))

GOOD = """\
engines:
  reference: {command: [ref.py, -v]}
  subject:
    command: python -m myport
    cwd: .
    environment: {set: {PYTHONPATH: "src:", MODE: fast}, pass: ["MYPORT_*"]}
    sources: ["src/**/*.py"]
    repository: .
    version: python -m myport --version
    tests: {folder: src}
case_environment: [PYTHONPATH]
"""

# (what is replaced, by what, line and column, words of the complaint, whether the schema refuses it too)
FAULTS = [
    ("engines:", "engine:", "1:1", "unknown key 'engine' in a project file; did you mean 'engines'?", True),
    ("command: [ref.py, -v]", "comand: x", "2:15", "did you mean 'command'?", True),
    ("command: [ref.py, -v]", "command: []", "2:24", "command must name a program", True),
    ("command: [ref.py, -v]", "command: x y 'z", "2:24", "cannot be split into words", False),
    ("reference:", "../ref:", "2:11", "the engine name '../ref'", True),
    ("cwd: .", "cwd: nowhere", "5:10", "there is no folder nowhere beside this file", False),
    ("MODE: fast", "A=B: fast", "6:50", "'A=B' cannot be the name of a variable", True),
    ("MODE: fast", "MODE: true", "6:51", "put it in quotes", True),
    ('["MYPORT_*"]', '["MYPORT=*"]', "6:65", "is no name of a variable", True),
    ('["src/**/*.py"]', "[/etc/*]", "7:15", "must be a glob of files, relative to this file: write ../", False),
    ('["src/**/*.py"]', "[]", "7:14", "at least one file", True),
    ("{folder: src}", "{python: no/python}", "10:21", "tests: there is no program no/python beside this file", False),
    ("{folder: src}", "{folder: [src]}", "10:21", "folder must be text, found list", True),
]


@pytest.fixture
def home(tmp_path):
    """A project with its file, a package and a case three folders down."""
    (tmp_path / "src").mkdir()
    (tmp_path / "ref.py").write_text("")
    (tmp_path / "nb-compare.yaml").write_text(GOOD)
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/c/small.yaml").write_text(SMALL_CASE)
    return tmp_path


@pytest.mark.parametrize(("old", "new", "place", "words", "schema_too"), FAULTS)
def test_a_fault_of_a_project_file_is_one_error_with_its_place(home, old, new, place, words, schema_too):
    assert old in GOOD
    path = home / "nb-compare.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(CaseError) as caught:
        project.load_project(path)
    assert words in str(caught.value) and str(caught.value).startswith(f"{path}:{place}: ")
    refused = list(jsonschema.Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text())))
    assert bool(refused) == schema_too


def test_schema_and_loader_of_the_project_file_know_the_same_words(home):
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(yaml.safe_load(GOOD))
    assert set(SCHEMA["properties"]) == set(project.KEYS)
    assert set(SCHEMA["definitions"]["engine"]["properties"]) == set(declarations.KEYS)
    case_schema = json.loads(resources.files("nbcompare.case").joinpath("case_schema.json").read_text(encoding="utf-8"))
    assert case_schema["definitions"]["engine"] == SCHEMA["definitions"]["engine"]


def test_a_project_file_is_found_upwards_from_the_case_and_its_paths_are_its_own(home):
    found = project.project_above(home / "a/b/c")
    subject = found.engines["subject"]
    assert found.path == home / "nb-compare.yaml" and found.case_environment == ("PYTHONPATH",)
    assert subject.command == ("python", "-m", "myport") and subject.cwd == home and subject.repository == home
    assert dict(subject.set_variables) == {"PYTHONPATH": f"{home / 'src'}:{home}", "MODE": "fast"}
    assert subject.tests == declarations.TestsPlace(home / "src")


def test_the_nearest_project_file_is_the_one(home):
    (home / "a/b/nb-compare.yaml").write_text("engines: {mine: {command: ref.py}}\n")
    assert list(project.project_above(home / "a/b/c").engines) == ["mine"]


def test_an_engine_of_the_case_stands_in_for_that_of_the_project(home):
    path = home / "a/b/c/small.yaml"
    path.write_text(SMALL_CASE + "engines: {subject: {command: ../x.py}}\n")
    (home / "a/b/x.py").write_text("")
    case = load_case(path)
    engines = choose_engines(RunOptions(), Progress(quiet=True),
                             project.declared_engines(case, project.project_above(case.folder)))
    assert engines["subject"].start[1:] == (str(home / "a/b/x.py"),)
    assert engines["reference"].start[1:] == (str(home / "ref.py"), "-v")
    assert (engines["subject"].chosen_by, engines["reference"].chosen_by) == ("small.yaml", "nb-compare.yaml")


@pytest.mark.parametrize("variable", [None, "NB_PY_BIN"])
def test_an_option_or_variable_may_be_a_command(nb, tmp_path, monkeypatch, variable):
    """And it is found wherever the engine is started: files of the command are absolute."""
    (tmp_path / "port.py").write_text("")
    text = f"{Path(__import__('sys').executable)} port.py --fast"
    if variable:
        monkeypatch.setenv(variable, text)
    engines = choose_engines(RunOptions(c_bin=str(FAKES / "good.py"), py_bin=None if variable else text),
                             Progress(quiet=True))
    assert engines["subject"].start[1:] == (str(tmp_path / "port.py"), "--fast")
    assert engines["subject"].name == "port.py" and engines["subject"].program == tmp_path / "port.py"


def test_a_program_with_a_blank_in_its_name_is_a_program(nb, tmp_path):
    (tmp_path / "my port.py").write_text("")
    engines = choose_engines(RunOptions(c_bin="my port.py", py_bin="my port.py"), Progress(quiet=True))
    assert engines["subject"].program == tmp_path / "my port.py"


def test_a_command_whose_program_is_not_there_is_named_whole(nb):
    with pytest.raises(UsageError, match="--py-bin: there is no program pyton -m myport"):
        choose_engines(RunOptions(c_bin=str(FAKES / "good.py"), py_bin="pyton -m myport"), Progress(quiet=True))


def test_a_declared_engine_can_be_chosen_by_its_name(home, nb, monkeypatch):
    (home / "nb-compare.yaml").write_text("engines: {old-port: {command: ref.py}}\n")
    declared = project.project_above(home).engines
    options = RunOptions(c_bin=str(FAKES / "good.py"), py_bin="old-port")
    engines = choose_engines(options, Progress(quiet=True), declared)
    assert (engines["subject"].name, engines["subject"].chosen_by) == ("old-port", "--py-bin")


def test_relative_folders_of_the_users_variables_are_absolute_for_an_engine(nb, tmp_path, monkeypatch):
    """An empty entry is the folder itself, as the shell and Python read it. What was written is recorded."""
    monkeypatch.setenv("PYTHONPATH", "src:/abs::../up")
    monkeypatch.setenv("LD_LIBRARY_PATH", "lib")
    monkeypatch.setenv("PATH", "bin:/usr/bin")
    got = safe_variables(FAKES / "good.py", {})
    assert got["PYTHONPATH"] == f"{FAKES}:{tmp_path}/src:/abs:{tmp_path}:{tmp_path.parent}/up"
    assert (got["LD_LIBRARY_PATH"], got["PATH"]) == (f"{tmp_path}/lib", f"{tmp_path}/bin:/usr/bin")
    assert made_absolute() == {"PYTHONPATH": "src:/abs::../up", "LD_LIBRARY_PATH": "lib", "PATH": "bin:/usr/bin"}


# --- a case's own environment --------------------------------------------------------------------------------


CODE_NAMES = ("LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GCONV_PATH PYTHONPATH PYTHONHOME PYTHONSTARTUP PATH BASH_ENV "
              "BASHOPTS PS4 PERL5LIB GIT_EXTERNAL_DIFF GIT_SSH_COMMAND OMP_TOOL_LIBRARIES MPLBACKEND "
              "CUDA_INJECTION64_PATH HDF5_PLUGIN_PATH COVERAGE_PROCESS_START XLA_FLAGS "
              "UCX_MODULE_DIR https_proxy").split()


@pytest.mark.parametrize("name", CODE_NAMES)
def test_a_case_may_not_say_what_code_is_run(nb, run_small, small_case, name):
    small_case.write_text(SMALL_CASE + f"environment: {{{name}: /evil}}\n")
    said = nb("run", small_case, "--c-bin", FAKES / "good.py", "--py-bin", FAKES / "twin.py", "-q")
    assert said.code == 1 and not Path("bundles").exists()
    assert f"{name} decides what code is run" in said.err and "--trust-case" in said.err


def test_a_trusted_case_and_a_project_that_allows_it_may(nb, small_case, tmp_path):
    small_case.write_text(SMALL_CASE + "environment: {PYTHONPATH: /nowhere}\n")
    words = ("run", small_case, "--c-bin", FAKES / "good.py", "--py-bin", FAKES / "twin.py", "-q")
    said = nb(*words, "--trust-case", "--format", "json")
    assert said.code == 0 and any(note.endswith(", which decides what code is run") for note in said.json["notes"])
    (tmp_path / "nb-compare.yaml").write_text("case_environment: ['PYTHON*']\n")
    small_case.write_text(small_case.read_text() + f"engines: {{subject: {{command: {FAKES / 'twin.py'}}}}}\n")
    said = nb(*words[:4], "-q", "--format", "json")
    told = f"the case itself names the program of the subject: {FAKES / 'twin.py'}"
    assert said.code == 0 and told in said.json["notes"]


def test_a_variable_that_decides_no_code_needs_no_trust(nb, small_case):
    small_case.write_text(SMALL_CASE + "environment: {OMP_NUM_THREADS: 2, MODE: x, PYTHONHASHSEED: 0, "
                          "CUBLAS_WORKSPACE_CONFIG: ':4096:8'}\n")
    assert nb("run", small_case, "--c-bin", FAKES / "good.py", "--py-bin", FAKES / "twin.py", "-q").code == 0
