"""An older copy of the port is installed, or found on PATH, and the project has another: PASS of that copy is told, and
no gate is green. Each was a PASS and a green gate while the port in the project raised at every call."""

import os
import shutil
import subprocess
import sys

import pytest

from nbcompare import run_case
from nbcompare.case.project import load_project
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.run.options import RunOptions
from nbcompare.run.other_copies import copies_elsewhere
from tests.nbcompare.conftest import SMALL_ARGS
from tests.nbcompare.second_repository import DECLARED, WRAPPED

pytestmark = pytest.mark.usefixtures("quick_runs")
UNCHANGED = "engines_unchanged: true"


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """An environment of its own, made once; each test takes a copy of what is installed in it."""
    place = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(place)], check=True)
    return place


@pytest.fixture
def installed(project, venv):
    """The port as it is, installed as a wheel would: its Python."""
    site = next((venv / "lib").glob("python*/site-packages"))
    for path in site.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(project.home / "src", site, dirs_exist_ok=True)
    (venv / "bin/myport").unlink(missing_ok=True)
    return venv / "bin/python"


def module(project, python):
    return f"command: {python} -m myport"


def console_script(project, python):
    return f"command: {project.console_script(python.parent / 'myport', python)}"


def wrapper(project, python):
    (project.home / "run.sh").write_text(f'#!/bin/sh\nPYTHONPATH=scr exec {python} -m myport "$@"\n')
    (project.home / "run.sh").chmod(0o755)
    return f"{WRAPPED}, sources: [run.sh, 'src/**/*.py']"


def script(project, python):
    """Of the project, and it imports what is installed."""
    (project.home / "port.py").write_text("import sys\nfrom myport.__main__ import main\nif __name__ == '__main__':\n"
                                          "    sys.exit(main())\n")
    return f"command: {python} port.py"


def mistyped(project, python):
    return f"command: {python} -m myport, environment: {{set: {{PYTHONPATH: scr}}}}"


def told(record):
    return [note for note in record.get("notes", ()) if "of the project is another" in note]


@pytest.mark.parametrize("start", [module, console_script, wrapper, script, mistyped])
def test_an_old_copy_that_is_installed_is_told_and_the_gate_is_red(project, installed, run, gate, start):
    project.declare(start(project, installed))
    code, record = run()
    assert (code, told(record), gate(UNCHANGED)) == (0, [], {})  # of the same text
    project.break_port()
    assert "src/myport of the project is another (myport/core.py differs)" in gate(UNCHANGED)["engines_unchanged"]


def test_every_way_to_run_it_says_so(project, installed, nb):
    """One-shot, sweep (which takes no such cell for done), and the library."""
    project.declare(module(project, installed))
    project.break_port()
    once = nb("--py-bin", f"{installed} -m myport", "--c-bin", "ref.py", "-q", "--format", "json", "--", *SMALL_ARGS)
    assert once.code == 0 and told(once.json)
    (note,) = told(run_case(project.case).record.as_dict())
    assert "myport/core.py differs" in note and "PYTHONPATH: src" in note
    for _ in range(2):
        assert nb("sweep", project.case, "-q", "--format", "json").json["stored"] == 0


def said_of(project, declared):
    """What is said of the subject before it is run."""
    declarations = load_project(project.declare(declared)).engines
    engine = choose_engines(RunOptions(), Progress(quiet=True), declarations, ("subject",))["subject"]
    return copies_elsewhere(identify(engine), project.case.parent, engine)


def test_what_is_no_other_copy(project, installed):
    """An editable install, the project's own tree, files that the declared sources name, a copy whose version alone an
    installer wrote anew, and what of the project only bears the name: tests, environments, outputs of builds."""
    site = next((installed.parents[1] / "lib").glob("python*/site-packages"))
    package, theirs = project.home / "src/myport", site / "myport"
    (package / "_version.py").write_text("version = '1.dev'\n")
    (theirs / "_version.py").write_text("version = '1.0'\n")
    for folder in ("build/lib", "tests", "dist", ".hidden"):
        shutil.copytree(package, project.home / folder / "myport")
        (project.home / folder / "myport/core.py").write_text("# another\n")
    assert said_of(project, module(project, installed)) == []
    project.break_port()
    assert len(said_of(project, module(project, installed))) == 1
    shutil.copytree(theirs, project.home / "third_party/myport")  # counts, as the engine itself bears the name
    assert len(said_of(project, module(project, installed))) == 1
    assert said_of(project, DECLARED) == []
    sources = f"sources: ['{os.path.relpath(site, project.home)}/**/*.py']"
    assert said_of(project, f"{module(project, installed)}, {sources}") == []
    shutil.rmtree(theirs)
    (site / "theirs.pth").write_text(f"{project.home / 'src'}\n")
    assert said_of(project, module(project, installed)) == []


def test_a_file_that_the_project_has_no_more_and_a_module_beside_the_package_count(project, installed):
    (project.home / "src/port_units.py").write_text("SCALE = 2.0\n")
    (said,) = said_of(project, module(project, installed))
    assert "src/port_units of the project is another (port_units.py differs)" in said
    (project.home / "src/port_units.py").write_text("SCALE = 1.0\n")
    project.core.unlink()
    assert "(myport/core.py is not there)" in said_of(project, module(project, installed))[0]


def test_an_imported_distribution_of_the_project_counts_like_the_program(project, installed):
    """A project of two packages, of which one is run from the tree and the other from where it was installed."""
    site = next((installed.parents[1] / "lib").glob("python*/site-packages"))
    shutil.rmtree(site / "myport")
    described = site / "units-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: units\nVersion: 1.0\n")
    (described / "RECORD").write_text("port_units.py,sha256=AAAA,12\n")
    (described / "top_level.txt").write_text("port_units\n")
    other = project.home / "packages/units"
    other.mkdir(parents=True)
    (project.home / "src/port_units.py").rename(other / "port_units.py")
    declared = f"command: {installed} -m myport, environment: {{set: {{PYTHONPATH: src}}}}"
    assert said_of(project, declared) == []
    (other / "port_units.py").write_text("SCALE = 3.0\n")
    assert "packages/units/port_units of the project is another" in said_of(project, declared)[0]
    elsewhere = project.home.parent / "units"  # from which it was installed, in no repository of the case
    shutil.move(other, elsewhere)
    assert said_of(project, declared) == []
    (described / "direct_url.json").write_text(f'{{"url": "file://{elsewhere}", "dir_info": {{}}}}')
    assert f"{elsewhere}/port_units of the project is another" in said_of(project, declared)[0]


def test_the_repository_that_a_declaration_names_is_the_project_too(project, installed):
    """The port lies in a repository of its own, and the case in another."""
    theirs = project.home.parent / "port"
    theirs.mkdir()
    (project.home / "src").rename(theirs / "src")
    (theirs / "src/myport/core.py").write_text("raise RuntimeError('broken')\n")
    declared = module(project, installed)
    assert said_of(project, declared) == []
    assert "src/myport of the project is another" in said_of(project, f"{declared}, repository: ../port")[0]


def test_a_reference_may_be_an_earlier_release(project, installed, monkeypatch):
    """Named by its interpreter; where PATH finds that it is told of, as of a subject."""
    project.break_port()
    earlier = module(project, installed)
    declarations = load_project(project.declare(DECLARED, reference=earlier.removeprefix("command: "))).engines
    engine = choose_engines(RunOptions(), Progress(quiet=True), declarations, ("reference",))["reference"]
    assert copies_elsewhere(identify(engine), project.case.parent, engine) == []
    monkeypatch.setenv("PATH", str(installed.parent), prepend=":")
    assert len(copies_elsewhere(identify(engine), project.case.parent, engine)) == 1


@pytest.mark.parametrize("inside", [False, True])
def test_an_old_program_that_path_finds_is_told(project, run, gate, monkeypatch, tmp_path, inside):
    """Of the project's ``bin/port``; a path, or a source that names the old one, says that it is meant."""
    old, own = tmp_path / "bin/port", project.home / "bin/port"
    text = f'#!/bin/sh\nPYTHONPATH={project.home}/src exec {sys.executable} -m myport "$@"\n'
    for path in (old, own):
        path.parent.mkdir()
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{own.parent}", prepend=":")
    (project.home / "run.sh").write_text('#!/bin/sh\nexec port "$@"\n')
    (project.home / "run.sh").chmod(0o755)
    sources = "sources: ['src/**/*.py', run.sh, bin/port]"
    project.declare(f"command: {'run.sh' if inside else 'port'}, {sources}")
    assert told(run()[1]) == [] and gate(UNCHANGED) == {}
    own.write_text(text + "# newer\n")
    if not inside:
        assert "bin/port of the project is another" in gate(UNCHANGED)["engines_unchanged"]
        assert said_of(project, f"command: {old}, {sources}") == []
        assert said_of(project, f"command: port, {sources[:-1]}, ../bin/port]") == []
        return
    assert "bin/port of the project is another" in gate(UNCHANGED)["engines_unchanged"]
