"""What is said of a port in another repository is true of the program that ran: five ways to start one, one truth."""

import sys
from pathlib import Path

import pytest

from nbcompare.case.project import load_project
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.sources.made_of import changes
from nbcompare.run.options import RunOptions


def identity(project, *, py_bin=None, declared=None):
    """Who the subject is, as an option or a declaration names it."""
    declarations = load_project(project.declare(declared)).engines if declared else {}
    engines = choose_engines(RunOptions(py_bin=py_bin), Progress(quiet=True), declarations, ("subject",))
    return identify(engines["subject"])


def start_module(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "src")
    return {"py_bin": f"{sys.executable} -m myport"}


def start_declared(project, monkeypatch):
    return {"declared": f"command: {sys.executable} -m myport, environment: {{set: {{PYTHONPATH: src}}}}"}


def start_in_its_folder(project, monkeypatch):
    return {"declared": f"command: {sys.executable} -m myport, cwd: src"}


def start_console_script(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "src")
    return {"py_bin": str(project.console_script())}


def start_editable(project, monkeypatch):
    return {"py_bin": f"{project.environment()} -m myport"}


STARTS = [start_module, start_declared, start_in_its_folder, start_console_script, start_editable]


@pytest.mark.parametrize("start", STARTS)
def test_the_package_and_what_it_imports_are_hashed_file_by_file(project, monkeypatch, start):
    """Its neighbour in src/ too: a module that the package imports can break it as well as the package itself."""
    found = identity(project, **start(project, monkeypatch))
    names = {entry.name for entry in found.made_of.files}
    assert {"myport/__init__.py", "myport/__main__.py", "myport/core.py", "port_units.py"} <= names
    assert all(Path(entry.path).is_relative_to(project.home) or entry.name.endswith(".pth")
               for entry in found.made_of.files)
    assert (found.unknown, found.made_of.bundled, found.version) == ((), False, "myport 3.1")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("broken", ["src/myport/core.py", "src/port_units.py", "src/myport/new.py"])
def test_a_change_of_any_file_is_found_afterwards(project, monkeypatch, start, broken):
    found = identity(project, **start(project, monkeypatch))
    assert changes(found.made_of) == []
    (project.home / broken).write_text("SCALE = 2.0\n")
    assert [word.split()[0].rpartition("/")[2] for word in changes(found.made_of)] == [Path(broken).name]


def test_an_editable_install_says_where_it_comes_from(project, monkeypatch):
    found = identity(project, **start_editable(project, monkeypatch))
    assert found.made_of.editable.endswith("__editable__.myport.pth")
    assert found.made_of.origin == str(project.home / "src/myport")


def test_installed_libraries_are_named_with_their_versions(project, monkeypatch):
    project.core.write_text("import click\n" + project.core.read_text())
    found = identity(project, **start_module(project, monkeypatch))
    assert [word for word in found.made_of.installed if word.startswith("click ")]
    assert not [entry for entry in found.made_of.files if "click/" in entry.name]


def test_another_version_of_an_installed_library_is_a_change(project, monkeypatch):
    """A gate stayed green, and a sweep took cells for done, after torch was another one."""
    project.core.write_text("import theirs\n" + project.core.read_text())
    python = project.environment()
    site = next((project.home / ".venv/lib").glob("python*/site-packages"))
    (site / "theirs.py").write_text("X = 1\n")
    described = site / "theirs-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (described / "RECORD").write_text("theirs.py,,\n")
    found = identity(project, py_bin=f"{python} -m myport")
    assert found.made_of.installed == ("theirs 1.0",)
    assert changes(found.made_of) == []
    (described / "RECORD").write_text("theirs.py,sha256=another,6\n")  # built anew at the same version
    assert changes(found.made_of) == ["theirs 1.0 RECORD changed"]
    (described / "RECORD").write_text("theirs.py,,\n")
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.1\n")
    assert changes(found.made_of) == ["theirs 1.0 changed"]
    described.rename(site / "theirs-1.1.dist-info")
    assert changes(found.made_of) == ["theirs 1.0 is gone", "theirs 1.0 RECORD is gone"]


@pytest.mark.parametrize("text", ["import ctypes\nctypes.c_double(1)\n", "import ctypes\nctypes.CDLL(None)\n",
                                  "import importlib\nimportlib.import_module('myport.core')\n",
                                  "import importlib\ndef f(n):\n    importlib.import_module('.' + n, 'myport')\n",
                                  "import re\nre.compile('x')\n", "class A:\n    def eval(self): ...\nA().eval()\n",
                                  "import sys\nsys.path_of = 1\n", "import os.path\n"])
def test_an_ordinary_call_starts_nothing_else(project, monkeypatch, text):
    project.core.write_text(text + project.core.read_text())
    assert identity(project, **start_module(project, monkeypatch)).unknown == ()


@pytest.mark.parametrize("text", ["import subprocess\n", "import os\nos.execv('/x', [])\n",
                                  "import ctypes\ndef f(n):\n    ctypes.CDLL(n)\n",
                                  "import cffi\ndef f(n):\n    cffi.FFI().dlopen(n)\n", "exec('1')\n",
                                  "import importlib\ndef f(n):\n    importlib.import_module(n)\n",
                                  "import sys\nsys.path.insert(0, 'lib')\n", "from sys import path\n",
                                  "__path__ = ['lib']\n", "import torch.utils.cpp_extension\n"])
def test_a_program_that_starts_others_is_not_known_by_its_own_files(project, monkeypatch, text):
    project.core.write_text(text + project.core.read_text())
    assert "core.py" in identity(project, **start_module(project, monkeypatch)).unknown[0]


def test_a_wrapper_is_known_by_its_declared_sources_alone(project, monkeypatch):
    wrapper = project.wrapper()
    assert identity(project, py_bin=str(wrapper)).unknown == ("run.sh starts another program",)
    found = identity(project, declared="command: run.sh, sources: ['src/**/*.py']")
    assert found.unknown == ()
    assert {"src/myport/core.py", "src/port_units.py"} <= {entry.name for entry in found.made_of.files}
    project.break_port()
    assert changes(found.made_of) == ["src/myport/core.py changed"]


def test_declared_sources_that_name_no_file_are_none(project):
    project.wrapper()
    assert "its declared sources lib/*.py name no file" in identity(
        project, declared="command: run.sh, sources: ['lib/*.py']").unknown


@pytest.mark.parametrize("words", [["env", "python3", "-m", "myport"], ["nice", sys.executable, "-m", "myport"],
                                   ["sh", "-c", "true"]])
def test_a_launcher_is_a_wrapper(project, words):
    assert identity(project, py_bin=" ".join(words)).unknown


def test_no_code_of_the_package_is_run_to_find_it(project, monkeypatch):
    project.core.write_text("open('/tmp/ran', 'w')\n")
    (project.home / "src/myport/__init__.py").write_text(f"open({str(project.home / 'ran')!r}, 'w').close()\n")
    from nbcompare.engine.sources.made_of import look_at

    declarations = load_project(project.declare(start_declared(project, monkeypatch)["declared"])).engines
    look_at(choose_engines(RunOptions(), Progress(quiet=True), declarations, ("subject",))["subject"])
    assert not (project.home / "ran").exists()


def test_a_package_that_shadows_the_bundled_one_is_not_called_bundled(project, monkeypatch):
    (project.home / "src/myport").rename(project.home / "src/nanobrag_torch")
    plain = identity(project)
    assert plain.made_of.bundled and plain.chosen_by == "default"
    monkeypatch.setenv("PYTHONPATH", "src")
    found = identity(project)
    assert not found.made_of.bundled
    assert found.chosen_by == "Python's path" and "default" not in found.name
    assert found.made_of.origin == str(project.home / "src/nanobrag_torch")


@pytest.mark.parametrize("start", [start for start in STARTS if start is not start_editable])
def test_a_port_that_uses_the_bundled_simulator_is_a_port(project, monkeypatch, start):
    """Its own files count, and those of the simulator that it imports beside them. (The Python of the editable one has
    no simulator.)"""
    project.core.write_text("from nanobrag_torch.errors import SimulatorError\n" + project.core.read_text())
    words = start(project, monkeypatch)
    before = identity(project, **words)
    names = {entry.name for entry in before.made_of.files}
    assert not before.made_of.bundled and before.unknown == ()
    assert {"myport/__init__.py", "myport/__main__.py", "myport/core.py", "port_units.py"} <= names
    assert {"nanobrag_torch/cli.py", "nanobrag_torch/render/plain.py"} <= names
    project.core.write_text(project.core.read_text() + "# another\n")
    assert identity(project, **words).source_sha256 != before.source_sha256


def test_a_compiled_program_is_known_with_the_libraries_it_loads():
    from nbcompare.engine.engine import Engine
    from nbcompare.engine.sources.made_of import look_at

    engine = Engine("reference", "true", ("/bin/true",), "--c-bin")
    found = look_at(engine)
    assert (found.kind, found.unknown) == ("compiled program", ())
    assert any(entry.name.startswith("libc.") for entry in found.files)
    assert any(name.startswith("libc.") for name in identify(engine).as_dict()["libraries"])


def test_a_compiled_program_is_made_of_what_its_text_names_from_the_folder_it_starts_in(project):
    """A relative name means nothing without that folder, which is the scratch folder then."""
    program = project.home / "bin/port"
    program.parent.mkdir()
    program.write_bytes(Path("/bin/true").read_bytes() + b"\0tables/atoms.dat\0")
    program.chmod(0o755)
    (project.home / "src/tables").mkdir()
    (project.home / "src/tables/atoms.dat").write_text("1\n")

    def named(more):
        found = identity(project, declared=f"command: bin/port{more}").made_of.files
        return [entry.path for entry in found if entry.name == "tables/atoms.dat"]

    assert named("") == [] and named(", cwd: src") == [str(project.home / "src/tables/atoms.dat")]
