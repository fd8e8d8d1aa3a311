"""What an engine opened is put together once while it does nothing new and its files stay."""

import os

import pytest

from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources import opened_again
from nbcompare.engine.sources.opened import opened_by
from nbcompare.engine.sources.opened_again import OpenedAgain


@pytest.fixture
def counted(monkeypatch):
    """How often it was put together."""
    made = []
    monkeypatch.setattr(opened_again, "opened_by", lambda calls: made.append(1) or opened_by(calls))
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
