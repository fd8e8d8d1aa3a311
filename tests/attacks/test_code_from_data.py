"""Input files, and files that lie about, are data: whatever their names, no engine runs them as its code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbcompare.case.declared.declarations import absolute_entries
from nbcompare.engine.choose import subject_engine
from nbcompare.engine.engine import Engine
from nbcompare.engine.rendering.batch import batch_engine, is_bundled_simulator

NAMES = ("torch.py", "numpy.py", "json.py")
COMMAND = "-cell 50 50 50 90 90 90 -N 3 -lambda 1 -distance 100 -detpixels 8 -default_F 100".split()


@pytest.fixture
def planted(tmp_path):
    """(a folder of files that leave a mark when they are run, whether one was run)."""
    mark, folder = tmp_path / "mark", tmp_path / "planted"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(f"open({str(mark)!r}, 'w')\n")
    return folder, mark.exists


def test_a_python_that_is_not_told_otherwise_runs_them(planted):
    """So that the other tests show something."""
    folder, was_run = planted
    subprocess.run([sys.executable, "-c", "import json"], cwd=folder, check=False, capture_output=True)
    assert was_run()


def test_no_input_is_run_by_the_bundled_simulator(nb, fake, planted, tmp_path, monkeypatch):
    folder, was_run = planted
    monkeypatch.chdir(folder)
    words = [*COMMAND, "-stol", "torch.py", "-hkl", "numpy.py", "-mat", "json.py"]
    said = nb("--outdir", tmp_path / "out", "--c-bin", fake("good"), "-q", "--", *words)
    assert said.code == 2 and "subject" in said.out  # no such file holds reflections
    assert not was_run()


def test_a_file_in_the_temporary_folder_is_not_run_when_a_batch_is_started(planted, monkeypatch):
    folder, was_run = planted
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    engine = subject_engine(None, {})
    assert is_bundled_simulator(engine)
    with batch_engine(engine) as batch:
        assert batch is not None
        assert os.listdir(batch.home.name) == []
        assert os.stat(batch.home.name).st_mode & 0o077 == 0
    assert not was_run()


STARTS_ANOTHER = """\
import subprocess, sys
sys.path.insert(0, {fakes!r})
from _image import pixels, write
if "-version" not in sys.argv:
    subprocess.run([sys.executable, "-c", "import json"], check=True)
    subprocess.run([sys.executable, "-m", "json"], check=False, capture_output=True)
    write(pixels())
"""


def test_a_python_that_a_foreign_engine_starts_runs_no_input(nb, fake, planted, tmp_path, small_case):
    folder, was_run = planted
    engine = tmp_path / "starts.py"
    engine.write_text(STARTS_ANOTHER.format(fakes=str(fake("good").parent)))
    small_case.write_text(small_case.read_text() + "inputs:\n" + "".join(
        f"  {name}: {{file: {folder / name}}}\n" for name in NAMES))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", engine, "-q")
    assert said.code == 0, said.out + said.err
    assert not was_run()


def test_an_engine_whose_python_may_be_older_gets_no_input_that_looks_like_a_module(nb, fake, planted, tmp_path):
    """What is behind a shell script is not known; a Python before 3.11 knows no safe path."""
    folder, was_run = planted
    script = tmp_path / "port"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} {fake('good')} \"$@\"\n")
    script.chmod(0o755)
    words = ["-detpixels_x", "9", "-detpixels_y", "7", "-mat"]
    os.chdir(folder)
    said = nb("--outdir", tmp_path / "out", "--c-bin", fake("good"), "--py-bin", script, "-q", "--", *words, "json.py")
    assert said.code == 1 and "json.py has the name of a Python module" in said.err
    (folder / "json.py").rename(folder / "json.mat")
    said = nb("--outdir", tmp_path / "out", "--c-bin", fake("good"), "--py-bin", script, "-q", "--", *words, "json.mat")
    assert said.code == 0, said.out + said.err
    assert not was_run()


def test_a_script_still_finds_its_neighbours(nb, fake, tmp_path):
    home = tmp_path / "port"
    home.mkdir()
    (home / "neighbour.py").write_text("SCALE = 1.0\n")
    (home / "port").write_text(f"#!{sys.executable}\nimport sys\nsys.path.append({str(fake('good').parent)!r})\n"
                               "from neighbour import SCALE\nfrom _image import pixels, write\n"
                               "if '-version' not in sys.argv: write(pixels(SCALE))\n")
    (home / "port").chmod(0o755)
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", home / "port", "-q", "--", "-detpixels_x", "9",
              "-detpixels_y", "7")
    assert said.code == 0, said.out + said.err


@pytest.mark.parametrize(("given", "made"), [("src", "{here}/src"), ("", "{here}"), ("/a:", "/a:{here}"),
                                             (":/a", "{here}:/a"), ("/a:../b", "/a:{up}/b")])
def test_an_entry_of_a_search_path_means_the_same_wherever_an_engine_works(given, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_entries(given, tmp_path) == made.format(here=tmp_path, up=tmp_path.parent)


def test_bundles_made_before_name_the_bundled_simulator_too():
    assert is_bundled_simulator(Engine("subject", "x", (sys.executable, "-m", "nanobrag_torch"), "default"))


MAPPED = """\
from pathlib import Path
Path({trace!r}).write_text("run")
def test_a():
    pass
"""


@pytest.mark.parametrize(("words", "runs"), (((), False), (("--trust-case",), True)))
def test_tests_among_the_inputs_of_an_imported_bundle_are_not_run(nb, fake, small_case, tmp_path, words, runs):
    """``tests: [data/test_it.py]`` names a file beside the case, and in a bundle an input beside the kept case."""
    trace = tmp_path / "trace"
    engines = ("--c-bin", fake("good"), "--py-bin", fake("twin"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/test_it.py").write_text(MAPPED.format(trace=str(trace)))
    more = "inputs: {test_it.py: {file: data/test_it.py}}\ntests: [data/test_it.py]\n"
    small_case.write_text(small_case.read_text() + more)
    assert nb("run", small_case, "-q", *engines).code == 0 and trace.exists()
    (made,) = Path("bundles/small").glob("2*Z")
    nb("export", made, "-o", "sent.zip")
    small_case.rename("sender.yaml")
    trace.unlink()
    assert nb("import", "sent.zip", "--bundles", "got").code == 0
    said = nb("regenerate", Path("got/small") / made.name, "-q", "--bundles", "got", *engines, *words)
    assert trace.exists() is runs
    assert runs or (said.code == 8 and "--trust-case" in said.out and len(list(Path("got/small").glob("2*"))) == 1)
    if not runs:  # each of the two reasons alone: made here of a case that is gone, and imported of one that is here
        said = nb("regenerate", made, "-q", *engines)
        assert said.code == 8 and "--trust-case" in said.out and not trace.exists()
        Path("sender.yaml").rename(small_case)
        said = nb("regenerate", Path("got/small") / made.name, "-q", "--bundles", "got", *engines)
        assert said.code == 8 and "--trust-case" in said.out and not trace.exists()


def test_a_bundle_of_a_case_that_was_trusted_is_not_trusted_again(nb, fake, small_case):
    """Whoever sent it trusted its PYTHONPATH; whoever repeats or examines it has not."""
    small_case.write_text(small_case.read_text() + "environment: {PYTHONPATH: /nowhere}\n")
    engines = ("--c-bin", fake("good"), "--py-bin", fake("bright"))
    assert nb("run", small_case, "-q", *engines, "--trust-case").code == 3
    (made,) = Path("bundles/small").glob("2*Z")
    for words in (("regenerate", made), ("reduce", made), ("trace", made, "--pixel", "4", "3")):
        said = nb(*words, *engines)
        assert said.code != 0 and "PYTHONPATH decides what code is run" in said.out + said.err, words
    assert len(list(Path("bundles/small").glob("2*Z"))) == 1
    assert "decides what code" not in "".join(str(nb("regenerate", made, "-q", *engines, "--trust-case")))


def test_a_sweep_does_not_take_what_was_imported_for_done(nb, fake, small_case):
    words = ("sweep", small_case, "-q", "--jobs", "1", "--c-bin", fake("good"), "--py-bin", fake("twin"), "--bundles")
    assert nb(*words, "theirs").code == 0
    (made,) = Path("theirs/small").glob("2*Z")
    nb("export", made, "-o", "sent.zip")
    assert nb("import", "sent.zip", "--bundles", "ours").code == 0
    assert nb(*words, "ours").code == 0
    assert len(list(Path("ours/small").glob("2*Z"))) == 2, "it was run here"


def test_a_project_file_that_another_user_planted_above_the_case_starts_nothing(nb, fake, small_case, monkeypatch):
    """In a folder for all to write in, such as /tmp, anybody can put a nb-compare.yaml that names programs."""
    planted = small_case.parent / "nb-compare.yaml"
    planted.write_text(f"engines:\n  subject: {{command: {fake('twin')}}}\n")
    small_case.parent.chmod(0o777)
    owner = planted.stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: owner + 1 if owner else 4321)
    if not owner:
        os.chown(planted, 12345, -1)
    said = nb("run", small_case, "--c-bin", fake("good"))
    assert said.code == 1 and "belongs to another user" in said.err
    small_case.parent.chmod(0o755)
    assert "belongs to another user" not in nb("validate", small_case).err


@pytest.mark.parametrize("template", ["/dev/zero", "pipe", "."])
def test_a_template_of_a_declaration_is_an_ordinary_file(nb, fake, small_case, template):
    """A device has no end, and nobody may ever write into a pipe."""
    os.mkfifo("pipe")
    small_case.write_text(small_case.read_text() + f"engines: {{subject: {{command: [python3, {fake('twin')}], "
                          f"arguments: {{-flux: {{config: FLUX}}}}, "
                          f"config: {{file: run.ini, template: {template}}}}}}}\n")
    said = nb("run", small_case, "--c-bin", fake("good"))
    assert said.code == 1 and "is no ordinary file" in said.err


def test_the_bundled_simulator_is_started_without_the_working_folder_on_its_path():
    """Where its inputs lie and which variables it gets hold it too; each has to hold alone."""
    from nbcompare.engine.safety.safe_start import BUNDLED_SUBJECT

    code = "import sys; print(sys.flags.safe_path)"
    words = [*BUNDLED_SUBJECT[:BUNDLED_SUBJECT.index("-m")], "-c", code]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    assert subprocess.run(words, env=bare, capture_output=True, text=True, check=True).stdout.strip() == "True"
