"""validate: all faults of all files at once, with places; mistyped options are found before any engine is started."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import nbcompare
from nbcompare.case.arguments.option_faults import option_faults, similar_options
from nbcompare.case.validate import validate
from tests.nbcompare.conftest import SMALL_CASE

BAD = """\
name: bad name
title: eleven faults
comand: x
command: >-
  -NN 5 -lamda 1 -detpixels 32
  -default_F ten -cell 10 10 10 90 90 90 -Na
image: {fast: 32, slow: 33}
inputs:
  a.hkl: {file: a.hkl}
rois:
  full: full
  far: [0, 10, 50, 60]
thresholds:
  - {metric: corelation, min: 0.9, why: x}
  - {metric: sum_ratio, rois: [fulll, farr], min: 0.9, max: 1.1, why: x}
limits: {reference_second: 4}
"""


@pytest.fixture
def written(tmp_path):
    def call(text, name="x.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return call


def test_every_fault_is_told_at_its_place(written, nb):
    said = nb("validate", written(BAD), written(SMALL_CASE, "good.yaml"))
    assert said.code == 1
    places = [line.partition("x.yaml:")[2] for line in said.out.splitlines() if "x.yaml:" in line]
    expected = ("1:7: name must", "3:1: unknown key 'comand'", "5:3: unknown option -NN; did you mean -N?",
                "5:9: unknown option -lamda; did you mean -lambda?", "6:3: -default_F needs a number, found 'ten'",
                "6:42: -Na needs a whole number, found nothing", "7:8: image says",
                "9:17: input a.hkl: there is no file", "12:8: region far",
                "14:14: unknown metric 'corelation'", "15:32: unknown region 'fulll'", "15:39: unknown region 'farr'",
                "16:10: unknown key 'reference_second'")
    assert [place.startswith(start) for place, start in zip(places, expected, strict=True)] == [True] * 13, places
    assert "good.yaml: valid case" in said.out and "13 faults in 1 of 2 files" in said.out


@pytest.mark.parametrize("old, new, fault", [
    ("-detpixels_y 7", "-detpixels_y seven", "-detpixels_y needs a number, found 'seven'"),
    ("-flux 1e18", "-distance -flux 1e18", "-distance needs a number, found the option -flux")])
def test_a_bad_number_is_told_once_at_its_word_with_what_stands_there(written, old, new, fault):
    """The size is asked for when the case is read, and again when all options are looked at."""
    found = validate(written(SMALL_CASE.replace(old, new))).faults
    said = [entry for entry in found if fault in str(entry)]
    assert len(said) == 1 and str(found).count("needs a number") == 1
    column = SMALL_CASE.replace(old, new).splitlines()[(said[0].line or 0) - 1].index(fault.split()[0]) + 1
    assert said[0].column == column


def test_a_word_that_belongs_to_no_option_is_told_where_it_stands(written):
    text = SMALL_CASE.replace("-flux 1e18", "-flux 1e18 6x4")
    (fault,) = validate(written(text)).faults
    assert fault.column == text.splitlines()[(fault.line or 0) - 1].index("6x4") + 1


def test_a_run_that_ends_at_a_fault_tells_of_each_once(written, nb):
    path = written(BAD)
    said, faults = nb("run", path), validate(path).faults
    assert said.code == 1 and said.err.count("x.yaml:") == len(faults) > 9
    assert all(said.err.count(str(fault)) == 1 for fault in faults)


def test_the_json_form_follows_its_schema(written, nb):
    said = nb("validate", written(BAD), "--format", "json").json
    schema = Path(nbcompare.__file__).parent / "commands/schemas/validate.json"
    jsonschema.validate(said, json.loads(schema.read_text()))
    assert (said["files"][0]["faults"][0]["line"], said["exit_code"]) == (1, 1)


@pytest.mark.parametrize("line, fault", [("../case_schema.json", "is not there"),
                                         ("https://example.org/case_schema.json", None),
                                         ("https://example.org/phases_schema.json", "this is a case")])
def test_the_schema_line_names_the_schema_of_the_file(written, line, fault):
    found = validate(written(f"# yaml-language-server: $schema={line}\n{SMALL_CASE}")).faults
    assert [fault in str(entry) for entry in found] == ([True] if fault else [])
    assert [(entry.line, entry.column) for entry in found] == ([(1, 1)] if fault else [])


def test_project_and_phases_are_looked_at_too(written):
    project = validate(written("engines:\n  a: {comand: x}\n  b: {command: [], cwd: nowhere}\n", "nb-compare.yaml"))
    assert project.kind == "project file" and [fault.line for fault in project.faults] == [2, 3]
    phases = validate(written("title: t\nphases:\n  - {name: a, title: t, cases: [x], requires: {}}\n  - {nam: b}\n"))
    assert phases.kind == "phases" and {fault.line for fault in phases.faults} == {3, 4}


def test_declared_engines_may_have_options_of_their_own(written):
    case = written(SMALL_CASE.replace("-flux 1e18", "-flux 1e18 -mine 4"))
    assert "unknown option -mine" in str(validate(case).faults[0])
    written("engines: {reference: {command: a}, subject: {command: b}}\n", "nb-compare.yaml")
    assert not validate(case).faults


def test_declared_engines_are_no_reason_to_pass_over_a_mistyped_option(written):
    """The C program ignores a word that it does not know: both engines could agree about another experiment."""
    written("engines: {reference: {command: a}, subject: {command: b}}\n", "nb-compare.yaml")
    text = SMALL_CASE.replace("-flux 1e18", "-flux 1e18 -lamda 4")
    (fault,) = validate(written(text)).faults
    assert "unknown option -lamda; did you mean -lambda" in str(fault) and "options: own" in str(fault)
    assert not validate(written(text + "options: own\n")).faults
    in_a_cell = validate(written(SMALL_CASE + "matrix: {axes: {-lamda: [1, 2]}}\n")).faults
    assert [fault.message.count("-lamda") for fault in in_a_cell] == [1]


def test_a_threshold_without_a_reason_is_read_to_its_end(written):
    found = validate(written(SMALL_CASE + "  - {metric: correlatoin, min: 2}\n  - {min: 2}\n")).faults
    said = "\n".join(str(fault) for fault in found)
    assert said.count("lacks the key 'why'") == 2 and said.count("lacks the key 'metric'") == 1
    assert "unknown metric 'correlatoin'" in said and len(found) == 4


def test_text_that_is_no_yaml_is_one_fault(written):
    assert len(validate(written("name: [")).faults) == 1
    assert len(validate(Path("nowhere.yaml")).faults) == 1


@pytest.mark.parametrize("word, meant", [("-NN", "-N"), ("-lamda", "-lambda"), ("-Flux", "-flux"),
                                         ("-detpixel_x", "-detpixels_x"), ("-defaultF", "-default_F"),
                                         ("--hkl", "-hkl")])
def test_a_mistyped_option_is_told_with_the_one_that_is_meant(word, meant):
    assert similar_options(word)[0] == meant


def test_values_are_looked_at_as_the_bundled_engines_do():
    assert list(option_faults(["-N", "5", "-cell", "1", "2", "-misset", "random", "-curved_det", "-roi", "-1", "5", "0",
                               "3", "-detector_abs", "inf"])) == []
    assert list(option_faults(["-N", "2.5", "-zzz", "4", "7", "-lambda", "x"])) == [
        "-N needs whole numbers, found '2.5'", "unknown option -zzz; docs/flags.md lists them",
        "-lambda needs a number, found 'x'"]


@pytest.mark.parametrize("line", [
    *(f"{key}: {wrong}" for key in ("command", "image", "rois", "inputs", "thresholds", "limits")
      for wrong in ("[x]", "7.5.1", "true")),
    "titel: x", "comand: x", "tresholds: []", "image: {fast: 9, slwo: 7}",
    "command: -hkl a.hkl -detpixel_x 9 -detpixels_y 7", "command: -hkl a.hkl -flux -detpixels_x 9 -detpixels_y 7"])
def test_one_mistake_is_told_once(written, line):
    """What only follows from a fault is no fault of its own: a region where the section of regions cannot be read, an
    image unlike that of a mistyped command, a key that is lacking because it was mistyped."""
    sections = yaml.safe_load(SMALL_CASE) | {"inputs": {"a.hkl": {"file": "x.yaml"}}}
    sections["command"] += " -hkl a.hkl"
    sections["thresholds"][0]["rois"] = ["full", "middle"]
    assert validate(written(yaml.safe_dump(sections))).faults == ()
    key = line.partition(":")[0]
    sections.pop({"titel": "title", "comand": "command", "tresholds": "thresholds"}.get(key, key), None)
    told = validate(written(f"{line}\n{yaml.safe_dump(sections)}")).faults
    assert len(told) == 1, [str(fault) for fault in told]


@pytest.mark.parametrize(("slip", "words"), [
    ("-N five", "-N needs whole numbers, found 'five'"), ("-distance", "found the option -flux"),
    ("-NN 3", "did you mean -N?"), ("-N 3 4", "'4' belongs to no option")])
def test_a_slip_is_found_before_two_programs_agree_about_another_experiment(nb, fake, small_case, slip, words):
    """Declared programs may have options of their own, and the C program passes over what it does not know."""
    (small_case.parent / "nb-compare.yaml").write_text(
        f"engines: {{reference: {{command: {fake('good')}}}, subject: {{command: {fake('twin')}}}}}\n")
    small_case.write_text(SMALL_CASE.replace("-flux", f"{slip} -flux"))
    said = nb("run", small_case)
    assert said.code == 1 and words in said.err and "nothing was run" in said.err
    assert words in nb("validate", small_case).out
    small_case.write_text(small_case.read_text() + "options: own\n")
    assert nb("validate", small_case).code == 0


def test_a_syntax_error_says_where_what_it_broke_began(written):
    (fault,) = validate(written(SMALL_CASE.replace("title: a", 'title: "a'))).faults
    assert "quoted scalar begun at line 2" in str(fault)
    (fault,) = validate(written(SMALL_CASE.replace("  full:", "\tfull:"))).faults
    assert "x.yaml:6:1: not valid YAML: a tab; YAML indents with spaces alone" in str(fault)
