"""Importing torch looks at the disk for what it needs, and not for where each of its own operators stands."""

import importlib
import inspect
import linecache
import os
import posixpath
import runpy
import sys

from nanobrag_torch import cli, import_once
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.import_torch import frames_answer


def test_a_frame_tells_its_place_without_a_look_at_the_disk(monkeypatch):
    """The answers are those that inspect gives by following the path of every module."""
    frame = sys._getframe()
    expected = inspect.getframeinfo(frame).filename, inspect.getmodule(frame)
    followed = []
    linecache.clearcache()
    with monkeypatch.context() as disk, frames_answer():
        disk.setattr(posixpath, "realpath", followed.append)
        disk.setattr(os, "stat", followed.append)
        frame = sys._getframe()
        found = inspect.getframeinfo(frame)
        told = found.filename, inspect.getmodule(frame)
        line = inspect.currentframe().f_lineno - 2
        other = inspect.getmodule(os.path.join)
    assert (told, found.lineno) == (expected, line)
    assert other is posixpath, "of all else it tells what it always does"
    assert not followed


def test_a_module_is_looked_at_once_and_a_package_of_python_for_nothing_else(tmp_path, monkeypatch):
    """And one that was not there at first is found when torch is imported."""
    for name in ("looked_at_once", "looked_at_too"):
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    search, seen = vars(sys.modules["_frozen_importlib_external"]), []
    look = search["_path_stat"]
    monkeypatch.setitem(search, "_path_stat", lambda path: seen.append(str(path)) or look(path))
    with frames_answer():
        importlib.import_module("looked_at_once")
        importlib.import_module("looked_at_too")
    ours = [path for path in seen if path == str(tmp_path) or path.endswith(("_once.py", "_too.py"))]
    assert sorted(ours) == [str(tmp_path), *(str(tmp_path / f"looked_at_{name}.py") for name in ("once", "too"))]
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "folder").mkdir()
    seen.clear()
    with frames_answer():
        assert importlib.import_module("package").__file__ == str(tmp_path / "package/__init__.py")
        importlib.import_module("folder")
    inits = [os.path.relpath(path, tmp_path) for path in seen if "__init__" in path]
    assert [path for path in inits if path.startswith("package")] == ["package/__init__.py"]
    assert "folder/__init__.abi3.so" in inits, "without one in Python it is looked for"
    (tmp_path / "made_later.py").write_text("")
    importlib.invalidate_caches()
    assert importlib.import_module("made_later")


def test_the_program_looks_once_for_its_own_modules_too(monkeypatch):
    """NumPy is imported before torch."""
    search, looks = vars(sys.modules["_frozen_importlib_external"]), []
    look = search["_path_stat"]
    monkeypatch.setattr(import_once, "_look_once", lambda known: looks.append(known) or known)
    runpy.run_module("nanobrag_torch", run_name="imported")
    assert looks == [look] and search["_path_stat"] is look

    def loaded(command):
        looks.append(search["_path_stat"])
        raise ArgumentError("read no further")

    monkeypatch.undo()
    monkeypatch.setattr(cli, "_loaded_meanwhile", loaded)
    assert cli.run("-cell 100 100 100 90 90 90 -default_F 1 -lambda 1 -distance 100 -detpixels 8".split()) == 2
    assert looks[-1] is not look and search["_path_stat"] is look


def test_python_is_as_it_was_when_torch_is_imported():
    search = vars(sys.modules["_frozen_importlib_external"])
    before = inspect.getframeinfo, inspect.getmodule, inspect.getsourcefile, search["_path_stat"]
    try:
        with frames_answer():
            raise ModuleNotFoundError("torch")
    except ModuleNotFoundError:
        pass
    assert (inspect.getframeinfo, inspect.getmodule, inspect.getsourcefile, search["_path_stat"]) == before
