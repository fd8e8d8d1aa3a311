"""One table of options: both simulators, the harness and the diagnosis hold to it, name by name."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nbcompare
from nanobrag_torch.command.flags import FLAGS
from nbcompare.case.arguments.command import parse_command
from nbcompare.case.arguments.factors import FACTORS
from nbcompare.case.arguments.options import CELL, MISSET, PERHAPS, all_options, option_named
from nbcompare.case.from_arguments import DUMP_BY_DEFAULT
from nbcompare.explain.diagnose.causes import GEOMETRY_TOPICS

TORCH = (sys.executable, "-m", "nanobrag_torch")
EXPLAIN = Path(nbcompare.__file__).parent / "explain"
PARTS = ("-detector_rot", "-value")
"""Beginnings of options, and endings of ids, that the sources put together."""

AN_OPTION = re.compile(r"-[A-Za-z0-9]\w+")


def rows_of_help(*start):
    """The names on each row of -h, in order."""
    text = subprocess.run([*start, "-h"], capture_output=True, text=True, check=True).stdout
    rows = [re.match(r"  ((?:--?\w+ )*--?\w+)", line) for line in text.splitlines()]
    return [tuple(word for word in row.group(1).split() if word.startswith("-")) for row in rows if row]


def a_use_of(option, name):
    """The option with values that any program takes."""
    if option.count in (CELL, MISSET, PERHAPS):
        return (name, *{CELL: ("50",), MISSET: ("random",), PERHAPS: ()}[option.count])
    return (name, *(("beam" if option.kind == "word" else "1",) * option.count))


# --- the simulators -------------------------------------------------------------------------------------------


def test_the_torch_simulator_explains_every_option_and_no_other():
    assert rows_of_help(*TORCH) == [flag.names for flag in FLAGS]


def test_the_c_reference_explains_all_but_those_of_the_torch_program(reference_binary):
    assert rows_of_help(reference_binary) == [flag.names for flag in FLAGS if not flag.only_here]


@pytest.mark.parametrize("program", ["torch", "reference"])
def test_every_name_is_taken_with_as_many_values_as_the_table_says(program, reference_binary, tmp_path):
    """Both refuse a name they do not know and a value that no option takes; -h comes after the whole line is read."""
    only_here = {flag.names[0] for flag in FLAGS if flag.only_here}
    unfit = only_here if program == "reference" else {"-batch", "-emulate"}  # these two are acted on before
    words = [word for option in all_options() for name in option.names if option.name not in unfit
             for word in a_use_of(option, name)]
    start = TORCH if program == "torch" else (reference_binary,)
    done = subprocess.run([*start, *words, "-h"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word, meant", [
    ("-hdiv", "-hdivrange"), ("-vdiv", "-vdivrange"), ("-dispstep", "-dispsteps"), ("-detsize_x", "-detsize_f"),
    ("-detsize_y", "-detsize_s"), ("-xdet_vector", "-fdet_vector"), ("-ydet_vector", "-sdet_vector"),
    ("-zdet_vector", "-odet_vector"), ("-lamda", "-lambda")])
def test_a_word_that_no_program_knows_is_told_with_the_option_that_is_meant(word, meant, reference_binary):
    """x is the fast axis of the detector, y the slow one, z the normal."""
    for start in (TORCH, (reference_binary,)):
        done = subprocess.run([*start, word, "1"], capture_output=True, text=True)
        assert done.returncode == 2 and f"unknown option '{word}'; did you mean '{meant}'?" in done.stderr


@pytest.mark.parametrize("words", ["-hdiv 0", "-N 36 47 29", "-interpolate 0", "--lambda 1"])
def test_what_the_c_program_takes_in_silence_is_refused_with_the_way_to_have_it_taken(words, reference_binary):
    for start in (TORCH, (reference_binary,)):
        done = subprocess.run([*start, *words.split()], capture_output=True, text=True)
        assert done.returncode == 2 and "-emulate argv reads the line as nanoBragg does" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("word", ["-version", "--version"])
def test_the_version_is_told_with_one_dash_or_two(word, reference_binary):
    for start, name in ((TORCH, "nanobrag_torch"), ((reference_binary,), "nanobragg_reference")):
        done = subprocess.run([*start, word], capture_output=True, text=True)
        assert (done.returncode, done.stdout.split()[0]) == (0, name)


# --- the harness ----------------------------------------------------------------------------------------------


def test_the_harness_has_the_names_of_the_simulator():
    assert [option.names for option in all_options()] == [flag.names for flag in FLAGS]


def test_the_harness_knows_which_options_name_files():
    files = {option.name: option.file for option in all_options() if option.file}
    assert files == {
        **dict.fromkeys(("-img", "-mask", "-mat", "-hkl", "-stol", "-sourcefile"), "input"), "-dump": "dump",
        **dict.fromkeys(("-stolout", "-floatfile", "-intfile", "-pgmfile", "-noisefile", "-trace_json"), "output")}


def test_the_dump_by_default_is_the_simulators():
    dump, = (flag for flag in FLAGS if flag.names[0] == "-dump")
    assert dump.default == DUMP_BY_DEFAULT


@pytest.mark.parametrize("word, name", [
    ("-matrix", "-mat"), ("--lambda", "-lambda"), ("-lambda0", "-lambda"), ("-x-lambda", "-lambda"), ("-Nab", "-Na"),
    ("-mosaic_domain", "-mosaic_dom"), ("-detector_absorbing", "-detector_abs"), ("-twotheta_axes", "-twotheta"),
    ("-adcoffset0", "-adc"), ("-printout_pixels", "-printout_pixel"), ("-dump_pixel", "-dump")])
def test_a_longer_word_is_read_as_the_c_program_reads_it(word, name):
    """It looks for most names inside the word."""
    item, *_ = parse_command((word, "1", "2", "3")).items
    assert item.name == name and item.option is not None


@pytest.mark.parametrize("word", ["--N", "--polar", "--phi", "-detsize_x", "-hdiv", "-unknownflag", "-3", "-1e5",
                                  "lambda", "--mosaic", "-stolen"])
def test_what_the_c_program_passes_over_is_no_option(word):
    """Names of exact length are not looked for inside a word, and a word without a dash is none."""
    item, *_ = parse_command((word, "1")).items
    assert item.option is None and item.values == ()


# --- the diagnosis and the trace ------------------------------------------------------------------------------


MISTYPED = "fuzz/oddities.py"
"""What only the C program takes, misspelt on purpose."""


def literals_of(folder):
    """(file, text) of every string in the sources that looks like an option."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            if AN_OPTION.fullmatch(node.value) and node.value not in PARTS:
                yield f"{path.relative_to(folder)}:{node.lineno}", node.value


def test_every_option_that_the_explanations_name_is_in_the_table():
    found = [(place, word) for place, word in literals_of(EXPLAIN) if not place.startswith(MISTYPED)]
    assert len(found) > 200, "the search for option names finds too few"
    assert [(place, word) for place, word in found if option_named(word) is None] == []


def test_the_options_of_each_traced_factor_are_in_the_table():
    named = {name for factor in FACTORS.values() for name in factor.options}
    assert named and {name for name in named if option_named(name) is None} == set()


def test_topics_that_leave_the_rays_alone_are_topics_of_the_table():
    assert {option.topic for option in all_options()} >= GEOMETRY_TOPICS
