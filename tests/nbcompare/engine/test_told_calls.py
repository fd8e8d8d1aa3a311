"""Calls are entered a little later than they are told, and where folders lead is remembered: the account is the same as
if each was entered at once and every folder followed anew. This process stands for the engine: it tells of a call, and
makes it afterwards."""

import ctypes
import mmap
import os
import random
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from nbcompare.engine.processes import git_looks
from nbcompare.engine.processes.call_numbers import (
    CALLS,
    FOLDER,
    GONE,
    LOOK_AT,
    OPENAT,
    RUN,
    SYMLINK,
    TO,
)
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.told_calls import ToldCalls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls are told on Linux alone")

HERE = -100 & 0xFFFFFFFF
MAKES = os.O_CREAT | os.O_WRONLY


class AtOnce(ToldCalls):
    """Enters at once, and follows every folder anew."""

    def enter(self, pid, call, words, ticket):
        self.settle()
        self.calls.disk.forget()
        super().enter(pid, call, words, ticket)
        self.settle()


class Engine:
    """Tells some accounts of calls, by paths below a folder."""

    def __init__(self, folder, *told):
        self.folder, self.told, self.thread = folder, told, threading.get_native_id()

    def tells(self, call, *paths, flags=0, thread=0):
        texts = [ctypes.create_string_buffer(os.fsencode(f"{self.folder}/{path}")) for path in paths]
        at = [ctypes.addressof(text) for text in texts]
        words = [HERE, *at, flags, 0, 0] if call in (OPENAT, LOOK_AT) else [*at, flags, 0, 0, 0]
        for told in self.told:
            told.enter(thread or self.thread, call, words, 0)

    def links(self, path, leads_to, thread=0):
        (self.folder / path).unlink(missing_ok=True)
        self.tells(SYMLINK, leads_to, path, thread=thread)
        (self.folder / path).symlink_to(self.folder / leads_to)


@pytest.fixture
def told():
    found = ToldCalls(FileUses(), lambda ticket: True)
    yield found
    found.close()


@pytest.fixture
def engine(tmp_path, told):
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        for name in ("a", "b", "c"):
            (tmp_path / version / name).write_text(version)
    (tmp_path / "current").symlink_to("v1")
    found = Engine(tmp_path, told)
    found.tells(LOOK_AT, "v2")  # of each thread the first call is entered at once
    return found


@pytest.fixture
def another_thread():
    """The number of a thread that lives."""
    over, begun = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: begun.set() or over.wait())
    thread.start()
    begun.wait()
    yield thread.native_id
    over.set()
    thread.join()


def seen(told, engine):
    """Paths below the folder that were read, and whether a file was there."""
    return {os.path.relpath(path, engine.folder): use.stamp is not None
            for path, use in told.calls.outside().uses.items() if use.read}


@pytest.mark.parametrize("way", ["removed", "replaced"])
def test_a_folders_link_that_the_engine_turns_is_followed_anew(told, engine, way):
    engine.links("next", "v2")
    engine.tells(OPENAT, "current/a")
    told.settle()
    if way == "replaced":
        engine.tells(TO, "next", "current")
        (engine.folder / "next").rename(engine.folder / "current")
    else:
        engine.tells(GONE, "current")
        engine.links("current", "v2")
    engine.tells(OPENAT, "current/b")
    assert {"v1/a": True, "v2/b": True}.items() <= seen(told, engine).items()
    assert "v1/b" not in told.calls.uses


def test_what_waits_is_entered_before_a_link_is_removed(told, engine):
    engine.tells(OPENAT, "current/a")
    engine.tells(GONE, "current")
    (engine.folder / "current").unlink()
    assert seen(told, engine) == {"current/a": True, "v1/a": True}


def test_a_look_below_a_link_that_is_gone_says_nothing_of_where_that_led(told, engine):
    """The first use of a file says how it was; one that was not looked at may be read later."""
    engine.tells(OPENAT, "current/a")
    told.settle()
    engine.tells(GONE, "current")
    (engine.folder / "current").unlink()
    engine.tells(LOOK_AT, "current/b")
    engine.links("current", "v1")
    engine.tells(OPENAT, "current/b")
    engine.tells(OPENAT, "v1/b")
    assert seen(told, engine)["v1/b"]


def test_nothing_is_remembered_while_a_thread_may_still_be_turning_a_link(told, engine, another_thread):
    engine.tells(OPENAT, "current/a")
    engine.tells(SYMLINK, "v2", "current", thread=another_thread)
    engine.tells(OPENAT, "current/b")
    told.settle()
    (engine.folder / "current").unlink()
    (engine.folder / "current").symlink_to("v2")
    engine.tells(OPENAT, "current/c")
    assert {"v1/a", "v1/b", "v2/c"} <= seen(told, engine).keys() and "v1/c" not in told.calls.uses
    engine.tells(LOOK_AT, "v1", thread=another_thread)
    assert told.calls.disk.remembers


def test_a_thread_that_has_ended_turns_no_link(told, engine):
    with subprocess.Popen(["true"]) as program:
        told._changing.add(program.pid)
    engine.tells(OPENAT, "current/a")
    assert told.calls.disk.remembers and not told._changing


def test_what_waits_is_told_as_it_was_when_it_was_told(told, engine):
    """Whoever changes it: a file that grows, and one that is made, before somebody asks."""
    size = len("v1")
    engine.tells(OPENAT, "v1/a")
    engine.tells(OPENAT, "current/b")
    engine.tells(LOOK_AT, "v1/new")
    for name in ("a", "b"):
        (engine.folder / "v1" / name).write_text("longer")
    (engine.folder / "v1/new").write_text("longer")
    uses = told.calls.outside().uses
    assert [uses[str(engine.folder / name)].stamp[1] for name in ("v1/a", "current/b", "v1/b")] == [size] * 3
    assert uses[str(engine.folder / "v1/new")].stamp is None


def test_who_changes_links_while_he_asks_is_told_where_they_lead_now(told, engine):
    """As nb-compare does, between two commands of an engine that is kept."""
    engine.tells(OPENAT, "current/a")
    told.calls.outside()
    (engine.folder / "current").unlink()
    (engine.folder / "current").symlink_to("v2")
    engine.tells(OPENAT, "current/b")
    assert "v2/b" in seen(told, engine)


def test_a_program_that_takes_the_place_of_another_is_read_in_its_own_memory(told, engine, monkeypatch):
    """What is open of the memory before is closed when a program is run, also where its words are read, as git's are: a
    child of vfork has the memory of its parent until then, which lives on."""
    monkeypatch.setattr(git_looks, "_is_git", lambda _: True)
    assert told._memory._handles
    engine.tells(RUN, "git")
    assert not told._memory._handles and told.calls.uses[str(engine.folder / "git")].run


def test_beside_a_question_to_git_what_others_open_waits_as_before(told, engine, another_thread, monkeypatch):
    monkeypatch.setattr(git_looks, "_is_git", lambda _: True)
    monkeypatch.setattr(git_looks, "only_tells", lambda *_: True)
    monkeypatch.setattr(told._memory, "texts", lambda *_: [])
    engine.tells(RUN, "git", thread=another_thread)
    engine.tells(OPENAT, "v1/a")
    assert len(told._waiting) == 1
    engine.tells(LOOK_AT, "v1/b", thread=another_thread)
    assert not told._waiting and {"v1/a"} <= seen(told, engine).keys()


@pytest.mark.parametrize("length", [0, 1, 511, 512, 600, 4095])
def test_a_text_is_read_whole_wherever_it_stands(told, length):
    text = b"x" * length
    stored = mmap.mmap(-1, 3 * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(stored))
    for at in (0, mmap.PAGESIZE - 5, 3 * mmap.PAGESIZE - length - 1):
        stored[at:at + length + 1] = text + bytes(1)
        assert told._memory.text(os.getpid(), start + at) == text
    for nowhere in (8, 1 << 47, (1 << 64) - 8):
        with pytest.raises(OSError):
            told._memory.text(os.getpid(), nowhere)


def test_what_cannot_be_entered_is_said_and_ends_no_watch(told, engine, monkeypatch):
    monkeypatch.setattr(FileUses, "opened", lambda *_: 1 / 0)
    engine.tells(OPENAT, "v1/a")
    assert list(told.calls.outside().unseen) == ["a call could not be read (ZeroDivisionError)"]


NAMES = ("d", "e", "l", "m", "d/x", "e/x", "l/x", "m/x", "d/l/x", "l/y", "m/y", "d/y", "d/l", "/d/x", "d/./x",
         "l/.", "l/", "d/../l/x")


def do(folder, call, paths, flags):
    """Make a call, whether or not that works."""
    places = [folder / path for path in paths]
    with suppress(OSError):
        if call == SYMLINK:
            places[1].symlink_to(places[0])
        elif call == TO:
            places[0].rename(places[1])
        elif call == GONE:
            places[0].rmdir() if places[0].is_dir() and not places[0].is_symlink() else places[0].unlink()
        elif call == FOLDER:
            places[0].mkdir()
        elif call == OPENAT:
            os.close(os.open(places[0], flags, 0o644))


@pytest.mark.parametrize("seed", range(6))
def test_the_account_is_that_of_calls_that_are_entered_at_once(tmp_path, another_thread, seed):
    """Two threads make, turn, move and remove files, folders and links, look at and open them, in any order; the second
    one's changes come about some calls after they were told."""
    chance = random.Random(seed)
    for number in range(12):
        folder = tmp_path / str(number)
        (folder / "d").mkdir(parents=True)
        (folder / "d/x").write_text("x")
        (folder / "l").symlink_to(folder / "d")
        told, at_once = ToldCalls(FileUses(), lambda ticket: True), AtOnce(FileUses(), lambda ticket: True)
        engine, slow = Engine(folder, told, at_once), None
        for _ in range(40):
            call = chance.choice((OPENAT, OPENAT, OPENAT, LOOK_AT, LOOK_AT, LOOK_AT, SYMLINK, TO, GONE, GONE, FOLDER))
            paths = [chance.choice(NAMES) for _ in range(2 if call in (SYMLINK, TO) else 1)]
            flags = chance.choice((0, 0, 0, MAKES)) if call == OPENAT else 0
            if slow and chance.random() < 0.3:
                do(folder, *slow)
                slow = None
            if slow is None and chance.random() < 0.2:
                engine.tells(call, *paths, flags=flags, thread=another_thread)
                slow = call, paths, flags
            else:
                engine.tells(call, *paths, flags=flags)
                do(folder, call, paths, flags)
        assert told.calls.outside().uses == at_once.calls.uses
        for one in (told, at_once):
            one.close()


def test_every_machine_tells_of_the_calls_that_remove_and_mount():
    """unlink, unlinkat, rmdir, mount, umount, umount2, pivot_root and move_mount, as far as it has them."""
    counts = [sum(call == GONE for call in calls.values()) for machine in CALLS.values() for _, calls in machine]
    assert counts == [7, 8, 5]
