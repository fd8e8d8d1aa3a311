"""Whose script a program is: found by reading few files, and never otherwise than importlib.metadata would say."""

import importlib
import json
import os
import subprocess
import sys
import zipfile
from importlib.machinery import PathFinder
from pathlib import Path
from shutil import copy

import pytest

from nbcompare.engine.sources import interpreter
from nbcompare.engine.sources.python_here import may_be_installed, script_target
from tests.nbcompare.conftest import FAKES

POINTS = "[console_scripts]\nmyport = myport.__main__:main\n"


def installed_as(kind, site):
    """A distribution in a folder of the search path, as installers of different times leave it."""
    if kind == "egg":
        (site / "myport-3.1.egg/EGG-INFO").mkdir(parents=True)
        (site / "myport-3.1.egg/EGG-INFO/PKG-INFO").write_text("Name: myport\nVersion: 3.1\n")
        (site / "myport-3.1.egg/EGG-INFO/entry_points.txt").write_text(POINTS)
        return site / "myport-3.1.egg"
    if kind == "archive":
        with zipfile.ZipFile(site / "myport.zip", "w") as archive:
            archive.writestr("myport-3.1.dist-info/METADATA", "Name: myport\nVersion: 3.1\n")
            archive.writestr("myport-3.1.dist-info/entry_points.txt", POINTS)
        return site / "myport.zip"
    (site / f"myport-3.1.{kind}").mkdir()
    (site / f"myport-3.1.{kind}" / "METADATA").write_text("Name: myport\nVersion: 3.1\n")
    (site / f"myport-3.1.{kind}" / "entry_points.txt").write_text(POINTS)
    return site


@pytest.mark.parametrize("kind", ["dist-info", "egg-info", "DIST-INFO", "egg", "archive"])
def test_a_console_script_is_that_of_its_distribution_however_this_is_installed(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(installed_as(kind, tmp_path))])
    assert script_target("/anywhere/bin/myport") == "myport.__main__"


def test_distributions_are_not_taken_apart_for_a_script_that_none_of_them_names(tmp_path, monkeypatch):
    installed_as("dist-info", tmp_path)
    (tmp_path / "plain-1.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    monkeypatch.setattr("importlib.metadata.entry_points", lambda: pytest.fail("all distributions were read"))
    assert not may_be_installed("other.py") and script_target("/anywhere/bin/other.py") is None


def test_a_finder_of_distributions_is_asked(tmp_path, monkeypatch):
    """As an editable install may bring one: it may know distributions that lie in no folder of the path."""

    class Finder:
        find_spec = staticmethod(lambda *_: None)
        find_distributions = staticmethod(lambda *_: ())

    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert may_be_installed("other.py")


def asked(texts, **variables):
    """What a Python says of a fake engine."""
    question = json.dumps({"module": "", "script": str(FAKES / "good.py"), "cwd": None, "stop_at": []})
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", interpreter._QUESTION, *texts, question], check=True,
                          capture_output=True, text=True, env={**environment, **variables})
    return json.loads(done.stdout)


def test_an_asked_python_leaves_nothing_beside_our_texts(tmp_path):
    """They are run as compiled where the installation is; another Python's would be added there."""
    texts = [copy(text, tmp_path) for text in interpreter._TEXTS]
    assert {"good.py", "_image.py"} <= asked(texts)["files"].keys()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(text).name for text in texts)


def test_compiled_files_that_an_engine_has_its_python_take_are_none_of_ours(tmp_path):
    """A forged one, of the time and size of our text, in the folder that a variable of the engine names."""
    text = interpreter._TEXTS[-1]
    forged = tmp_path / f"{text[1:-3]}.{sys.implementation.cache_tag}.pyc"
    forged.parent.mkdir(parents=True)
    code = compile("def main(*_):\n    print('{}')\n", text, "exec")
    forged.write_bytes(importlib._bootstrap_external._code_to_timestamp_pyc(code, int(os.stat(text).st_mtime),
                                                                            os.stat(text).st_size))
    assert "good.py" in asked(interpreter._TEXTS, PYTHONPYCACHEPREFIX=str(tmp_path))["files"]
