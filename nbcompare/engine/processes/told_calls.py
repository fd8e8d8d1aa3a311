"""What a call of the system that was told of does with files: its path is read from the process that calls, made
absolute, and entered in the account (file_uses.py). Which calls these are says call_numbers.py.

The process waits meanwhile, and an engine that imports makes thousands of such calls.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from nbcompare.engine.processes.call_numbers import (
    ATTRIBUTE,
    ATTRIBUTE_AT,
    ATTRIBUTE_OF,
    CONNECT,
    CREATE,
    FOLDER,
    FOLDER_AT,
    GO_TO,
    GONE,
    HANDLE,
    LOOK,
    LOOK_AT,
    MEMORY,
    OPEN,
    OPENAT,
    OPENAT2,
    QUEUE,
    RING,
    RUN,
    RUN_AT,
    SEND,
    SYMLINK,
    SYMLINK_AT,
    TO,
    TO_AT,
    VIEW,
)
from nbcompare.engine.processes.disk_looks import Glance, glance_at, leads_through_a_process
from nbcompare.engine.processes.file_uses import FileUses, gives_rights, nothing_waits
from nbcompare.engine.processes.git_looks import MOST_VARIABLES, MOST_WORDS, QuestionsToGit, is_of_work_tree
from nbcompare.engine.processes.memory import Memory
from nbcompare.engine.processes.own_servers import is_own_memory, is_own_server

_LOOKS, _RUNS = frozenset((LOOK, LOOK_AT, GO_TO)), frozenset((RUN, RUN_AT))
_OPENS = frozenset((OPEN, OPENAT, OPENAT2))
_CHANGE_NAMES = frozenset((TO, TO_AT, SYMLINK, SYMLINK_AT, GONE))
_KEEP_NAMES = _LOOKS | _OPENS
_ADDRESS = {CONNECT: 1, SEND: 4}
"""By what a call does, which of its words is the address of a socket's address, before that one's size."""
_MAKES = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_RDWR
_MOST_WAITING = 1000
_OF_OPEN_FILES = {f"/dev/std{name}": f"/proc/self/fd/{number}" for number, name in enumerate(("in", "out", "err"))}
_DOTS, _NOT_OF_A_DISK = (b"/", b"."), (b"/proc/", b"/dev/")
_PLACE = {OPEN: 0, CREATE: 0, RUN: 0, LOOK: 0, GO_TO: 0, ATTRIBUTE: 0, FOLDER: 0, TO: 1, SYMLINK: 1, OPENAT: 1,
          OPENAT2: 1, RUN_AT: 1, LOOK_AT: 1, ATTRIBUTE_AT: 1, FOLDER_AT: 1, TO_AT: 3, SYMLINK_AT: 2}
"""By what a call does, which of its words is the address of the path that it opens, runs or makes."""
_FROM_HERE = frozenset((OPEN, CREATE, RUN, LOOK, GO_TO, ATTRIBUTE, FOLDER, TO, SYMLINK))
"""The calls whose paths begin in the working folder; with others the word before is the folder."""
_HERE = -100


class ToldCalls:
    """Enters calls in an account, one after another. ``still_waits`` says of a call, by its ticket, whether its process
    has not ended; ``gave_up``, that set-uid programs have no rights of their own.

    While the process waits no more is done than to read the path, and to look what is there, which may change: a look
    or an open that changes nothing is entered when there is time, when anybody asks for the account, and before a call
    that makes, moves or removes a name.

    Where folders lead is remembered from one call to the next (disk_looks.py), unless a thread is in the middle of a
    call that changes what names mean: it has done that when it makes the next call, or is gone.
    """

    def __init__(self, calls: FileUses, still_waits: Callable[[int], bool]) -> None:
        self.calls = calls
        self.calls.disk.remembers = True
        self.gave_up = False
        self._still_waits = still_waits
        self._memory = Memory()
        self._views: set[int] = set()
        self._first: int | None = None
        self._looked_at: set[bytes] = set()
        self._plain_folders: set[bytes] = set()
        self._changing: set[int] = set()
        self._questions = QuestionsToGit()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[bytes, int, int, Glance]] = deque()
        self.calls.settle = self.settle

    def enter(self, pid: int, call: int, words: Sequence[int], ticket: int) -> None:
        """Enter what a call of a process, or thread, is about to do."""
        if self._changing or call not in _KEEP_NAMES:
            self._note_change(pid, call)
            if call not in _PLACE:
                self._enter_other(pid, call, words)
                return
        at = _PLACE[call]
        try:
            text = self._memory.text(pid, words[at])
            if call in _LOOKS and text in self._looked_at:
                return
            how = words[2] if call == OPENAT else 0 if call in _LOOKS else self._how(pid, call, words)
        except OSError:
            self._unreadable(call, ticket)
            return
        if pid in self._views and call in _KEEP_NAMES and not how & _MAKES and self._is_plain(text) and not (
                self._changing or self._questions.of(pid)):
            self._waiting.append((text, call, how, glance_at(text)))
            if call in _LOOKS:
                self._looked_at.add(text)
            if len(self._waiting) > _MOST_WAITING:
                self.settle()
        else:
            self.settle()
            self._enter_now(pid, call, words, how, at, text)

    def _enter_now(self, pid: int, call: int, words: Sequence[int], how: int, at: int, text: bytes) -> None:
        """Enter a call whose path is none from the root, or that changes what names mean, or needs a look at more."""
        self._first = self._first or pid
        path = self._absolute(pid, _HERE if call in _FROM_HERE else _folder(words[at - 1]), os.fsdecode(text))
        if call in (TO, TO_AT):
            self._took(pid, call, words, path)
        if call in _RUNS:
            self._runs(pid, call, words, path)
        elif path and (git := self._questions.of(pid)) and (
                is_of_work_tree(path) if call in _LOOKS else call in _OPENS and git.opened(path, call, how)):
            return
        if pid not in self._views:
            self._views.add(pid)
            self._note_view(pid)
        if path is not None:
            self._enter(path, call, how)
            if call in _LOOKS:
                self._looked_at.add(os.fsencode(path))

    def close(self) -> None:
        """Enter what waits, and look into no process any more."""
        self.settle()
        self._memory.forget()
        self.calls.settle = nothing_waits  # nor does the account know us any more

    def _is_plain(self, text: bytes) -> bool:
        """Whether a path is written in the usual way, and names a file of a disk; its folder is looked at once."""
        folder = text[:text.rfind(b"/") + 1]
        if folder not in self._plain_folders:
            if not _is_plain_folder(folder):
                return False
            self._plain_folders.add(folder)
        return text[-1:] not in _DOTS and text[len(folder):len(folder) + 2] != b".."

    def settle(self) -> None:
        """Enter what waits."""
        with self._lock:
            while self._waiting:
                text, call, how, glance = self._waiting.popleft()
                try:
                    self._enter(os.fsdecode(text), call, how, glance)
                except Exception as fault:
                    self.could_not_read(fault)

    def could_not_read(self, fault: Exception) -> None:
        """Something of a call is not known, and the program goes on."""
        self.calls.unseen[f"a call could not be read ({type(fault).__name__})"] = None

    def _note_change(self, pid: int, call: int) -> None:
        self.settle()
        self._changing = {other for other in self._changing if other != pid and os.path.lexists(f"/proc/{other}")}
        if call in _CHANGE_NAMES:
            self._changing.add(pid)
            self.calls.disk.forget()
        self.calls.disk.remembers = not self._changing

    def _enter_other(self, pid: int, call: int, words: Sequence[int]) -> None:
        """A call that names no path."""
        self._first = self._first or pid
        if call == VIEW:
            self._views.clear()  # whoever makes it sees other files from the next call on
        elif call == ATTRIBUTE_OF:
            with suppress(OSError):
                self.calls.asked_attributes(os.readlink(f"/proc/{pid}/fd/{words[0] & 0xFFFFFFFF}"))
        elif call == RING:
            self.calls.unseen["it uses io_uring, which opens files unseen"] = None
        elif call == HANDLE:
            self.calls.unseen["it opens files by handle, without a name"] = None
        elif call == QUEUE:
            self.calls.unseen["it asks another program through a queue of messages"] = None
        elif call == MEMORY:
            if not is_own_memory(words[0] & 0xFFFFFFFF, self._first):
                self.calls.unseen["it shares memory (of System V) with another program"] = None
        elif call in _ADDRESS:
            with suppress(OSError):
                at, size = words[_ADDRESS[call]:][:2]
                address = self._memory.bytes_at(pid, at, min(size, 110))
                told = _address(address)
                if told and not is_own_server(address, pid, self._first, sends=call == SEND):
                    self.calls.unseen[f"it asks another program through {told}"] = None

    def _took(self, pid: int, call: int, words: Sequence[int], path: str | None) -> None:
        """A file is about to get a name more, or another."""
        folder, at = (_HERE, words[0]) if call == TO else (_folder(words[0]), words[1])
        before = self._absolute(pid, folder, os.fsdecode(self._memory.text(pid, at)))
        if before:
            self.calls.took(before)
            if path and (os.path.islink(before) or os.path.isdir(before)):
                self.calls.leads_elsewhere(before)
                self.calls.leads_elsewhere(path)
                self.calls.moved_folders(before, path)

    def _runs(self, pid: int, call: int, words: Sequence[int], path: str | None) -> None:
        self._views.discard(pid)
        said, variables = words[1:3] if call == RUN else words[2:4]
        left_out = self._questions.becomes(pid, path, lambda: (
            self._memory.texts(pid, said, MOST_WORDS), self._memory.texts(pid, variables, MOST_VARIABLES)))
        self._memory.forget()
        for opened in left_out:
            self._enter(*opened)

    def _unreadable(self, call: int, ticket: int) -> None:
        """The first program of all is known, and where it works, and it is started from a process whose memory is
        closed; and a process that has ended did nothing."""
        if (call not in (RUN, GO_TO) or any(use.run for use in self.calls.uses.values())) and self._still_waits(ticket):
            self.calls.unseen["a process cannot be looked into"] = None

    def _enter(self, path: str, call: int, flags: int, glance: Glance | None = None) -> None:
        if call in _LOOKS:
            self.calls.looked(path, glance)
        elif call in _OPENS:
            self.calls.opened(path, flags, glance)
        elif call in _RUNS:
            self.calls.run(path)
            if self.gave_up and gives_rights(path):
                self.calls.unseen[f"the set-uid program {path} has no rights of its own while it is watched"] = None
        elif call in (ATTRIBUTE, ATTRIBUTE_AT):
            self.calls.asked_attributes(path)
        elif call not in (FOLDER, FOLDER_AT) or not os.path.lexists(path):
            self.calls.given_name(path, symbolic=call in (SYMLINK, SYMLINK_AT))

    def _how(self, pid: int, call: int, words: Sequence[int]) -> int:
        """The flags of an open whose words hold them elsewhere than those of most."""
        if call == OPENAT2:
            return int(struct.unpack("=Q", self._memory.bytes_at(pid, words[2], 8))[0])
        return words[1] if call == OPEN else 0

    def _absolute(self, pid: int, folder: int, name: str) -> str | None:
        """The path from the root; None for what is no file of the disk."""
        if not name or not name.startswith("/"):
            base = os.readlink(f"/proc/{pid}/cwd" if folder == _HERE else f"/proc/{pid}/fd/{folder}")
            if not base.startswith("/"):
                return None
            name = os.path.join(base, name) if name else base
        if "/.." in name:
            if leads_through_a_process(name):
                self.calls.followed_into_a_process()
            return os.path.realpath(name)
        name = os.path.normpath(name).replace("//", "/")
        name = _OF_OPEN_FILES.get(name, name)
        if name.startswith("/dev/fd/"):
            name = f"/proc/{pid}{name[4:]}"
        if name.startswith(("/proc/self/", "/proc/thread-self/")):
            name = f"/proc/{pid}/{name.split('/', 3)[3]}"
        return os.path.realpath(name) if name.startswith("/proc/") else name  # as the working folder of a process

    def _note_view(self, pid: int) -> None:
        """Whether a process sees other files than we under the same names: in a container, or another root."""
        with suppress(OSError):
            same = os.stat(f"/proc/{pid}/root")[:2] == os.stat("/proc/self/root")[:2] and os.readlink(
                f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
            if not same:
                self.calls.unseen["it works in a root or container of its own"] = None


def _is_plain_folder(text: bytes) -> bool:
    """Whether a folder, with the slash behind it, begins at the root and has no detours, and a disk holds it."""
    return text[:1] == b"/" and not (
        b"/.." in text or b"/./" in text or b"//" in text or text.startswith(_NOT_OF_A_DISK))


def _folder(word: int) -> int:
    """The number of an open folder, which is one of 32 bits with a sign."""
    folder = word & 0xFFFFFFFF
    return folder - (1 << 32) if folder >= 1 << 31 else folder


def _address(stored: bytes) -> str | None:
    """Whom a socket is connected to; None for a name service, and for other kinds of sockets."""
    family = int.from_bytes(stored[:2], sys.byteorder)
    if family == socket.AF_UNIX:
        name = os.fsdecode(stored[2:].lstrip(b"\0").partition(b"\0")[0])
        return None if name.startswith(("/var/run/nscd", "/run/nscd", "/run/systemd")) else f"the socket {name}"
    if family == socket.AF_INET and len(stored) >= 8:
        port = int.from_bytes(stored[2:4], "big")
        return f"{socket.inet_ntoa(stored[4:8])}:{port}" if port else None
    return "an address of the network" if family == socket.AF_INET6 else None
