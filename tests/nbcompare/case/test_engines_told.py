"""Declared engines: what stands between a case and a program, stored images, and what a project file allows; each fault
word for word."""

import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.case.case import Case, CaseInput, Limits
from nbcompare.case.declared.adapter import Adapter, ArgumentRule, ConfigFile, adapter_of, capabilities_of, scaled
from nbcompare.case.declared.declarations import EngineDeclaration, TestsPlace, absolute_entries, declarations_of
from nbcompare.case.project import (
    CODE_VARIABLES,
    Project,
    declared_engines,
    load_project,
    project_above,
    refuse_code_variables,
)
from nbcompare.case.project_file import PROJECT_FILE, find_project_file
from nbcompare.case.reading.strict_yaml import load
from nbcompare.errors import CaseError
from tests.nbcompare.frozen import are_frozen


@pytest.fixture
def root(tmp_path):
    """The root of a YAML text, beside which a program, a template and an image lie."""
    (tmp_path / "port.ini").write_text("hkl = {HKL}\nout = {output}\n")
    (tmp_path / "still.npy").write_bytes(b"image")
    (tmp_path / "python").write_text("x")
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "src").mkdir()

    def call(text):
        (tmp_path / "x.yaml").write_text(text)
        return load(tmp_path / "x.yaml", "the file")[0]

    return call


def refused(what, *words, **named):
    """The words of a fault, without its place."""
    with pytest.raises(CaseError) as caught:
        what(*words, **named)
    return str(caught.value).partition("x.yaml:")[2].partition(" ")[2]


def adapter(root, text, *, has_cwd=False):
    cursor = root(text)
    return adapter_of(cursor.mapping(), cursor.path.parent, has_cwd=has_cwd)


# --- adapters ---------------------------------------------------------------------------------------------

ARGUMENTS = ("arguments: {-detpixels_x: --width, -distance: {to: [--d, '{1}'], scale: 0.001}, -mosflm: {drop: no "
    "other}, "
             "-hkl: {config: HKL}, -roi: {config: [A, B], scale: [1, 2]}}\n")
CONFIG = "config: {file: run.ini, template: t.ini, argument: --config, defaults: {C: none}}\n"
OUTPUT = "output: {file: image.raw, format: raw, dtype: <f4, shape: [7, 9], offset: 512}\n"


def test_an_adapter_is_read_and_kept_as_it_stands(root, tmp_path):
    (tmp_path / "t.ini").write_text("{HKL} {A} {B} {C} {output}\nend\n")
    found = adapter(root, ARGUMENTS + CONFIG + OUTPUT)
    assert found.rules == (
        ArgumentRule("-detpixels_x", ("--width",)), ArgumentRule("-distance", ("--d", "{1}"), (0.001,)),
        ArgumentRule("-mosflm", drop="no other"), ArgumentRule("-hkl", config=("HKL",)),
        ArgumentRule("-roi", scale=(1.0, 2.0), config=("A", "B")))
    assert found.others == "refuse" and found.stored is None
    assert found.config == ConfigFile("run.ini", "{HKL} {A} {B} {C} {output}\nend\n", "--config", (("C", "none"),))
    assert (found.output.file, found.output.declared.shape, found.output.declared.offset) == ("image.raw", (7, 9), 512)
    assert Adapter.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert found.as_dict()["config"]["template"] == ["{HKL} {A} {B} {C} {output}", "end", ""]
    assert are_frozen(found, found.config, found.output, *found.rules)
    assert adapter(root, "{x: y}") is None and adapter(root, "other_arguments: refuse").others == "refuse"
    assert adapter(root, "output: {file: a, format: numpy}").others == "pass"
    assert Adapter.from_dict(Adapter().as_dict()) == Adapter() and Adapter().stored is None
    assert Adapter((ArgumentRule("*", drop="s"),)).stored == "s"


@pytest.mark.parametrize(("text", "told"), [
    ("arguments: {x: y}", "arguments: 'x' is no option; it must begin with - and a letter"),
    ("arguments: {}", "arguments must hold a rule, or be left out"),
    ("arguments: {-a: []}", "-a must hold a word, or say drop and why"),
    ("arguments: {-a: {}}", "-a needs one of to, drop and config"),
    ("arguments: {-a: {to: x, drop: y}}", "-a needs one of to, drop and config"),
    ("arguments: {-a: {drop: y, scale: 2}}", "-a is dropped, so there is nothing to scale"),
    ("arguments: {-a: {to: x, scale: 0}}", "scale must be a number other than 0, or a list with one for each value"),
    ("arguments: {-a: {to: x, scale: []}}", "scale must be a number other than 0"),
    ("arguments: {-a: {to: x, scale: [1, 0]}}", "scale must be a number other than 0"),
    ("arguments: {-a: {config: output}}", "config: 'output' is no name of a place in the template"),
    ("arguments: {-a: {config: [A, b-c]}}", "config: 'b-c' is no name of a place in the template"),
    ("arguments: {-a: {config: A}}", "-a goes to a config file, and no config is declared"),
    ("other_arguments: pas", "unknown word for other_arguments 'pas'; did you mean 'pass'?"),
    ("config: {file: ../a, template: port.ini, defaults: {HKL: x}}", "file '../a' must be a plain name of a file in "
     "the "
     "folder of the run"), ("config: {file: ./a, template: port.ini, defaults: {HKL: x}}",
     "file './a' must be a plain"),
    ("config: {file: -a, template: port.ini, defaults: {HKL: x}}", "file '-a' must be a plain"),
    ("config: {file: a, template: no.ini}", "config: cannot read the template no.ini: No such file or directory"),
    ("config: {file: a, template: src}", "config: the template src is no ordinary file"),
    ("config: {file: a, template: port.ini}", "config: nothing fills {HKL} of the template"),
    ("config: {file: a, template: port.ini, defaults: {HKL: x, B: y}}", "config: the template has no place {B}"),
    ("output: {file: a, format: rw}", "unknown format 'rw'; did you mean 'raw'?"),
    ("output: {file: a, format: raw, shape: [7, 9]}", "output: a raw file does not say its type; declare dtype, such "
     "as"),
    ("output: {file: a, format: raw, dtype: x}", "output: dtype=x: ")])
def test_what_an_adapter_cannot_say(root, text, told):
    assert refused(adapter, root, text).startswith(told)


def test_a_program_in_a_folder_of_its_own_is_told_where_to_write(root):
    for rule, good in (("-floatfile: --out", True), ("-floatfile: {drop: it knows}", False), ("-a: --out", False)):
        text = f"arguments: {{{rule}}}\noutput: {{file: a.npy, format: numpy}}\n"
        if good:
            assert adapter(root, text, has_cwd=True).output.file == "a.npy"
        else:
            assert refused(adapter, root, text, has_cwd=True) == (
                "a program that is started in a folder of its own (cwd) has to be told where to write: give a rule for "
                "-floatfile, or an old file could be read")
        assert adapter(root, text).output


@pytest.mark.parametrize(("content", "told"), [
    (b"a\tb{HKL}", "config: the template holds a character that cannot be seen, such as a tab or a carriage return; "
     "blanks "
     "and line ends alone are kept in a record"), (b"\xff{HKL}", "config: the template is no text (UTF-8)"),
    (b"x" * ((1 << 20) + 1), "config: the template is longer than 1 MiB"), (b"{HKL}" + b"x" * ((1 << 20) - 5), None)])
def test_a_template_is_text_that_can_be_seen(root, tmp_path, content, told):
    (tmp_path / "t.ini").write_bytes(content)
    text = "config: {file: a, template: t.ini, defaults: {HKL: x}}"
    assert adapter(root, text).config if told is None else refused(adapter, root, text) == told


@pytest.mark.parametrize(("value", "factor", "text"), [
    ("100", 0.001, "0.1"), ("1.50", 2.0, "3"), ("-0.1", 10.0, "-1"), ("1e20", 1.0, "100000000000000000000"),
    ("1e21", 1.0, "1E+21"), ("1", 1e-12, "0.000000000001"), ("1", 1e-13, "1E-13"), ("0", 5.0, "0"), ("1e2", 0.25,
     "25")])
def test_a_scaled_value_has_its_shortest_digits(value, factor, text):
    assert scaled(value, factor) == text


def test_what_is_no_number_is_not_scaled():
    for value, told in (("x", "'x' is no number"), ("inf", "'inf' is no finite number"), ("nan", "'nan' is no finite")):
        with pytest.raises(ValueError, match=told):
            scaled(value, 2.0)


def test_capabilities_are_yes_or_no(root):
    assert capabilities_of(root("{roi: false, trace: true}")) == (("roi", False), ("trace", True))
    assert capabilities_of(None) == ()
    assert refused(capabilities_of, root("{roi: no way}")) == "roi must be true or false"


# --- declarations -----------------------------------------------------------------------------------------

FULL = """\
a:
  command: port -x
  cwd: src
  environment: {set: {PATH: "src:/bin", MODE: fast}, pass: [MY_*, "A?"]}
  sources: [src/*.py]
  repository: .
  version: port --version
  build: [make, -C, src]
  tests: {python: python, folder: src}
  watched: false
  keeps: [run.log, ~/x/*]
  capabilities: {roi: false}
"""


def test_a_declaration_is_read_with_absolute_paths(root, tmp_path):
    found, = declarations_of(root(FULL)).values()
    assert found == EngineDeclaration(
        "a", ("port", "-x"), tmp_path / "x.yaml", tmp_path / "src", (("PATH", f"{tmp_path}/src:/bin"), ("MODE",
        "fast")),
        ("MY_*", "A?"), ("src/*.py",), tmp_path, ("port", "--version"), ("make", "-C", "src"),
        TestsPlace(tmp_path / "src", tmp_path / "python"), None, (("roi", False),), False,
        (f"{tmp_path}/run.log", os.path.expanduser("~/x/*")))
    assert found.folder == tmp_path and are_frozen(found, found.tests)
    plain, = declarations_of(root("a: {command: port}\n")).values()
    assert plain == EngineDeclaration("a", ("port",), tmp_path / "x.yaml") and plain.watched
    assert declarations_of(None) == {} and declarations_of(root("a: {command: x, tests: {}}"))["a"].tests == TestsPlace(
        tmp_path)
    assert absolute_entries("a::/b/../c:", Path("/x")) == "/x/a:/x:/b/../c:/x"


@pytest.mark.parametrize(("text", "told"), [
    ("{}", "engines must declare at least one engine, or be left out"),
    ("{a b: {command: x}}", "the engine name 'a b' must be letters, digits, '.', '_' and '-'"),
    ("{a: {command: []}}", "command must name a program"), ("{a: {command: x, version: []}}", "version must name a"),
    ("{a: {command: x, cwd: none}}", "cwd: there is no folder none beside this file"),
    ("{a: {command: x, environment: {set: {A B: x}}}}", "'A B' cannot be the name of a variable"),
    ("{a: {command: x, environment: {pass: [1A]}}}", "'1A' is no name of a variable, with * and ? for what is left "
     "open"),
    ("{a: {command: x, sources: []}}", "sources must name at least one file, or be left out"),
    ("{a: {command: x, sources: [./.]}}", "sources: './.' must be a glob of files, relative to this file"),
    ("{a: {command: x, sources: [/etc/x]}}", "sources: '/etc/x' must be a glob of files, relative to this file"),
    ("{a: {command: x, keeps: [/**]}}", "keeps: '/**' would be every file"), ("{a: {command: x, watched: 1}}",
     "watched "
                                                                              "must be true or false"),
    ("{a: {command: x, tests: {python: x.yaml}}}", "tests: there is no program x.yaml beside this file")])
def test_what_a_declaration_cannot_say(root, text, told):
    assert refused(declarations_of, root(text)).startswith(told)


def test_a_link_to_the_folder_keeps_the_same_files_by_both_names(root, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    root("a: {command: x, keeps: [run.log]}\n")
    found = declarations_of(load(tmp_path / "link" / "x.yaml", "the file")[0])["a"]
    assert found.keeps == (f"{tmp_path}/link/run.log", f"{tmp_path}/run.log")


SUM = sha256(b"image").hexdigest()
IMAGE = f"a: {{image: {{file: still.npy, format: numpy, sha256: {SUM}, origin: of a bundle}}}}\n"


def test_an_image_that_is_there_stands_for_an_engine(root, tmp_path):
    found = declarations_of(root(IMAGE))["a"]
    assert found.command[:2] == (sys.executable, "-P") and found.command[3:] == (f"{tmp_path}/still.npy",)
    assert Path(found.command[2]).name == "stored_image.py" and Path(found.command[2]).is_file()
    assert found.adapter.stored == ("it is the stored image still.npy, which no argument changes; its origin: of a "
                                    "bundle")
    assert (found.adapter.output.file, found.sources, found.repository) == ("stored-image.npy", ("still.npy",),
        tmp_path)
    assert dict(found.capabilities) == dict.fromkeys(("roi", "batch", "emulate", "trace", "threads"), False)


@pytest.mark.parametrize(("old", "new", "told"), [
    ("still.npy", "no.npy", "engine a: "), (SUM, "0" * 64, f"engine a: still.npy has sha256 {SUM}: it is not the image "
                                            "that was stored"),
    (SUM, "A" * 64, "sha256 must be 64 hexadecimal digits in lower case, found "), (", origin: of a bundle", "",
     "image "),
    ("numpy", "raw", "image: a raw file does not say its type")])
def test_an_image_of_another_sum_or_of_no_origin_is_refused(root, old, new, told):
    assert refused(declarations_of, root(IMAGE.replace(old, new))).startswith(told)


# --- projects ---------------------------------------------------------------------------------------------


def test_a_project_is_the_nearest_above_a_case(tmp_path, monkeypatch):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert project_above(below) == Project()
    (tmp_path / PROJECT_FILE).write_text("case_environment: [PYTHONPATH, X_*]\nengines: {one: {command: x}}\n")
    found = project_above(below)
    assert found.path == tmp_path / PROJECT_FILE and found.case_environment == ("PYTHONPATH",
        "X_*") and are_frozen(found)
    assert found.sha256 == sha256(found.path.read_bytes()).hexdigest() == load_project(found.path).sha256
    own = EngineDeclaration("one", ("y",), below / "case.yaml")
    assert declared_engines(Things(engines={"one": own}), found) == {"one": own}
    (tmp_path / "a" / PROJECT_FILE).write_text("engines: {two: {command: x}}\n")
    assert find_project_file(below) == tmp_path / "a" / PROJECT_FILE
    (tmp_path / "link").symlink_to(below)
    assert find_project_file(tmp_path / "link") == tmp_path / PROJECT_FILE


@pytest.mark.parametrize(("owner", "mode", "planted"), [
    ("other", 0o777, True), ("other", 0o755, False), ("own", 0o777, False), ("root", 0o777, False)])
def test_a_project_file_that_somebody_else_may_have_put_there_is_not_read(tmp_path, monkeypatch, owner, mode, planted):
    """A checkout of another user's, into which not everybody may write, is none such."""
    (tmp_path / PROJECT_FILE).write_text("engines: {one: {command: x}}\n")
    tmp_path.chmod(mode)
    real = (tmp_path / PROJECT_FILE).stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: real if owner == "own" else real + 1)
    if real == 0 and owner == "other":
        os.chown(tmp_path / PROJECT_FILE, 12345, -1)
    if real != 0 and owner == "root":
        pytest.skip("only root can give a file to root")
    if planted:
        with pytest.raises(CaseError) as told:
            project_above(tmp_path)
        assert told.value.message == (
            f"{tmp_path / PROJECT_FILE}: belongs to another user, in a folder into which everybody may write; as it "
            f"names "
            f"programs to start, it is not read: move your work elsewhere, or put a {PROJECT_FILE} of your own beside "
            "the case")
    else:
        assert list(project_above(tmp_path).engines) == ["one"]
    tmp_path.chmod(0o755)


def test_variables_that_decide_what_code_is_run_are_allowed_by_somebody(tmp_path):
    case = Things(environment={"OMP_NUM_THREADS": "1", "LD_PRELOAD": "x", "PYTHONPATH": "y"}, path=tmp_path / "c.yaml")
    with pytest.raises(CaseError) as told:
        refuse_code_variables(case, Project(case_environment=("PYTHON*",)), trusted=False)
    assert told.value.message.endswith("environment: LD_PRELOAD decides what code is run, and a case may not set it by "
                                       "itself")
    assert told.value.hint == (f"--trust-case allows it once; case_environment: [LD_PRELOAD] in {PROJECT_FILE} "
        f"allows it "
                               "for good")
    with pytest.raises(CaseError, match="environment: LD_PRELOAD decides"):
        refuse_code_variables(case, Project(), trusted=False)
    both = ["LD_PRELOAD", "PYTHONPATH"]
    assert refuse_code_variables(case, Project(), trusted=True) == both
    assert refuse_code_variables(case, Project(case_environment=("PYTHON*", "LD_PRELOAD")), trusted=False) == both
    harmless = ("PYTHONHASHSEED", "OMP_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "TZ")
    assert not any(map(CODE_VARIABLES.fullmatch, harmless)) and CODE_VARIABLES.fullmatch("my_config")


# --- the case itself --------------------------------------------------------------------------------------


def test_what_a_case_asks_for_follows_from_its_parts(tmp_path):
    claim = Things(bounds=(Things(metric="rmse", roi="b"),))
    case = Case("a", "t", (), None, (), (Things(metric="ssim", roi="a"),), divergences=(claim,))
    assert case.figures_asked == {("ssim", "a"), ("rmse", "b")} and not case.own_options
    assert case.folder == Path.cwd() and Case("a", "t", (), None, (), (), path=tmp_path / "c.yaml").folder == tmp_path
    assert Case("a", "t", (), None, (), (), options="own").own_options and (case.repeat, case.nan) == (0, "fail")
    assert CaseInput("x", None, "f", "1", {"2": "w", "3": "w"}).sums == ("1", "2", "3")
    assert CaseInput("x", None, "f", None).sums == () and vars(Limits()) == dict.fromkeys(
        ("reference_seconds", "subject_seconds", "tests_seconds"), 1800.0)
    assert are_frozen(case, Limits(), CaseInput("x", None, "f", None))
