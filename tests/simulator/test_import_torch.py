"""Importing torch looks at the disk for what it needs, and not for where each of its own operators stands."""

import importlib
import inspect
import linecache
import os
import posixpath
import runpy
import subprocess
import sys

import pytest

from nanobrag_torch import cli, import_once, import_torch, version
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


@pytest.mark.parametrize("given", [None, "1"])
def test_python_is_as_it_was_when_torch_is_imported(monkeypatch, given):
    monkeypatch.delenv("TORCH_DEVICE_BACKEND_AUTOLOAD", raising=False)
    if given is not None:
        monkeypatch.setenv("TORCH_DEVICE_BACKEND_AUTOLOAD", given)
    search = vars(sys.modules["_frozen_importlib_external"])

    def seen():
        return (inspect.getframeinfo, inspect.getmodule, inspect.getsourcefile, search["_path_stat"], sys.meta_path[:],
                dict(os.environ), sys.getdlopenflags())

    before = seen()
    with pytest.raises(ModuleNotFoundError), frames_answer():
        assert os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] == "0"
        assert sys.getdlopenflags() & os.RTLD_LAZY and not sys.getdlopenflags() & os.RTLD_NOW
        raise ModuleNotFoundError("torch")
    assert seen() == before


def test_a_postponed_module_is_itself_once_anything_of_it_is_asked_for(tmp_path, monkeypatch):
    for name in ("asked_for_later", "asked_for_now"):
        (tmp_path / f"{name}.py").write_text("import sys\nsys.ran.append(__name__)\nanswer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "ran", [], raising=False)
    monkeypatch.setattr(import_torch, "POSTPONED", {"asked_for_later"})
    found = sys.meta_path[:]
    with frames_answer():
        later, _ = importlib.import_module("asked_for_later"), importlib.import_module("asked_for_now")
    assert (sys.ran, sys.meta_path) == (["asked_for_now"], found)
    assert (later.answer, sys.ran) == (42, ["asked_for_now", "asked_for_later"])
    assert importlib.import_module("asked_for_later") is later


POSTPONING = """
import sys
from importlib.util import _LazyModule
from nanobrag_torch.cli import run
from nanobrag_torch.import_torch import POSTPONED
status = run(sys.argv[1:])
unasked = [name for name in POSTPONED if object.__getattribute__(sys.modules[name], "__class__") is _LazyModule]
import torch
print(f"{status} {sorted(POSTPONED - set(unasked))} {torch.distributions.Normal(0.0, 1.0).mean:g}", file=sys.stderr)
"""


def test_a_run_asks_for_nothing_that_is_postponed_and_gives_the_image_of_all_of_torch(tmp_path, simulated):
    """The fast path, with what interpolation and a round crystal need besides."""
    importlib.import_module("torch")
    (tmp_path / "few.hkl").write_text("".join(f"{h} {k} {l} {9 + h - k}\n" for h in range(-3, 4) for k in range(-3, 4)
                                              for l in range(-3, 4)))
    command = ("-cell 100 90 80 90 90 90 -hkl few.hkl -interpolate -default_F 1 -N 5 -round_xtal -lambda 3 "
               "-distance 100 -nonoise -detpixels 64 -pixel 0.1 -phisteps 2 -osc 1 -misset 1 2 3 -render fast "
               "-floatfile").split()
    words = [sys.executable, "-c", POSTPONING, *command, "aside.bin"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == "0 [] 0\n"
    assert simulated(argv=[*command, "here.bin"]).status == 0
    assert (tmp_path / "aside.bin").read_bytes() == (tmp_path / "here.bin").read_bytes()


HEAD = "# branch.oid 0123456789abcdef\n# branch.head main\n"


@pytest.mark.parametrize(("told", "sha"), [
    (HEAD, "0123456789ab"), (HEAD + "1 .M N... 100644 100644 100644 a b cli.py\n", "0123456789ab-dirty"),
    (HEAD + "? new.py\n", "0123456789ab-dirty"), ("# branch.oid (initial)\n? cli.py\n", "unknown"), ("", "unknown"),
    (None, "unknown")])
def test_git_is_asked_once_for_commit_and_changes(monkeypatch, told, sha):
    asked = []
    monkeypatch.setattr(version, "_git", lambda *words: asked.append(words) or told)
    version.git_sha.cache_clear()
    assert (version.git_sha(), version.git_sha(), len(asked)) == (sha, sha, 1)
    version.git_sha.cache_clear()
