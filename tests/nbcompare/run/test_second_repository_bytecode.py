"""What Python runs is the compiled file beside a source. It counts for the source only where it is made of it."""

import os
import py_compile
from pathlib import Path

import pytest

from nbcompare.case.project import load_project
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.progress import Progress
from nbcompare.engine.sources.made_of import MadeOf, changes, look_at
from nbcompare.errors import NbCompareError
from nbcompare.run.options import RunOptions
from tests.nbcompare.second_repository import DECLARED, Project

TIMES = py_compile.PycInvalidationMode.TIMESTAMP
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def looked_at(project: Project) -> MadeOf:
    declarations = load_project(project.declare(DECLARED)).engines
    return look_at(choose_engines(RunOptions(), Progress(quiet=True), declarations, ("subject",))["subject"])


def edited_without_a_trace(path: Path) -> None:
    """One digit is another, in the second in which the file was written before."""
    found = path.stat()
    path.write_text(path.read_text().replace("7919", "7918"))
    os.utime(path, (found.st_atime, found.st_mtime))


@pytest.mark.parametrize("mode", [TIMES, UNCHECKED])
def test_compiled_code_of_another_text_is_an_error_that_names_it(project, mode):
    compiled = py_compile.compile(str(project.core), doraise=True, invalidation_mode=mode)
    assert looked_at(project).unknown == ()
    edited_without_a_trace(project.core)
    with pytest.raises(NbCompareError) as caught:
        looked_at(project)
    assert compiled in str(caught.value)
    assert compiled in caught.value.hint
    Path(compiled).unlink()
    assert looked_at(project).unknown == ()


def test_compiled_code_that_python_would_make_anew_is_no_error(project):
    py_compile.compile(str(project.core), doraise=True, invalidation_mode=TIMES)
    project.core.write_text(project.core.read_text() + "\n# another size\n")
    assert looked_at(project).unknown == ()


def test_a_neighbour_that_the_package_imports_is_looked_at_too(project):
    units = project.home / "src/port_units.py"
    py_compile.compile(str(units), doraise=True, invalidation_mode=UNCHECKED)
    units.write_text("SCALE = 2.0\n")
    with pytest.raises(NbCompareError, match="port_units"):
        looked_at(project)


def test_a_module_without_source_is_known_by_its_bytes_and_said_to_be_unread(project):
    core = project.core.with_suffix(".pyc")
    py_compile.compile(str(project.core), str(core), doraise=True)
    project.core.unlink()
    found = looked_at(project)
    assert "myport/core.pyc" in {entry.name for entry in found.files}
    assert "core.pyc is compiled" in found.unknown[0]
    core.write_bytes(core.read_bytes() + b"0")
    assert changes(found) == ["myport/core.pyc changed"]


def test_the_gate_is_never_reached_by_a_run_of_old_bytecode(project, nb):
    """The same as a user sees it: exit code 5 and the line to type, no bundle."""
    py_compile.compile(str(project.core), doraise=True, invalidation_mode=UNCHECKED)
    edited_without_a_trace(project.core)
    project.declare(DECLARED)
    done = nb("run", project.case)
    assert done.code == 5
    assert "rm " in done.err
    assert not list(project.home.parent.rglob("record.json"))
