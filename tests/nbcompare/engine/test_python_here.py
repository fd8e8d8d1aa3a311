"""Whose script a program is: found by reading few files, and never otherwise than importlib.metadata would say."""

import sys
import zipfile
from importlib.machinery import PathFinder

import pytest

from nbcompare.engine.sources.python_here import may_be_installed, script_target

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
