"""Odd ways in which a port's code and data come to be run: a change is seen, or it is told that not all is known.

Each was a gate that stayed green, and a sweep that took a stored PASS, after the port had changed.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.project import load_project
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.identity import EngineIdentity, identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.sources.entry import COMPILED
from nbcompare.engine.sources.made_of import MadeOf, SourceFile, changes, look_at
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.errors import FileError
from nbcompare.run.options import RunOptions
from nbcompare.run.sources_to_declare import line_to_add
from nbcompare.run.tests_made_of import place_of_tests
from tests.nbcompare.second_repository import DECLARED, Project

WITH_CWD = f"command: {sys.executable} -m myport, cwd: ., environment: {{set: {{PYTHONPATH: src}}}}"
BY_MODULE = f"command: {sys.executable} -m %s, environment: {{set: {{PYTHONPATH: src}}}}"


def looked_at(project: Project, declared: str) -> MadeOf:
    declarations = load_project(project.declare(declared)).engines
    return look_at(choose_engines(RunOptions(), Progress(quiet=True), declarations, ("subject",))["subject"])


def noticed(project: Project, declared: str, change) -> bool:
    """Whether a gate would be red after ``change``: by what was known before, or by what is found now."""
    before = looked_at(project, declared)
    if before.unknown:
        return True
    change()
    try:
        known = {entry.path for entry in before.files}
        return bool(changes(before)) or any(entry.path not in known for entry in looked_at(project, declared).files)
    except FileError:
        return True


def edit(path: Path, text: str = "x = 2\n"):
    def change():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return change


@pytest.mark.parametrize("module", ["runpy myport", "cProfile -o /dev/null -m myport", "trace --count -m myport"])
def test_a_module_of_python_that_runs_another_is_not_the_port(project, module):
    assert noticed(project, BY_MODULE % module, edit(project.core))


def test_an_archive_on_the_path_is_part_of_it(project):
    def pack(text=""):
        with zipfile.ZipFile(project.home / "src.zip", "w") as packed:
            for path in (project.home / "src").rglob("*.py"):
                packed.writestr(str(path.relative_to(project.home / "src")), path.read_text() + text)
    pack()
    shutil.copytree(project.home / "src", project.home / "old")
    assert noticed(project, f"command: {sys.executable} -m myport, environment: {{set: {{PYTHONPATH: src.zip}}}}",
                   lambda: pack("\n"))


def test_a_module_that_stands_before_one_of_python_is_part_of_it(project):
    """Not imported by the port, but by what it imports of Python."""
    project.core.write_text("import fractions\n" + project.core.read_text())
    assert noticed(project, DECLARED, edit(project.home / "src/numbers.py"))


CODE = {
    "plugins": "from importlib.metadata import entry_points\ndef f():\n    return [e.load() for e in entry_points()]\n",
    "a name resolved": "import pkgutil\ndef f(n):\n    return pkgutil.resolve_name(n)\n",
    "pydoc": "import pydoc\ndef f(n):\n    return pydoc.locate('plug' + n)\n",
    "a pickle": "import pickle\ndef f(b):\n    return pickle.loads(b)\n",
    "a folder of the user's": "def f():\n    import platformdirs\n    return platformdirs.user_config_path('a')\n",
}


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_code_whose_name_stands_in_no_source_is_told(project, text):
    project.core.write_text(text + project.core.read_text())
    assert looked_at(project, DECLARED).unknown


DATA = {
    "fileinput": "import fileinput\ndef f(n):\n    return list(fileinput.input(['tables/' + n]))\n",
    "configparser": "import configparser\ndef f(n):\n    configparser.ConfigParser().read('tables/' + n)\n",
    "sqlite": "import sqlite3\ndef f(n):\n    return sqlite3.connect('tables/' + n)\n",
    "a helper of one's own": "def get(p):\n    pass\ndef f(n):\n    return get('tables/' + n)\n",
    "a helper, the whole name": "def get(p):\n    pass\nget('tables/atoms.txt')\n",
    "the program's own name": "import sys\ndef f(n):\n    return open(sys.argv[0].split('src')[0] + 'tables/' + n)\n",
    "the spec": "def f(n):\n    return open(__spec__.origin.rsplit('/', 3)[0] + n)\n",
    "the module's file": "import os, myport\nos.listdir(os.path.dirname(myport.__file__) + '/../../tables')\n",
    "inspect": "import inspect, os\ndef f(n):\n"
               "    return open(os.path.join(os.path.dirname(inspect.getfile(f)), '../../tables', n))\n",
}


@pytest.mark.parametrize("text", DATA.values(), ids=DATA)
def test_data_found_in_an_odd_way_is_part_of_it_or_told(project, text):
    (project.home / "tables").mkdir()
    (project.home / "tables/atoms.txt").write_text("1\n")
    project.core.write_text(text + project.core.read_text())
    assert noticed(project, WITH_CWD, edit(project.home / "tables/atoms.txt", "2\n"))


def test_an_installed_library_that_was_edited_where_it_lies_is_another(project, tmp_path):
    python = project.environment()
    site = next((project.home / ".venv/lib").glob("python*/site-packages"))
    (site / "phys").mkdir()
    info = site / "phys-1.0.dist-info"
    info.mkdir()
    (site / "phys/__init__.py").write_text("S = 1\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: phys\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("phys\n")
    (info / "RECORD").write_text("phys/__init__.py,sha256=aaaa,6\nphys-1.0.dist-info/RECORD,,\n")
    project.core.write_text("import phys\n" + project.core.read_text())

    def change():
        (site / "phys/__init__.py").write_text("S = 12\n")

    assert noticed(project, f"command: {python} -m myport", change)


PROGRAMS = {
    "it starts another": 'int main() { execv("/bin/true", 0); return 0; }',
    "it loads a library": 'int main() { return !dlopen("libb.so", 1); }',
    "it reads a file": 'int main() { return !fopen("tables/atoms.txt", "r"); }',
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_a_compiled_program_that_reaches_for_more_is_told_or_taken_with_it(project, text):
    (project.home / "tables").mkdir()
    (project.home / "tables/atoms.txt").write_text("1\n")
    source = project.home / "port.c"
    source.write_text("#include <dlfcn.h>\n#include <stdio.h>\n#include <unistd.h>\n" + text)
    subprocess.run([os.environ.get("CC", "cc"), "-w", "-o", project.home / "port", source, "-ldl"], check=True)
    assert noticed(project, "command: ./port, cwd: .", edit(project.home / "tables/atoms.txt", "2\n"))


@pytest.mark.parametrize(("opened", "globs"), [(("../lib/libport.so.2", "table"), '["../lib/libport.so.2"]'),
                                               (("table",), '["table"]'), ((), '["*.so"]')])
def test_of_a_compiled_program_the_files_that_it_loaded_are_proposed(project, opened, globs):
    files = tuple(SourceFile(name, str(project.home / name), "0" * 64) for name in opened)
    who = EngineIdentity("subject", "port", "--py-bin", (str(project.home / "port"),), "0" * 64, 1, "1", (),
                         MadeOf(COMPILED), opened=OpenedFiles(files))
    assert f"sources: {globs}" in line_to_add("subject", who, project.home)


@pytest.fixture(params=["a folder", "a file"])
def marked(request):
    """Make a folder the top of a repository: .git is a file in a work tree and in a submodule."""
    def mark(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        own = folder / ".git"
        if own.is_dir():
            shutil.rmtree(own)
        if request.param == "a file":
            own.write_text("gitdir: /elsewhere\n")
        else:
            own.mkdir()
        return folder
    return mark


def test_another_repository_that_the_text_names_is_not_read_whole(project, marked):
    other = marked(project.home / "data")
    (other / "table.dat").write_text("1\n")
    project.core.write_text(f"import os\nNAMES = os.listdir({str(other)!r})\n" + project.core.read_text())
    found = looked_at(project, DECLARED)
    assert f"core.py names the folder {other}, and not all that is read there is known" in found.unknown
    assert str(other / "table.dat") not in {entry.path for entry in found.files}


def test_what_is_proposed_and_where_tests_run_go_by_the_top_of_the_repository(project, marked):
    """Without a project file; also in a work tree or a submodule."""
    marked(project.home)
    wrapper = project.wrapper()
    found = identify(choose_engines(RunOptions(py_bin=str(wrapper)), Progress(quiet=True), {}, ("subject",))["subject"])
    assert 'sources: ["src/**/*"]' in line_to_add("subject", found, project.home / "cases")
    assert place_of_tests(load_case(project.case)).folder == project.home


def test_where_nothing_marks_a_top_what_is_proposed_goes_by_where_we_stand(tmp_path, monkeypatch):
    """As for a one-shot, whose case lies in the folder of its results; no word of the Python that is named."""
    place = tmp_path / "comparisons/one/case"
    place.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "port.py").write_text("import subprocess\n")
    engine = choose_engines(RunOptions(py_bin=f"{sys.executable} port.py"), Progress(quiet=True), {}, ("subject",))
    assert 'sources: ["port.py"]}}' in line_to_add("subject", identify(engine["subject"]), place)
