"""A library that was built from a source which somebody changed since, and did not build again, gives the image of the
text before: the commit, and the clean tree, speak of the new one."""

import os
import shutil
import sys

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.sources.built_before import built_before
from tests.nbcompare.second_repository import DECLARED, PLAN

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.skipif(
    OpenCalls.why_not() is not None, reason="which files a program opens can be asked on Linux alone")]

ALL = "clean_tree: true, engines_unchanged: true"


@pytest.fixture
def library(project):
    """A library in a folder that git ignores, as a compiler leaves it, and its source; the port loads it."""
    (project.home / ".gitignore").write_text("__pycache__/\nbundles/\nbuild/\n.venv/\n")
    (project.home / "build").mkdir()
    for name in ("core.c", "core.h", "other.c", "other/core.h"):
        (project.home / name).parent.mkdir(exist_ok=True)
        (project.home / name).write_text("1\n")
    path = project.home / "build/libcore.so"
    path.write_bytes(b"\x7fELF\0crtstuff.c\0core.c\0scale\0")
    project.core.write_text(f"open({str(path)!r}, 'rb').read()\n" + project.core.read_text())
    project.declare(DECLARED)
    project.commit("built")
    return path


def written_after(path, other):
    os.utime(path, ns=(0, other.stat().st_mtime_ns + 1))


def test_a_library_that_was_not_built_again_is_told_and_the_gate_is_red(run, gate, project, library):
    assert run()[0] == 0 and gate(ALL) == {}
    (project.home / "core.c").write_text("2\n")
    project.commit("another scale")
    written_after(project.home / "core.c", library)
    code, record = run()
    said = f"{library} was built before core.c was written, and may be of its text before (build it again)"
    assert code == 0 and any(said in note for note in record["notes"])
    assert said in gate(ALL)["engines_unchanged"]
    written_after(library, project.home / "core.c")
    assert run()[0] == 0 and gate(ALL) == {}


def test_a_run_of_before_the_source_was_written_is_none_of_after(run, gate, nb, project, library):
    """Nothing was built again, and the port still gives the image of the text before: neither the kept run of the
    reference nor the bundle stands for the commit."""
    reference = project.home / "ref.py"
    reference.write_text(f"open({str(library)!r}, 'rb').read()\n" + reference.read_text())
    project.commit("the reference loads it too")
    assert run()[0] == 0 and run()[1]["reference_from"] and gate(ALL) == {}
    (project.home / "core.c").write_text("2\n")
    project.commit("another scale")
    written_after(project.home / "core.c", library)
    said = f"{library} was built before core.c was written"
    assert said in gate(ALL)["engines_unchanged"]
    swept = nb("sweep", project.case, "-q", "--format", "json").json["results"][0]
    assert (swept["how"], swept["reference_from"]) == ("ran", None)
    code, record = run()
    assert code == 0 and "reference_from" not in record and said in str(record["notes"])


def test_a_source_is_one_that_the_library_names_or_a_header_beside_it(project, library):
    def told(name, path=library):
        written_after(project.home / name, path)
        found = list(built_before([str(path)]))
        os.utime(project.home / name, ns=(0, 0))
        return len(found)

    for name in ("core.c", "core.h", "other.c", "other/core.h"):
        os.utime(project.home / name, ns=(0, 0))
    assert [told(name) for name in ("core.c", "core.h", "other.c", "other/core.h")] == [1, 1, 0, 0]
    kept, brought = project.home / "kept.so", project.home / ".venv/lib/brought.so"
    brought.parent.mkdir(parents=True)
    (project.home / ".venv/pyvenv.cfg").write_text("")
    of_python = project.home / "build/python/lib/libpython.so"
    (of_python.parent / "python3.11").mkdir(parents=True)
    (of_python.parent / "python3.11/os.py").write_text("")
    for path in (kept, brought, of_python):
        path.write_bytes(library.read_bytes())
    project.commit("a library that git keeps")
    assert [told("core.c", path) for path in (kept, brought, of_python)] == [0, 0, 0], "times say nothing of those"


def test_a_compiled_program_that_git_ignores_is_no_uncommitted_change_of_a_wrapper(run, gate, project):
    """Its bytes are in the engine's sum; the line that is proposed made the tree unclean for good."""
    program = project.home / "build/port"
    program.parent.mkdir()
    shutil.copy(shutil.which("env"), program)
    (project.home / ".gitignore").write_text("__pycache__/\nbundles/\nbuild/\n")
    project.wrapper().write_text(f"#!/bin/sh\nPYTHONPATH={project.home}/src exec {project.home}/build/port "
                                 f"{sys.executable} -m myport \"$@\"\n")
    project.declare("command: run.sh, sources: ['build/port', 'src/**/*']")
    (project.home / "cases/phases.yaml").write_text(PLAN % ALL)
    project.commit("built")
    assert run()[0] == 0 and gate(ALL) == {}
    with open(program, "ab") as stream:
        stream.write(b"another")
    assert "build/port changed" in gate(ALL)["engines_unchanged"]
    program.write_text("#!/bin/sh\nexec \"$@\"\n")
    assert run()[0] == 0 and "build/port" in gate(ALL)["clean_tree"], "a script that git ignores is a source"
