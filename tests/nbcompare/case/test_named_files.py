"""The files that a command line names: inputs are copied and hashed, outputs stay in the folder of the run."""

import json
from pathlib import Path

import pytest

from nbcompare.bundle.names import RECORD
from nbcompare.case.arguments.command import parse_command
from nbcompare.case.arguments.named_files import file_faults
from nbcompare.case.arguments.options import all_options
from nbcompare.case.case_file import load_case
from nbcompare.errors import CaseError
from nbcompare.files import sha256_of
from tests.nbcompare.conftest import FAKES, SMALL_ARGS, SMALL_CASE

READS = [name for option in all_options() if option.file in ("input", "dump") for name in option.names]
WRITES = [name for option in all_options() if option.file == "output" and option.name != "-floatfile"
          for name in option.names]
OUTSIDE = ("/tmp/victim", "../victim", "below/../../victim", "..", "")

READER = f"""
import sys
sys.path.insert(0, {str(FAKES)!r})
from _image import pixels, write
if "-version" not in sys.argv:
    named = [value for word, value in zip(sys.argv, sys.argv[1:]) if word in {READS!r}]
    print("read", *(open(name).read() for name in named))
    for name in named:
        open(name, "w").write("spoilt")
    write(pixels())
"""
"""An engine that prints the files it is given, and then spoils them."""


@pytest.fixture
def engines(tmp_path):
    """Options that name two programs that both read the files they are given."""
    folder = tmp_path / "engines"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(f"# {name}{READER}")
    return ("--c-bin", folder / "one.py", "--py-bin", folder / "two.py")


@pytest.fixture
def one_shot(nb, engines):
    def call(*arguments, options=()):
        return nb("--outdir", "out", "-q", *engines, *options, "--", *SMALL_ARGS, *arguments)

    return call


def case_of(tmp_path, words, more=""):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL_CASE.replace("-flux 1e18", f"-flux 1e18 {words}") + more)
    return path


def summary():
    return json.loads(Path("out/summary.json").read_text())


# --- inputs ---------------------------------------------------------------------------------------------------


def test_every_synonym_is_among_the_options_that_read_a_file():
    assert {"-hklfile", "-imgfile", "-maskfile", "-matrix", "-dumpfile", "-sourcefile", "-4stol", "-Q"} <= set(READS)


@pytest.mark.parametrize("name", READS)
def test_a_case_reads_only_its_inputs_by_whatever_name_the_option_is_called(name, tmp_path):
    with pytest.raises(CaseError, match=f"{name} F.txt is not among the inputs"):
        load_case(case_of(tmp_path, f"{name} F.txt"))
    (tmp_path / "F.txt").write_text("F")
    case = load_case(case_of(tmp_path, f"{name} F.txt", "inputs: {F.txt: {file: F.txt}}\n"))
    assert [entry.name for entry in case.inputs] == ["F.txt"]


@pytest.mark.parametrize("key", ["reference_args", "subject_args"])
def test_the_arguments_of_one_engine_read_only_inputs_too(key, tmp_path):
    with pytest.raises(CaseError, match="-hklfile F.txt is not among the inputs"):
        load_case(case_of(tmp_path, "", f"{key}: -hklfile F.txt\n"))


def test_a_cell_of_a_matrix_reads_only_inputs(tmp_path):
    with pytest.raises(CaseError, match="cell .*: -hklfile F.txt is not among the inputs"):
        load_case(case_of(tmp_path, "", "matrix: {axes: {-hklfile: [F.txt]}}\n"))


@pytest.mark.parametrize("name", ["-hklfile", "-dump", "-dumpfile", "-sourcefile", "-Q", "-4stol", "-matrix"])
def test_an_input_of_a_case_is_copied_for_each_engine_and_hashed(name, nb, engines, tmp_path):
    (tmp_path / "F.txt").write_text("the list")
    said = nb("run", case_of(tmp_path, f"{name} F.txt", "inputs: {F.txt: {file: F.txt}}\n"), *engines, "-q", "--format",
              "json")
    assert said.code == 0, said.err
    bundle = Path(said.json["bundle"])
    for key in ("c", "py"):
        assert "read the list" in (bundle / f"inputs/{key}_cli_stdout.txt").read_text()
    entry, = json.loads((bundle / RECORD).read_text())["inputs"]
    assert (entry["name"], entry["sha256"]) == ("F.txt", sha256_of(tmp_path / "F.txt"))
    assert (tmp_path / "F.txt").read_text() == "the list"


@pytest.mark.parametrize("name", ["-hkl", "-hklfile", "-dump", "-dumpfile", "-sourcefile", "-Q", "-4stol", "-matrix"])
def test_an_input_of_a_bare_command_line_is_copied_and_hashed(name, one_shot, tmp_path):
    (tmp_path / "F.txt").write_text("the list")
    said = one_shot(name, "F.txt")
    assert said.code == 0, said.err
    assert "read the list" in Path("out/c_stdout.txt").read_text()
    assert "read the list" in Path("out/py_stdout.txt").read_text()
    assert (tmp_path / "F.txt").read_text() == "the list"
    assert summary()["inputs"] == {"F.txt": sha256_of(tmp_path / "F.txt")}


@pytest.mark.parametrize("name", READS)
def test_a_bare_command_line_names_files_that_are_there(name, one_shot):
    said = one_shot(name, "F.txt")
    assert said.code == 1 and f"{name} F.txt: there is no such file in" in said.err


def test_files_from_elsewhere_are_copied_under_names_of_their_own(one_shot, tmp_path):
    """Two of one name, and one that is called as the float image is."""
    for folder, text in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "F.txt").write_text(text)
    (tmp_path / "float.bin").write_text("third")
    said = one_shot("-hkl", tmp_path / "a" / "F.txt", "-mat", tmp_path / "a" / ".." / "b" / "F.txt", "-Q", "float.bin")
    assert said.code == 0, said.err
    assert "read first second third" in Path("out/py_stdout.txt").read_text()
    assert summary()["args"][-6:] == ["-hkl", "F.txt", "-mat", "copy-F.txt", "-Q", "copy-float.bin"]
    assert set(summary()["inputs"]) == {"F.txt", "copy-F.txt", "copy-float.bin"}
    assert [(tmp_path / folder / "F.txt").read_text() for folder in "ab"] == ["first", "second"]


def test_the_files_of_one_engine_alone_are_copied_too(one_shot, tmp_path):
    (tmp_path / "F.txt").write_text("own")
    said = one_shot(options=("--py-args", f"-hklfile {tmp_path / 'F.txt'}"))
    assert said.code == 0, said.err
    assert "read own" in Path("out/py_stdout.txt").read_text() and "own" not in Path("out/c_stdout.txt").read_text()


def test_extra_arguments_of_a_run_read_only_inputs_of_the_case(nb, engines, small_case, tmp_path):
    (tmp_path / "F.txt").write_text("own")
    said = nb("run", small_case, *engines, "--py-args", "-hklfile F.txt", "-q")
    assert said.code == 1 and "-hklfile F.txt is not among the inputs" in said.err
    assert not list(tmp_path.glob("bundles/small/*"))


@pytest.mark.parametrize("command", ["trace", "reduce"])
def test_questions_about_a_command_line_copy_its_inputs(command, nb, engines, tmp_path):
    (tmp_path / "F.txt").write_text("the list")
    said = nb(command, *engines, "-q", "--", *SMALL_ARGS, "-hklfile", "F.txt")
    assert "read" not in said.err and "no such file" not in said.err
    assert (tmp_path / "F.txt").read_text() == "the list"
    said = nb(command, *engines, "-q", "--", *SMALL_ARGS, "-hklfile", "G.txt")
    assert said.code == 1 and "-hklfile G.txt: there is no such file" in said.err


def test_a_dump_that_lies_about_is_given_only_where_nothing_else_is_named(one_shot, tmp_path):
    """nanoBragg reads Fdump.bin of its folder where a command names neither -hkl nor -dump."""
    (tmp_path / "Fdump.bin").write_text("left")
    one_shot()
    assert "Fdump.bin" in summary()["inputs"] and "is given to the engines" in summary()["notes"][0]
    one_shot("-default_F", "1")
    assert summary()["inputs"] == {} and "is not given to the engines" in summary()["notes"][0]
    one_shot("-dump", "Fdump.bin")
    assert "Fdump.bin" in summary()["inputs"] and not any("Fdump.bin" in note for note in summary()["notes"])


# --- outputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("outside", OUTSIDE)
def test_no_output_leads_out_of_the_folder_of_the_run(name, outside):
    fault, = file_faults((name, outside), ())
    assert fault == f"{name} {outside} leads out of the folder of the run; give a plain file name"


@pytest.mark.parametrize("words", ["-intfile {}", "-hkl F.txt -dump {}", "-dumpfile {} -hklfile F.txt"])
def test_the_dump_is_an_output_where_reflections_are_listed(words):
    assert "leads out" in next(file_faults(words.format("/tmp/victim").split(), ("F.txt",)))
    assert list(file_faults(words.format("plain.img").split(), ("F.txt",))) == []
    assert list(file_faults(words.format("./plain.img").split(), ("F.txt",))) == []


def test_no_output_replaces_the_float_image_or_an_input():
    assert "would replace the float image" in next(file_faults(("-intfile", "./float.bin"), ()))
    for name in ("A.mat", "./A.mat", ".//A.mat"):
        assert "would replace an input" in next(file_faults(("-mat", "A.mat", "-noisefile", name), ("A.mat",)))


def test_an_output_that_leads_out_is_refused_by_case_and_command_line(nb, engines, one_shot, tmp_path):
    victim = tmp_path / "victim.img"
    words = f"-intfile {victim}"
    for own, more in ((words, ""), ("", f"subject_args: {words}\n"),
                      ("", f"matrix: {{axes: {{-intfile: [{victim}]}}}}\n")):
        said = nb("run", case_of(tmp_path, own, more), *engines, "-q")
        assert said.code == 1 and f"{words} leads out of the folder of the run" in said.err
    for said in (one_shot(*words.split()), one_shot(options=("--c-args", words)),
                 nb("trace", *engines, "-q", "--", *SMALL_ARGS, *words.split()),
                 nb("run", case_of(tmp_path, ""), *engines, "-q", "--py-args", words)):
        assert said.code == 1 and f"{words} leads out of the folder of the run" in said.err
        assert said.err.count("\n") <= 2 and "Traceback" not in said.err
    assert not victim.exists() and not list(tmp_path.glob("bundles/small/*"))


def test_a_diagnosis_gives_its_simulator_no_output_of_the_commands():
    """Neither an output image nor the dump that a command with -hkl writes."""
    from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
    from nbcompare.explain.diagnose.search.simulator import arguments_of

    command = parse_command("-hkl F.txt -dump /victim -intfile /victim -stolout /victim -trace_json /victim".split())
    assert arguments_of(Candidate("arguments-differ", "", command), {}) == ("-hkl", "F.txt")


# --- the order of words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, right", [
    ("-q run small.yaml", "nb-compare run -q small.yaml"),
    ("--c-bin x -q run small.yaml", "nb-compare run --c-bin x -q small.yaml"),
    ("--bundles b run small.yaml", "nb-compare run --bundles b small.yaml"),
    ("--outdir run diagnose b -- -N 5", "nb-compare diagnose --outdir run b -- -N 5"),
    ("--roi 1 2 3 4 list", "nb-compare list --roi 1 2 3 4")])
def test_an_option_before_the_commands_name_is_told_with_the_right_order(words, right, nb, small_case, tmp_path):
    said = nb(*words.split())
    assert said.code == 1 and f"options go after the command: {right}\n" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(("words", "right"), [
    ("init --out x.yaml -cell 9 9 9 90 90 90 -N 5", "nb-compare init --out x.yaml -- -cell 9 9 9 90 90 90 -N 5"),
    ("--roi 1 2 3 4 -mat A.mat", "nb-compare --roi 1 2 3 4 -- -mat A.mat"),
    ("-mat A.mat", "nb-compare -- -mat A.mat"), ("small.yaml -q", "nb-compare run small.yaml -q")])
def test_a_line_without_its_dashes_or_its_command_is_told_whole(words, right, nb, small_case):
    said = nb(*words.split())
    assert said.code == 1 and right in said.err


def test_the_value_of_an_option_may_be_called_as_a_command(nb, engines):
    said = nb("--outdir", "run", *engines, "-q", "--", *SMALL_ARGS)
    assert said.code == 0 and Path("run/summary.json").is_file()


@pytest.mark.parametrize("words", ["-q -- run small.yaml", "-q small.yaml", "oneshot -q small.yaml"])
def test_words_that_begin_with_no_option_are_no_command_line(words, nb, small_case, tmp_path):
    said = nb(*words.split())
    assert said.code == 1 and "nanoBragg arguments begin with an option" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
