"""What is looked at once for many files, and what of it may not be."""

import base64
import hashlib
import os

import pytest

from nbcompare.engine.processes.disk_looks import stamp_of
from nbcompare.engine.processes.file_uses import Use
from nbcompare.engine.sources import account, edited
from nbcompare.engine.sources.made_of import SourceFile
from nbcompare.engine.sources.opened import OpenedFiles, changed_since
from nbcompare.engine.sources.opened_kinds import kind_of
from nbcompare.engine.sources.real_paths import Looks, RealPaths
from nbcompare.files import sum_of


@pytest.mark.parametrize("kind", [RealPaths, Looks])
def test_real_paths_are_those_of_the_system(kind, tmp_path, monkeypatch):
    """Links of files, folders, chains, loops and to nowhere; names that are missing, relative, or end oddly."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("")
    for name, target in (("folder", "a/b"), ("twice", "folder"), ("a/up", ".."), ("nowhere", "a/none/x"),
                         ("loop", "loop"), ("a/b/link", "file"), ("a/b/out", "../../twice/link")):
        (tmp_path / name).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    real = kind()
    for place in (f"{tmp_path}/", "", "//", "./"):
        for path in ("a/b/file", "folder/file", "twice/link", "a/up/a/b/out", "nowhere", "loop", "loop/x", "a/none/x",
                     "a", "twice", "twice/", "a/b/..", "a/../folder/.", "a/up", "folder/../x"):
            assert real.of(place + path) == os.path.realpath(place + path), place + path


def test_what_lies_at_a_path_is_looked_at_once(tmp_path):
    """A file, a link to it, a link to nowhere, a folder, and nothing; what comes and goes meanwhile is not seen."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("none")
    looks, names = Looks(), ("file", "link", "nowhere", "none", "")
    paths = [str(tmp_path / name) for name in names]
    assert [looks.stamp(path) for path in paths] == [stamp_of(path)[1] for path in paths]
    (tmp_path / "file").unlink()
    (tmp_path / "none").write_text("")
    assert [looks.is_file(path) for path in paths] == [True, True, False, False, False]
    assert [looks.at(path) is None for path in paths] == [False, False, True, True, False]
    assert looks.of(paths[1]) == paths[0]


@pytest.fixture
def installed(tmp_path):
    """Two files of a distribution, as its list says."""
    place = tmp_path / "lib/python3.11/site-packages"
    (place / "thing-1.dist-info").mkdir(parents=True)
    rows = []
    for name in ("thing_a.py", "thing_b.py"):
        (place / name).write_text("x = 1\n")
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).decode().rstrip("=")
        rows.append(f"{name},sha256={digest},6\n")
    listing = place / "thing-1.dist-info/RECORD"
    listing.write_text("".join(rows))
    return place, str(listing)


def test_a_distribution_is_looked_through_once_for_a_group_but_what_is_opened_each_time(installed):
    """A file that is edited between two cells is in the record of the second where that opened it; where nobody did,
    neither run stands for one of later."""
    place, _ = installed
    found = []
    with edited.scanned_once():
        for text in ("x = 1\n", "x = 22\n"):
            (place / "thing_a.py").write_text(text)
            (place / "thing_b.py").write_text(text)
            said = account._Found(Looks())
            path = str(place / "thing_a.py")
            said.add(kind_of(path), path, Use(stamp_of(path)[1], False, read=True))
            found.append(said.opened(()))
    names = [[os.path.basename(entry.path) for entry in said.files] for said in found]
    assert names == [["RECORD"], ["RECORD", "thing_a.py"]]
    assert all(any("thing_b.py was changed" in why for why in changed_since(said)) for said in found)
    again = account._Found(Looks())
    again.add(kind_of(path), path, Use(stamp_of(path)[1], False, read=True))
    assert {os.path.basename(entry) for entry in again.files} == {"RECORD", "thing_a.py", "thing_b.py"}


def test_a_distribution_that_was_looked_through_ahead_is_not_looked_through_again(installed, monkeypatch):
    """What was found at one moment counts for the account after it, too; and a file may be gone meanwhile."""
    place, listing = installed
    looked, look = [], edited._edited_files
    monkeypatch.setattr(edited, "_edited_files", lambda path: looked.append(path) or look(path))
    (place / "thing_b.py").write_text("x = 22\n")
    with edited.scanned_once():
        edited.edited_once(listing)
        with edited.scanned_once():
            assert list(edited.edited_once(listing)) == [str(place / "thing_b.py")]
        assert looked == [listing]
        (place / "thing_a.py").write_text("x = 22\n")
        with edited.at_one_moment():
            assert len(list(edited.edited_now(listing))) == 2
        (place / "thing_b.py").unlink()
        said = account._Found(Looks())
        said.distribution(listing)
        assert {os.path.basename(path) for path in said.files} == {"RECORD", "thing_a.py"}
        assert looked == [listing] * 2


def test_at_one_moment_each_distribution_is_looked_through_once_for_all_accounts(installed, monkeypatch):
    """And anew for the next moment."""
    place, listing = installed
    looked, look = [], edited._edited_files
    monkeypatch.setattr(edited, "_edited_files", lambda path: looked.append(path) or look(path))
    then = OpenedFiles((SourceFile("thing 1 RECORD", listing, sum_of(listing)),))
    for text, said in (("x = 1\n", []), ("x = 22\n", [f"{place / 'thing_b.py'} was changed"])):
        (place / "thing_b.py").write_text(text)
        looked.clear()
        with edited.at_one_moment():
            assert [changed_since(then) for _ in range(2)] == [said] * 2
        assert looked == [listing]
