"""Which files the processes of an engine open, run and make, as the kernel tells while they do it.

A filter of seccomp is put on before the engine is started; everything that it starts inherits it. At each of a few
system calls the kernel asks this process (SECCOMP_RET_USER_NOTIF), which reads the path and always answers "go on":
what the engine does is looked at and never decided. Where a watcher ends, the calls fail and none waits for ever. What
is made of the paths is told in opened.py.

Not seen: what another program does that is asked through a socket, and what io_uring opens; that either was used is
seen. A program that sets out to deceive can change a path between question and call. A signal that comes before the
question is read may end a call with EINTR where its handler was set without SA_RESTART, as it may on slow devices.

Numbers are those of the kernel's headers seccomp.h, bpf_common.h, fcntl.h and unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from nbcompare.engine.processes.file_uses import FileUses, gives_rights
from nbcompare.engine.processes.git_looks import MOST_VARIABLES, MOST_WORDS, QuestionsToGit, is_of_work_tree
from nbcompare.engine.processes.own_servers import is_own_memory, is_own_server

(OPEN, OPENAT, OPENAT2, CREATE, RUN, RUN_AT, TO, TO_AT, SYMLINK, SYMLINK_AT, CONNECT, RING, HANDLE, LOOK,
 LOOK_AT, ATTRIBUTE, ATTRIBUTE_OF, FOLDER, FOLDER_AT, MEMORY, QUEUE) = range(21)
"""What a call does: open (by path, by folder, or with a struct), create, execute, give a file a name, a link, ..., look
at or for one without opening it (stat, access, readlink), ask for extended attributes (by path, or of an open
file), make a folder, or take part in memory or in a queue of System V, or a queue of POSIX."""

def _attributes(first: int) -> dict[int, int]:
    """getxattr, lgetxattr, fgetxattr, listxattr, llistxattr, flistxattr, which have numbers in a row."""
    return dict(enumerate((ATTRIBUTE, ATTRIBUTE, ATTRIBUTE_OF) * 2, first))


_CALLS = {
    "x86_64": ((0xC000003E, {2: OPEN, 257: OPENAT, 437: OPENAT2, 85: CREATE, 59: RUN, 322: RUN_AT, 82: TO, 86: TO,
                             88: SYMLINK, 264: TO_AT, 316: TO_AT, 265: TO_AT, 266: SYMLINK_AT, 42: CONNECT, 425: RING,
                             304: HANDLE, 4: LOOK, 6: LOOK, 21: LOOK, 89: LOOK, 262: LOOK_AT, 267: LOOK_AT,
                             269: LOOK_AT, 332: LOOK_AT, 439: LOOK_AT, 83: FOLDER, 258: FOLDER_AT,
                             30: MEMORY, 70: QUEUE, 240: QUEUE, **_attributes(191)}),
               (0x40000003, {5: OPEN, 295: OPENAT, 437: OPENAT2, 8: CREATE, 11: RUN, 358: RUN_AT, 38: TO, 9: TO,
                             83: SYMLINK, 302: TO_AT, 353: TO_AT, 303: TO_AT, 304: SYMLINK_AT, 362: CONNECT, 425: RING,
                             342: HANDLE, 33: LOOK, 85: LOOK, 106: LOOK, 107: LOOK, 195: LOOK, 196: LOOK, 300: LOOK_AT,
                             305: LOOK_AT, 307: LOOK_AT, 383: LOOK_AT, 439: LOOK_AT, 39: FOLDER, 296: FOLDER_AT,
                             397: MEMORY, 401: QUEUE, 277: QUEUE, **_attributes(229)})),
    "aarch64": ((0xC00000B7, {56: OPENAT, 437: OPENAT2, 221: RUN, 281: RUN_AT, 38: TO_AT, 276: TO_AT, 37: TO_AT,
                              36: SYMLINK_AT, 203: CONNECT, 425: RING, 265: HANDLE, 48: LOOK_AT, 78: LOOK_AT,
                              79: LOOK_AT, 291: LOOK_AT, 439: LOOK_AT, 34: FOLDER_AT,
                              196: MEMORY, 188: QUEUE, 180: QUEUE, **_attributes(8)}),),
}
"""By machine the numbers that a program of it may use: its own, and those of 32-bit programs where it runs such."""

_OF_A_HANDLE = {0xC000003E: ((262, 3), (332, 2)), 0xC00000B7: ((79, 3), (291, 2))}
"""By machine the calls, with the place of their flags, that ask about an open file where these say AT_EMPTY_PATH."""

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_EMPTY_PATH = 0x1000
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER, _SPECULATE, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 2, 1 << 3, 1 << 5
_SET_NO_NEW_PRIVS = 38
_RECEIVE, _SEND, _IS_VALID, _SET_FLAGS, _GO_ON, _SWITCH_AT_ONCE = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104, 1, 1
_NOTICE, _ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_PIECE, _TICKET = struct.Struct("=QQ"), struct.Struct("=Q")
_NO_NOTICE = bytes(_NOTICE.size)
_REPORT = struct.Struct("=i?")
_PAGE, _LONGEST = 4096, 4096
_MOST_KNOWN = 512
_HERE = -100
_END_SECONDS = 2.0
_IN_A_WATCH = "nb-compare was itself started by a program that is watched, such as a mapped test"


class OpenCalls:
    """The watch over one program, to be handed to what starts it; ``calls`` fills while that runs.

    ``in_child`` is called between fork and exec. Use as a context that ends when all its processes have ended: what
    still lives then cannot open anything any more. ``unwanted`` says why nothing is to be seen.
    """

    def __init__(self, unwanted: str | None = None) -> None:
        self.calls = FileUses()
        self._listener = -1
        self._thread: threading.Thread | None = None
        self.calls.unwatched = unwanted or self.why_not()
        if self.calls.unwatched:
            return
        machine = platform.machine()
        self._numbers = dict(_CALLS[machine])
        self._libc = ctypes.CDLL(None, use_errno=True)
        program = _filter(machine)
        self._program = ctypes.create_string_buffer(program, len(program))
        self._header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(self._program))
        self._call = _SECCOMP[machine]
        self._buffer = ctypes.create_string_buffer(_PAGE + 1)
        self._to, self._from = (ctypes.create_string_buffer(_PIECE.size) for _ in range(2))
        self._pieces = ctypes.addressof(self._to), 1, ctypes.addressof(self._from), 1, 0
        self._buffer_at = ctypes.addressof(self._buffer)
        self._read = self._libc.process_vm_readv
        self._read.restype = ctypes.c_ssize_t
        self._read.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong,
                               ctypes.c_ulong)
        self._notice, self._answer = bytearray(_NOTICE.size), bytearray(_ANSWER.pack(0, 0, 0, _GO_ON))
        self._gave_up = False
        self._ours, self._childs = socket.socketpair()
        self._waker, self._wake = os.pipe()
        self._views: dict[int, None] = {}
        self._first: int | None = None
        self._looked_at: set[bytes] = set()
        self._questions = QuestionsToGit()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="open-calls")
        self._thread.start()

    @staticmethod
    def why_not() -> str | None:
        """Why nothing can be watched on this kind of system; None where it can, unless it refuses."""
        known = sys.platform == "linux" and platform.machine() in _CALLS
        return None if known else "this system cannot be asked which files a program opens"

    @property
    def at_start(self) -> Callable[[], None] | None:
        """What the new process has to call before it becomes the program: ``in_child``, or nothing where nothing is
        watched, so that no copy of this process has to be made for it (vfork)."""
        return self.in_child if self._thread else None

    # --- in the process that becomes the engine ------------------------------------------------------------------

    def in_child(self) -> None:
        """Put the filter on and hand over its end; where the system refuses, say so and go on without."""
        if self._thread is None:
            return
        listener, fault = self._install(), ctypes.get_errno()
        if listener < 0:
            self._childs.send(_REPORT.pack(fault, self._gave_up))
        else:
            socket.send_fds(self._childs, [_REPORT.pack(0, self._gave_up)], [listener])
            os.close(listener)

    def _install(self) -> int:
        """The filter's end, or a negative number. Privileges of programs with set-uid are given up where only that lets
        a filter be put on."""
        found = -1
        for flags in (_NEW_LISTENER | _SPECULATE | _WAIT_KILLABLE, _NEW_LISTENER | _SPECULATE):
            for attempt in (0, 1):
                found = self._libc.syscall(self._call, _SET_FILTER, flags, self._header)
                if found >= 0 or ctypes.get_errno() != errno.EACCES or attempt:
                    break
                self._libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                self._gave_up = True
            if found >= 0 or ctypes.get_errno() != errno.EINVAL:
                break
        return int(found)

    # --- in nb-compare -----------------------------------------------------------------------------------------------

    def __enter__(self) -> OpenCalls:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the watch."""
        if self._thread is not None:
            self._childs.close()
            self._thread.join(_END_SECONDS)
            os.write(self._wake, b".")
            self._thread.join()
            self._thread = None
            for handle in (self._waker, self._wake):
                os.close(handle)

    def _watch(self) -> None:
        try:
            said, handles, _, _ = socket.recv_fds(self._ours, _REPORT.size, 1)
            fault, self._gave_up = _REPORT.unpack(said) if said else (0, False)
            if handles:
                self._listener = handles[0]
                self._loop()
            elif said:
                self.calls.unwatched = _IN_A_WATCH if fault == errno.EBUSY else (
                    f"the system does not let it be watched ({os.strerror(fault)})")
        finally:
            if self._listener >= 0:
                os.close(self._listener)
            self._ours.close()

    def _loop(self) -> None:
        with suppress(OSError):  # Linux 6.6 and later: question and answer on one processor, without a wait
            fcntl.ioctl(self._listener, _SET_FLAGS, _SWITCH_AT_ONCE)
        events = select.poll()
        events.register(self._listener, select.POLLIN)
        events.register(self._waker, select.POLLIN)
        while True:
            for handle, what in events.poll():
                if handle == self._waker or not what & select.POLLIN:
                    return
                self._one()

    def _one(self) -> None:
        """Look at one call, and let it go on whatever comes of that."""
        self._notice[:] = _NO_NOTICE
        try:
            fcntl.ioctl(self._listener, _RECEIVE, self._notice)
        except OSError:
            return  # it ended meanwhile
        ticket, pid, _, number, arch, _, *words = _NOTICE.unpack(self._notice)
        try:
            call = self._numbers[arch][number]
            name = self._short(pid, words[1]) if call == LOOK_AT else None
            if name not in self._looked_at:
                self._first = self._first or pid
                self._look(pid, call, words, ticket, name)
        except Exception as fault:
            self.calls.unseen[f"a call could not be read ({type(fault).__name__})"] = None
        _TICKET.pack_into(self._answer, 0, ticket)
        with suppress(OSError):
            fcntl.ioctl(self._listener, _SEND, self._answer)

    def _short(self, pid: int, at: int) -> bytes | None:
        """The text that stands there; None for a long one, one that goes over the end of a page, and where nothing can
        be read. Three of four looks of a Python that imports are of a few folders, which were looked at before under
        the same names: to read no more than these takes longer than all else that is done about them."""
        got = self._read_piece(pid, at, min(_MOST_KNOWN, _PAGE - at % _PAGE))
        if got <= 0:
            return None
        self._buffer[got] = b"\0"
        name: bytes = self._buffer.value
        return name if len(name) < got else None

    def _look(self, pid: int, call: int, words: list[int], ticket: int, known_as: bytes | None = None) -> None:
        """Enter what a call does; ``known_as`` is the path of a look, where it was read already."""
        if call in (CONNECT, RING, HANDLE, MEMORY, QUEUE):
            self._note_unseen(pid, call, words)
            return
        if call == ATTRIBUTE_OF:
            with suppress(OSError):
                self.calls.asked_attributes(os.readlink(f"/proc/{pid}/fd/{words[0] & 0xFFFFFFFF}"))
            return
        folder, at = _place_of_path(call, words)
        try:
            name = self._text(pid, at) if known_as is None else os.fsdecode(known_as)
            if call in (LOOK, LOOK_AT) and os.fsencode(name) in self._looked_at:
                return
            how = self._how(pid, call, words)
        except OSError:
            self._unreadable(call, ticket)
            return
        path = self._absolute(pid, folder, name)
        if call in (TO, TO_AT):
            before = self._absolute(pid, *_place_before(call, words, lambda at: self._text(pid, at)))
            if before:
                self.calls.took(before)
        if call in (RUN, RUN_AT):
            self._views.pop(pid, None)
            said, variables = words[1:3] if call == RUN else words[2:4]
            for opened in self._questions.becomes(pid, path, lambda: (
                    self._texts(pid, said, MOST_WORDS), self._texts(pid, variables, MOST_VARIABLES))):
                self._enter(*opened)
        elif path and (git := self._questions.of(pid)) and (
                is_of_work_tree(path) if call in (LOOK, LOOK_AT) else
                call in (OPEN, OPENAT, OPENAT2) and git.opened(path, call, how)):
            return
        if pid not in self._views:
            self._views[pid] = None
            self._note_view(pid)
        if path is not None:
            self._enter(path, call, how)

    def _texts(self, pid: int, at: int, most: int) -> list[str]:
        """The texts of a list that ends with a zero, at most so many of them."""
        texts: list[str] = []
        while len(texts) < most and (text := int.from_bytes(self._bytes(pid, at, 8), sys.byteorder)):
            texts.append(self._text(pid, text))
            at += 8
        return texts

    def _unreadable(self, call: int, ticket: int) -> None:
        """The first program of all is known, and is started from a process whose memory is closed; and a process that
        has ended did nothing."""
        if call == RUN and not any(use.run for use in self.calls.uses.values()):
            return
        with suppress(OSError):
            fcntl.ioctl(self._listener, _IS_VALID, bytearray(struct.pack("=Q", ticket)), True)
            self.calls.unseen["a process cannot be looked into"] = None

    def _enter(self, path: str, call: int, flags: int) -> None:
        if call in (RUN, RUN_AT):
            self.calls.run(path)
            if self._gave_up and gives_rights(path):
                self.calls.unseen[f"the set-uid program {path} has no rights of its own while it is watched"] = None
        elif call in (OPEN, OPENAT, OPENAT2):
            self.calls.opened(path, flags)
        elif call == ATTRIBUTE:
            self.calls.asked_attributes(path)
        elif call in (LOOK, LOOK_AT):
            self.calls.looked(path)
            self._looked_at.add(os.fsencode(path))
        elif call not in (FOLDER, FOLDER_AT) or not os.path.lexists(path):
            self.calls.given_name(path, symbolic=call in (SYMLINK, SYMLINK_AT))

    def _how(self, pid: int, call: int, words: list[int]) -> int:
        """The flags of an open."""
        if call == OPENAT2:
            return int(struct.unpack("=Q", self._bytes(pid, words[2], 8))[0])
        return words[1] if call == OPEN else words[2] if call == OPENAT else 0

    def _absolute(self, pid: int, folder: int, name: str) -> str | None:
        """The path from the root; None for what is no file of the disk."""
        if not name or not name.startswith("/"):
            base = os.readlink(f"/proc/{pid}/cwd" if folder == _HERE else f"/proc/{pid}/fd/{folder}")
            if not base.startswith("/"):
                return None
            name = os.path.join(base, name) if name else base
        if name.startswith(("/proc/self/", "/proc/thread-self/")):
            name = f"/proc/{pid}/{name.split('/', 3)[3]}"
        if name.startswith("/proc/"):
            return os.path.realpath(name)  # as the working folder of a process, or its root
        return os.path.realpath(name) if "/.." in name else os.path.normpath(name)

    def _note_view(self, pid: int) -> None:
        """Whether a process sees other files than we under the same names: in a container, or another root."""
        with suppress(OSError):
            same = os.stat(f"/proc/{pid}/root")[:2] == os.stat("/proc/self/root")[:2] and os.readlink(
                f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
            if not same:
                self.calls.unseen["it works in a root or container of its own"] = None

    def _note_unseen(self, pid: int, call: int, words: list[int]) -> None:
        if call == RING:
            self.calls.unseen["it uses io_uring, which opens files unseen"] = None
        elif call == HANDLE:
            self.calls.unseen["it opens files by handle, without a name"] = None
        elif call == QUEUE:
            self.calls.unseen["it asks another program through a queue of messages"] = None
        elif call == MEMORY:
            if not is_own_memory(words[0] & 0xFFFFFFFF, self._first or pid):
                self.calls.unseen["it shares memory (of System V) with another program"] = None
        else:
            with suppress(OSError):
                address = self._bytes(pid, words[1], min(words[2], 110))
                told = _address(address)
                if told and not is_own_server(address, pid, self._first or pid):
                    self.calls.unseen[f"it asks another program through {told}"] = None

    def _text(self, pid: int, at: int) -> str:
        """A text of the process that ends with a zero byte. Raises OSError."""
        short = self._short(pid, at)
        if short is not None:
            return os.fsdecode(short)
        first = _PAGE - at % _PAGE
        piece = self._bytes(pid, at, first)
        if b"\0" not in piece and first < _LONGEST:
            piece += self._bytes(pid, at + first, _LONGEST - first)
        return os.fsdecode(piece.partition(b"\0")[0])

    def _bytes(self, pid: int, at: int, size: int) -> bytes:
        """Bytes of the process's memory, which lie in one page. Raises OSError."""
        got = self._read_piece(pid, at, size)
        if got < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return ctypes.string_at(self._buffer_at, got)

    def _read_piece(self, pid: int, at: int, size: int) -> int:
        """Read so many bytes into the buffer; how many were got, a negative number where none can be read."""
        _PIECE.pack_into(self._to, 0, self._buffer_at, size)
        _PIECE.pack_into(self._from, 0, at, size)
        return int(self._read(pid, *self._pieces))


def _filter(machine: str) -> bytes:
    """The program that asks at the calls of the table and lets all others go on unasked."""
    steps: list[tuple[int, int, int, int]] = []
    for arch, calls in _CALLS[machine]:
        handles = _OF_A_HANDLE.get(arch, ())
        rest = 2 * len(calls) + 5 * len(handles) + 2
        steps += [(_LOAD, 0, 0, 4), (_EQUAL, 0, rest, arch), (_LOAD, 0, 0, 0)]
        for number, flags in handles:
            steps += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, 16 + 8 * flags), (_ANY_BIT, 0, 1, _EMPTY_PATH),
                      (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)]
        for number in calls:
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
        steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in (*steps, (_RETURN, 0, 0, _ALLOW)))


def _place_of_path(call: int, words: list[int]) -> tuple[int, int]:
    """(folder, address of the text) that name the file which a call opens, runs or makes."""
    index = {OPEN: 0, CREATE: 0, RUN: 0, LOOK: 0, ATTRIBUTE: 0, FOLDER: 0, TO: 1, SYMLINK: 1, OPENAT: 1, OPENAT2: 1,
             RUN_AT: 1, LOOK_AT: 1, FOLDER_AT: 1, TO_AT: 3, SYMLINK_AT: 2}[call]
    if index == 0 or call in (TO, SYMLINK):
        return _HERE, words[index]
    folder = words[index - 1] & 0xFFFFFFFF
    return folder - (1 << 32) if folder >= 1 << 31 else folder, words[index]


def _place_before(call: int, words: list[int], text: Callable[[int], str]) -> tuple[int, str]:
    """(folder, text) that name the file which gets a name."""
    if call == TO:
        return _HERE, text(words[0])
    folder = words[0] & 0xFFFFFFFF
    return folder - (1 << 32) if folder >= 1 << 31 else folder, text(words[1])


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
