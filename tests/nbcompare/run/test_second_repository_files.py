"""What a port is made of: the files that it reads beside its package, and what declared sources answer for."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from nbcompare.case.project import load_project
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.sources.made_of import MadeOf, changes, look_at
from nbcompare.run.options import RunOptions
from nbcompare.run.sources_to_declare import line_to_add
from tests.nbcompare.second_repository import DECLARED, Project


@pytest.fixture
def project(project):
    table = project.home / "tables/atoms.txt"
    table.parent.mkdir()
    table.write_text("1\n")
    return project


def subject(project: Project, declared: str = DECLARED):
    declarations = load_project(project.declare(declared)).engines
    return choose_engines(RunOptions(), Progress(quiet=True), declarations, ("subject",))["subject"]


def looked_at(project: Project, declared: str = DECLARED) -> MadeOf:
    return look_at(subject(project, declared))


def names(made_of: MadeOf) -> set[str]:
    return {Path(entry.path).name for entry in made_of.files}


# --- files beside the package ---------------------------------------------------------------------------------------

BESIDE = [
    "from pathlib import Path\nopen(Path(__file__).resolve().parents[2] / 'tables' / 'atoms.txt')\n",
    "from pathlib import Path\nROOT = Path(__file__).parent.parent.parent\n"
    "def f():\n    (ROOT / 'tables/atoms.txt').open()\n",
    "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\n"
    "open(os.path.join(HERE, '..', '..', 'tables', 'atoms.txt'))\n",
    "import os\nopen(os.path.dirname(__file__) + '/../../tables/atoms.txt')\n",
    "import os\nDATA = f'{os.path.dirname(__file__)}/../../tables'\ndef f(name):\n    open(f'{DATA}/{name}.txt')\n",
    "from myport.places import ROOT\ndef f(name):\n    return open(ROOT / 'tables' / name)\n",
    "from myport import places\nopen(places.ROOT / 'tables' / 'atoms.txt')\n",
    "class Tables:\n    def __init__(self):\n        self.home = __import__('pathlib').Path(__file__).parents[2]\n"
    "    def read(self):\n        return (self.home / 'tables' / 'atoms.txt').read_text()\n",
    "open('ABSOLUTE/tables/atoms.txt')\n",
    "TABLE = 'ABSOLUTE/tables/atoms.txt'\ndef f(path=TABLE):\n    open(path)\n",
]


@pytest.mark.parametrize("text", BESIDE)
def test_a_file_that_the_package_reads_beside_itself_is_in_its_sum(project, text):
    """The gate stayed green after a table that the port reads was changed."""
    (project.home / "src/myport/places.py").write_text("from pathlib import Path\nROOT = Path(__file__).parents[2]\n")
    project.core.write_text(text.replace("ABSOLUTE", str(project.home)) + project.core.read_text())
    found = looked_at(project)
    assert "atoms.txt" in names(found)
    assert found.unknown == ()
    (project.home / "tables/atoms.txt").write_text("2\n")
    assert [word for word in changes(found) if "atoms.txt" in word]


@pytest.mark.parametrize("text", ["from pathlib import Path\n"
                                  "def f(name):\n    open(Path(__file__).parents[2] / name)\n",
                                  "import os\nROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))\n"
                                  "def f(load):\n    load(ROOT)\n"])
def test_where_it_cannot_be_told_which_file_is_read_it_is_said(project, text):
    project.core.write_text(text + project.core.read_text())
    assert looked_at(project).unknown == (
        f"core.py names the folder {project.home}, and not all that is read there is known",)


@pytest.mark.parametrize("text", ["from pathlib import Path\nPath(__file__).parent / 'x'\n",
                                  "from pathlib import Path\n(Path(__file__).parents[2] / 'out.log').write_text('')\n",
                                  "from pathlib import Path\n"
                                  "open(Path(__file__).parents[2] / 'tables/atoms.txt', 'w')\n",
                                  "print('/usr/share', '/tmp', '/', '/no/such/file')\n", "x = 'tables/atoms.txt'\n",
                                  "path = __file__\n"])
def test_a_path_that_reads_nothing_beside_it_is_no_part_of_it(project, text):
    project.core.write_text(text + project.core.read_text())
    found = looked_at(project)
    assert found.unknown == ()
    assert "atoms.txt" not in names(found)


AT_HOME = [
    "from pathlib import Path\nopen(Path.home() / '.port/atoms.txt')\n",
    "from pathlib import Path\n(Path('~') / '.port' / 'atoms.txt').expanduser().read_text()\n",
    "import os\nopen(os.path.expanduser('~/.port/atoms.txt'))\n",
    "import os\nopen(os.path.join(os.environ['HOME'], '.port/atoms.txt'))\n",
    "import os\nopen(os.environ.get('HOME', '/root') + '/.port/atoms.txt')\n",
    "import os\nopen(os.getenv('HOME') + '/.port/atoms.txt')\n",
    "from os import environ\nopen(environ['MYPORT_TABLE'])\n",
    "import os\nopen(os.environ.get('MYPORT_NONE', os.path.expanduser('~/.port/atoms.txt')))\n",
    "import os, tempfile\nopen(os.path.join(tempfile.gettempdir(), 'atoms.txt'))\n",
]


@pytest.mark.parametrize("text", AT_HOME)
def test_a_file_below_home_or_that_a_variable_names_is_in_its_sum(project, text, tmp_path, monkeypatch):
    """The gate stayed green, and a sweep took the old result for done, after such a file was changed."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "home/.port"))
    table = tmp_path / "home/.port/atoms.txt"
    table.parent.mkdir(parents=True)
    table.write_text("1\n")
    project.core.write_text(text + project.core.read_text())
    found = looked_at(project, DECLARED.replace("PYTHONPATH: src", f"PYTHONPATH: src, MYPORT_TABLE: {table}, "
                                                                   f"TMPDIR: {table.parent}"))
    assert "atoms.txt" in names(found) and found.unknown == ()
    table.write_text("2\n")
    assert [word for word in changes(found) if "atoms.txt" in word]


def test_a_cache_of_the_programs_own_is_no_part_of_it(project, tmp_path, monkeypatch):
    """It changes as the program runs."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    kept = tmp_path / "home/.cache/myport/kernel.bin"
    kept.parent.mkdir(parents=True)
    kept.write_text("1\n")
    project.core.write_text("from pathlib import Path\nKEPT = Path.home() / '.cache/myport'\n"
                            "def f(name):\n    (KEPT / name).read_bytes()\n" + project.core.read_text())
    assert "kernel.bin" not in names(looked_at(project)) and looked_at(project).unknown == ()


def test_a_relative_path_is_one_of_the_folder_that_it_works_in(project):
    project.core.write_text("import sys\nopen('tables/atoms.txt')\n" + project.core.read_text())
    assert "atoms.txt" not in names(looked_at(project))
    assert "atoms.txt" in names(looked_at(project, f"command: {sys.executable} -m myport, cwd: ., environment: "
                                                   "{set: {PYTHONPATH: src}}"))


def test_a_folder_that_a_variable_names_is_in_its_sum(project):
    declared = DECLARED.replace("PYTHONPATH: src", f"PYTHONPATH: src, MYPORT_DATA: {project.home}/tables")
    found = looked_at(project, declared)
    assert "$MYPORT_DATA/atoms.txt" in {entry.name for entry in found.files}


def test_a_folder_that_is_a_link_is_followed(project):
    (project.home / "kernels").mkdir()
    (project.home / "kernels/fast.py").write_text("X = 1\n")
    (project.home / "src/myport/kernels").symlink_to(project.home / "kernels")
    (project.home / "src/myport/again").symlink_to(project.home / "src/myport")  # a circle
    found = looked_at(project)
    assert "myport/kernels/fast.py" in {entry.name for entry in found.files}
    (project.home / "kernels/fast.py").write_text("X = 2\n")
    assert changes(found) == ["myport/kernels/fast.py changed"]


def test_a_library_that_is_loaded_by_its_path_is_in_its_sum(project):
    library = project.home / "build/libfast.so"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF")
    project.core.write_text("import ctypes\nfrom pathlib import Path\nBUILD = Path(__file__).parents[2] / 'build'\n"
                            "def f():\n    ctypes.CDLL(str(BUILD / 'libfast.so'))\n" + project.core.read_text())
    found = looked_at(project)
    assert ("libfast.so" in names(found), found.unknown) == (True, ())


def test_a_module_with_the_name_of_one_of_python_is_known(project):
    """PYTHONPATH goes before Python's own: src/colorsys.py is what the port imports."""
    (project.home / "src/colorsys.py").write_text("X = 1\n")
    project.core.write_text("import colorsys\n" + project.core.read_text())
    assert "colorsys.py" in names(looked_at(project))


def test_the_question_is_asked_of_python_itself_and_not_of_files_beside_it(project):
    """A file json.py in the project was run when the project's Python was asked."""
    for name in ("json", "ast", "marshal", "itertools", "sysconfig", "importlib_metadata", "csv", "email"):
        (project.home / f"src/{name}.py").write_text(f"open({str(project.home / 'ran')!r}, 'w').close()\n")
    for declared in (DECLARED, f"command: {sys.executable} -m myport, cwd: src"):
        assert "core.py" in names(looked_at(project, declared))
    assert not (project.home / "ran").exists()


# --- declared sources ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("globs, silent", [("'tables/*'", False), ("'src/myport/__main__.py'", False),
                                           ("'src/myport/core.py'", True), ("'src/**/*.py'", True)])
def test_declared_sources_answer_for_what_they_name_alone(project, globs, silent):
    project.core.write_text("import subprocess\n" + project.core.read_text())
    assert (looked_at(project, f"{DECLARED}, sources: [{globs}]").unknown == ()) == silent


@pytest.mark.parametrize("globs, silent", [("run.sh", False), ("run.sh, 'tables/*'", True)])
def test_a_wrapper_is_not_answered_for_by_itself(project, globs, silent):
    project.wrapper()
    assert (looked_at(project, f"command: run.sh, sources: [{globs}]").unknown == ()) == silent


@pytest.mark.parametrize("globs, silent", [("run.sh, ref.py", False), ("run.sh, 'src/**/*'", True)])
def test_a_wrapper_that_searches_a_folder_is_answered_for_by_sources_in_it(project, globs, silent):
    """Any other file was enough, and the port in the folder was in no sum."""
    project.wrapper()
    declared = f"command: run.sh, environment: {{set: {{PYTHONPATH: src}}}}, sources: [{globs}]"
    assert (looked_at(project, declared).unknown == ()) == silent


def test_a_folder_is_answered_for_by_files_in_it(project):
    project.core.write_text("from pathlib import Path\nfor f in (Path(__file__).parents[2]).iterdir():\n    pass\n"
                            + project.core.read_text())
    assert looked_at(project, f"{DECLARED}, sources: ['src/**/*.py']").unknown
    assert looked_at(project, f"{DECLARED}, sources: ['src/**/*.py', 'tables/*']").unknown == ()


# --- the line that is proposed ---------------------------------------------------------------------------------------


def plugin(project: Project) -> str:
    project.core.write_text("import importlib\ndef f(n):\n    importlib.import_module(n)\n" + project.core.read_text())
    return DECLARED


def library(project: Project) -> str:
    project.core.write_text("import ctypes\ndef f(n):\n    ctypes.CDLL(n)\n" + project.core.read_text())
    return DECLARED


def wrapper(project: Project) -> str:
    project.wrapper()
    return "command: run.sh"


def script_with_settings(project: Project) -> str:
    """A wrapper in a folder of its own, which reads where the port lies from another script."""
    start = '#!/bin/sh\ncd "$(dirname "$0")/.." && . tools/settings.sh\nexec python3 -m myport\n'
    for name, text in {"bin/run.sh": start, "tools/settings.sh": "export PYTHONPATH=$PWD/src\n"}.items():
        (project.home / name).parent.mkdir()
        (project.home / name).write_text(text)
        (project.home / name).chmod(0o755)
    return "command: bin/run.sh"


def many_tables(project: Project) -> str:
    """A wrapper that names more files than anybody would list, the port after them."""
    (project.home / "lists").mkdir()
    tables = [f"lists/{at}.dat" for at in range(9)]
    for table in tables:
        (project.home / table).write_text("1\n")
    start = f'#!/bin/sh\ncd "$(dirname "$0")" && cat {" ".join(tables)} >&2\nPYTHONPATH=src exec python3 -m myport\n'
    (project.home / "run.sh").write_text(start)
    (project.home / "run.sh").chmod(0o755)
    return "command: run.sh"


def neighbour(project: Project) -> str:
    (project.home / "src/port_units.py").write_text("import subprocess\nSCALE = 1.0\n")
    return DECLARED


@pytest.mark.parametrize("port", [plugin, library, wrapper, script_with_settings, many_tables, neighbour])
def test_the_line_that_is_proposed_mends_it(project, port):
    declared = port(project)
    line = line_to_add("subject", identify(subject(project, declared)), project.case.parent)
    said = re.fullmatch(r"add to the engine subject in nb-compare.yaml: (sources: .*) \(with .*\)", line)
    found = identify(subject(project, f"{declared}, {said.group(1)}"))
    assert found.unknown == ()
    assert {"core.py", "port_units.py"} <= names(found.made_of)


def test_for_a_wrapper_that_nobody_saw_the_programs_of_the_project_are_proposed(project):
    """Its text puts the name together; the port is compiled, and no Python has a part in it."""
    (project.home / "bin").mkdir()
    (project.home / ".venv").mkdir()
    for name in ("bin/port", ".venv/python"):
        shutil.copy(shutil.which("env"), project.home / name)
    project.wrapper().write_text('#!/bin/bash\nname=po\nexec "$(dirname "$0")"/bin/${name}rt "$@"\n')
    line = line_to_add("subject", identify(subject(project, "command: run.sh")), project.case.parent)
    assert 'sources: ["run.sh", "bin/port"] ' in line


@pytest.mark.parametrize("name", ["port.pyz", "port.zip"])
def test_an_archive_that_python_is_given_is_found_beside_the_file_that_names_it(project, name):
    (project.home / name).write_bytes(b"PK")
    assert subject(project, f"command: {sys.executable} {name}").start[1:] == (str(project.home / name),)


@pytest.mark.parametrize("port", ["wrapper", "module"])
def test_a_whole_declaration_is_proposed_where_there_is_none(project, monkeypatch, port):
    wrapper = project.wrapper()
    start = str(wrapper) if port == "wrapper" else f"{sys.executable} -m myport"
    if port != "wrapper":
        plugin(project)
        monkeypatch.setenv("PYTHONPATH", "src")
    engine = choose_engines(RunOptions(py_bin=start), Progress(quiet=True), {}, ("subject",))["subject"]
    line = line_to_add("subject", identify(engine), project.case.parent)
    text = re.fullmatch(r"add to nb-compare.yaml: (.*) \(with .*\)", line).group(1)
    (project.home / "nb-compare.yaml").write_text(json.dumps(yaml.safe_load(text)))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    declared = load_project(project.home / "nb-compare.yaml").engines
    found = identify(choose_engines(RunOptions(), Progress(quiet=True), declared, ("subject",))["subject"])
    assert (found.unknown, found.started_as) == ((), engine.start)
    assert {"core.py", "port_units.py"} <= names(found.made_of)


# --- what Python runs beside the program ------------------------------------------------------------------------------


def installed(project: Project) -> tuple[str, Path]:
    """How to start the port in an environment of its own, and the folder of that which holds what is installed."""
    python = project.environment()
    return f"command: {python} -m myport", next((project.home / ".venv/lib").glob("python*/site-packages"))


def test_what_python_runs_before_a_program_is_in_its_sum(project):
    declared, site = installed(project)
    (site / "sitecustomize.py").write_text("X = 1\n")
    (site / "extra.pth").write_text("import sys; X = 1\n")
    found = looked_at(project, declared)
    assert found.unknown == ()
    (site / "sitecustomize.py").write_text("X = 2\n")
    (site / "extra.pth").write_text("import sys; X = 2\n")
    assert changes(found) == ["extra.pth changed", "sitecustomize.py changed"]


def test_a_finder_of_modules_that_is_not_known_is_said(project):
    """Editable installs of some build tools take modules from a build folder by a finder of their own."""
    declared, site = installed(project)
    (site / "__editable__.myport.pth").write_text("import their_finder\n")
    (site / "their_finder.py").write_text(f"""\
import sys
from importlib.machinery import PathFinder

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, path or [{str(project.home / "src")!r}], target)

sys.meta_path.append(Finder)
""")
    found = looked_at(project, declared)
    assert found.unknown[0].startswith("__init__.py is found by a finder of their_finder")
    assert "core.py" in names(found)


def test_a_script_that_cannot_be_read_is_said(project):
    (project.home / "port.py").write_bytes(b"PK\x03\x04 an archive of modules")
    assert looked_at(project, "command: port.py").unknown == ("port.py cannot be read as Python",)


def test_the_python_that_is_asked_is_that_of_the_declared_path(project):
    """A script of "env python3" is run by another Python than this one where PATH is declared."""
    fake = project.home / "theirs/python3"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\ntouch {project.home}/asked\nexec {sys.executable} \"$@\"\n")
    fake.chmod(0o755)
    script = project.home / "port"
    script.write_text("#!/usr/bin/env python3\nprint(1)\n")
    script.chmod(0o755)
    looked_at(project, "command: ./port, environment: {set: {PATH: 'theirs:/usr/bin:/bin'}}")
    assert (project.home / "asked").exists()


def test_a_library_that_is_loaded_before_all_is_in_its_sum(project):
    library = project.home / "libfirst.so"
    library.write_bytes(b"no library, and so passed over")
    found = looked_at(project, f"command: /bin/true, environment: {{set: {{LD_PRELOAD: {library}}}}}")
    assert "$LD_PRELOAD" in {entry.name for entry in found.files}


def test_a_file_whose_name_is_no_text_is_a_source_as_others_are(run, gate, project):
    """The é of Latin-1; the run ended with a trace. A gate knows it again by its name as the record shows it."""
    table = os.fsencode(project.core.parent) + b"/caf\xe9.dat"
    Path(os.fsdecode(table)).write_text("1\n")
    project.declare(DECLARED)
    project.commit("a table")
    assert run()[0] == 0
    assert gate("engines_unchanged: true, clean_tree: true") == {}
    Path(os.fsdecode(table)).write_text("2\n")
    assert "caf" in gate("engines_unchanged: true")["engines_unchanged"]
