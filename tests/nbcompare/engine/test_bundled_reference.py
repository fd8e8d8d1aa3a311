"""Where the bundled C reference is built: beside its sources, in the user's cache, or not at all where it is there."""

import os
import tempfile
import threading
from pathlib import Path

import pytest

from nbcompare.engine import bundled_reference as module
from nbcompare.errors import FileError

MAKEFILE = """\
all:
\tmkdir -p $(BUILD)
\tcp program.c $(BUILD)/nanobragg_reference
\techo made >> made.txt
"""


@pytest.fixture
def tmp_path():
    """A folder that others may be let into: pytest closes the one above its own whenever a session begins, also one
    that a test beside this begins."""
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Sources as a wheel leaves them; making them copies a file, and is counted."""
    folder = tmp_path / "site-packages/nanobrag_reference"
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "program.c").write_text("the program")
    monkeypatch.setattr(module, "REFERENCE_SOURCE", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def made(source):
    return (source / "made.txt").read_text().count("made") if (source / "made.txt").exists() else 0


def as_somebody_without_rights(function):
    """Call a function where read-only folders cannot be written: the superuser becomes nobody for that."""
    if os.getuid() != 0:
        return function()
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            said = str(function())
        except BaseException as fault:
            said = f"{type(fault).__name__}: {fault}"
        os.write(send, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        return stream.read().decode()


def test_it_is_built_once_into_the_users_cache(source, tmp_path):
    program = module.build_reference()
    assert program.is_relative_to(tmp_path / "cache/nb-compare/reference") and os.access(program, os.X_OK)
    assert program.read_text() == "the program" and not (source / "build").exists()
    os.utime(source / "program.c")  # installed again: the bytes are what counts
    assert module.build_reference() == program and made(source) == 1


def test_in_a_checkout_make_is_asked_only_where_something_is_newer_than_what_it_made(source, tmp_path, monkeypatch):
    folder = tmp_path / "simulator/reference"
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE + "\ttouch $(BUILD)/program.o $(BUILD)/nanobragg_reference\n")
    (folder / "program.c").write_text("the program")
    monkeypatch.setattr(module, "REFERENCE_SOURCE", folder)
    program = module.build_reference()
    os.utime(program, (4e9, 4e9))
    assert module.build_reference() == program == folder / "build/nanobragg_reference" and made(folder) == 1
    os.utime(folder / "Makefile", (3e9, 3e9))  # newer than the object, older than the program
    module.build_reference()
    assert made(folder) == 2
    (folder / "build/program.o").unlink()
    module.build_reference()
    assert made(folder) == 3


def test_other_sources_are_built_anew(source):
    first = module.build_reference()
    (source / "program.c").write_text("another program")
    second = module.build_reference()
    assert second != first and second.read_text() == "another program"


def test_a_cache_that_cannot_be_written_serves_a_program_that_is_there(source, tmp_path):
    program = module.build_reference()
    for folder in [tmp_path, *tmp_path.rglob("*")]:
        folder.chmod(0o555 if folder.is_dir() or folder == program else 0o444)
    try:
        assert str(as_somebody_without_rights(module.build_reference)) == str(program)
    finally:
        for folder in (tmp_path, *tmp_path.rglob("*")):
            folder.chmod(0o755)


def test_a_lock_that_a_killed_build_left_is_no_obstacle(source, tmp_path):
    program = module.build_reference()
    program.unlink()
    assert (program.parent / ".lock").exists()
    (program.parent / ".part-abc").write_text("half of a progr")
    assert module.build_reference().read_text() == "the program"


def test_builds_at_the_same_time_wait_for_each_other(source):
    found = []
    threads = [threading.Thread(target=lambda: found.append(module.build_reference())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1 and made(source) == 1


def test_a_program_that_others_can_write_is_never_run(source):
    program = module.build_reference()
    program.parent.chmod(0o777)
    with pytest.raises(FileError, match="can be written by everybody, and it would be run"):
        module.build_reference()
