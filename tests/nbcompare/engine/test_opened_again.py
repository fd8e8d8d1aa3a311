"""What an engine opened is put together once while it does nothing new and its files stay."""

import os
from pathlib import Path

import pytest

from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources import opened_again
from nbcompare.engine.sources.account import opened_by
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.files import sha256_of, stamp_at


@pytest.fixture
def counted(monkeypatch):
    """How often it was put together."""
    made = []
    monkeypatch.setattr(opened_again, "opened_by", lambda *asked: made.append(1) or opened_by(*asked))
    return made


def test_a_file_that_is_new_or_changed_is_seen_and_all_else_is_told_again(tmp_path, counted):
    own, other = tmp_path / "own.dat", tmp_path / "other.dat"
    own.write_text("one")
    other.write_text("two")
    calls, again = FileUses(), OpenedAgain()
    calls.opened(str(own), os.O_RDONLY)
    first, changed = again.by(calls.outside())
    assert ([entry.path for entry in first.files], changed) == ([str(own)], [])
    assert again.by(calls.outside()) == (first, []) and len(counted) == 1
    calls.opened(str(other), os.O_RDONLY)
    second, _ = again.by(calls.outside())
    assert [entry.path for entry in second.files] == [str(other), str(own)] and len(counted) == 2
    own.write_text("changed")
    for _ in range(2):
        assert again.by(calls.outside())[1] == [f"{own} changed"]
    assert len(counted) == 4


def test_a_table_that_another_wrote_and_gave_its_time_of_before_was_changed(tmp_path):
    """Its sum is of other bytes than those that were read; a file that only got another name has its bytes."""
    table, looked, kept = tmp_path / "table", tmp_path / "looked", tmp_path / ".git" / "pack"
    kept.parent.mkdir()
    for path in (table, looked, kept):
        path.write_text("one")
    before = os.stat(table)
    calls = FileUses()
    for path in (table, kept):
        calls.opened(str(path), os.O_RDONLY)
    calls.looked(str(looked))
    assert not opened_by(calls.outside())[1]
    table.write_text("two")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    for path in (looked, kept):
        os.link(path, f"{path}-2")
    assert opened_by(calls.outside())[1] == [f"{table} was written to and put back"]


def test_a_file_that_it_writes_has_the_sum_of_what_it_left(tmp_path, counted):
    table = tmp_path / "table"
    table.write_text("one")
    calls, again = FileUses(), OpenedAgain()
    calls.opened(str(table), os.O_RDWR)
    first, _ = again.by(calls.outside())
    table.write_text("another")
    second, changed = again.by(calls.outside())
    assert not changed and first.files[0].sha256 != second.files[0].sha256 and len(counted) == 2


def test_something_that_cannot_be_known_is_not_left_out_the_second_time(tmp_path, counted):
    calls, again = FileUses(), OpenedAgain()
    assert again.by(calls.outside())[0].is_whole
    calls.unseen["it uses io_uring"] = None
    assert not again.by(calls.outside())[0].is_whole and len(counted) == 2


def test_the_folders_of_its_commands_and_what_the_kernel_shows_of_processes_are_nothing_new(tmp_path, counted):
    """A process that is kept lists a new folder, and itself under another number, for each of its commands."""
    calls, again = FileUses(), OpenedAgain()
    for number in (1, 2, 3):
        run = tmp_path / f"run-{number}"
        run.mkdir()
        for path in (run, run / "A.mat", f"/proc/{number}/fd"):
            calls.opened(str(path), os.O_RDONLY)
        calls.forget(run)
        assert again.by(calls.outside())[0].is_whole
    assert len(counted) == 1


def _changed_in_place(place):
    """Other bytes of the same length, in the same file under the same time."""
    was = os.stat(place / "own.dat")
    (place / "own.dat").write_text("two")
    os.utime(place / "own.dat", ns=(was.st_atime_ns, was.st_mtime_ns))


LATER = {
    "a file that it looked for in vain": lambda place: (place / "absent.dat").write_text("now"),
    "a link that leads nowhere in its place": lambda place: (place / "absent.dat").symlink_to(place / "nowhere"),
    "another file in a folder that it listed": lambda place: (place / "tables" / "b.tab").write_text("b"),
    "a package in a folder that it listed": lambda place: (place / "tables" / "inner" / "c.tab").write_text("c"),
    "what a link in it leads to": lambda place: (place / "missing.tab").write_text("d"),
    "other bytes under the same times": _changed_in_place,
    "a source that is written": lambda place: os.utime(place / "source.py"),
    "an attribute": lambda place: os.setxattr(place / "own.dat", "user.kind", b"other"),
    "a program that comes before on the PATH": lambda place: (place / "first" / "tool").write_text("x"),
}


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("what", LATER)
def test_what_an_account_rests_on_is_looked_at_each_time(tmp_path, counted, monkeypatch, what, settled):
    """``settled``: as of folders that nothing was entered in for some seconds, whose times are enough."""
    monkeypatch.setattr(opened_again, "are_settled", lambda stamps: settled)
    own, absent, tables = tmp_path / "own.dat", tmp_path / "absent.dat", tmp_path / "tables"
    source, tool = tmp_path / "source.py", tmp_path / "second" / "tool"
    for folder in (tables / "inner", tmp_path / "first", tool.parent):
        folder.mkdir(parents=True)
    if "link in" in what:
        (tables / "linked.tab").symlink_to(tmp_path / "missing.tab")
    own.write_text("one")
    (tables / "a.tab").write_text("a")
    source.write_text("x = 1")
    tool.write_text("#!/bin/sh\n")
    calls, again = FileUses(), OpenedAgain()
    for path in (own, absent, tables, tables / "a.tab"):
        calls.opened(str(path), os.O_RDONLY)
    calls.asked_attributes(str(own))
    calls.run(str(tool))
    asked = (MadeOf("script", files=(SourceFile("source.py", str(source), sha256_of(source)),)), str(tool),
             f"{tmp_path}/first:{tmp_path}/second")
    first = again.by(calls.outside(), *asked)
    assert again.by(calls.outside(), *asked) == first and len(counted) == 1
    LATER[what](tmp_path)
    assert again.by(calls.outside(), *asked) == opened_by(calls.outside(), *asked) and len(counted) == 2


def test_a_file_that_may_change_again_under_the_same_times_is_read_again(tmp_path, counted, monkeypatch):
    """A clock of files ticks a few hundred times a second, and one that was written now may be written once more."""
    own = tmp_path / "own.dat"
    own.write_text("one")
    one_tick = stamp_at(str(own))
    monkeypatch.setattr(opened_again, "stamp_at", lambda path: one_tick)
    calls, again = FileUses(), OpenedAgain()
    calls.opened(str(own), os.O_RDONLY)
    again.by(calls.outside())
    again.by(calls.outside())
    assert len(counted) == 1
    own.write_text("two")
    os.utime(own, ns=one_tick[-2:])
    again.by(calls.outside())
    assert len(counted) == 2


def test_what_is_told_of_a_moment_stays_as_it_was_while_the_program_goes_on(tmp_path):
    """The uses of a process that is kept are copied where they changed alone, also those behind a link."""
    own, link = tmp_path / "own.dat", tmp_path / "link"
    own.write_text("one")
    link.symlink_to(own)
    calls = FileUses()
    calls.looked(str(link))
    first = calls.outside()
    calls.opened(str(link), os.O_RDWR)
    second = calls.outside()
    for path in (str(link), str(own)):
        assert not first.uses[path].read and second.uses[path].read and second.uses[path].written
    run = tmp_path / "run"
    calls.given_name(str(run / "image"))
    assert str(run / "image") in calls.outside().uses and str(run / "image") not in calls.outside(run).uses
    calls.forget(run)
    assert calls.outside() == second


def test_what_two_runs_did_is_put_together_and_leaves_what_is_known_of_each():
    one, two, both = FileUses(), FileUses(), FileUses()
    one.opened("/a/table", os.O_RDONLY)
    two.opened("/a/table", os.O_WRONLY)
    two.opened("/b/image", os.O_WRONLY)
    first, second = one.outside(), two.outside()
    for calls in (first, second):
        both.add(calls, Path("/b"))
    assert both.uses.keys() == {"/a/table"} and both.uses["/a/table"].read and both.uses["/a/table"].written
    assert not first.uses["/a/table"].written and not second.uses["/a/table"].read


def test_what_a_kept_program_used_again_is_told_apart(tmp_path):
    """By that a file is looked at again that may be a copy of the image, and the other thousand are not."""
    calls, together = FileUses(), FileUses()
    for name in ("one", "two"):
        calls.opened(str(tmp_path / name), os.O_RDONLY)
    calls.outside()
    calls.opened(str(tmp_path / "two"), os.O_RDONLY)
    second = calls.outside()
    assert second.again == {str(tmp_path / "two")} and second.uses.keys() == {str(tmp_path / n) for n in ("one", "two")}
    together.add(second)
    assert together.again == second.again and together.uses == second.uses
    together.add(FileUses({str(tmp_path / "three"): second.uses[str(tmp_path / "one")]}))
    assert together.again is None
