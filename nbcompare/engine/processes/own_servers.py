"""Whether a socket leads to a server that the watched program started itself, as a pool of workers or a test has one,
or shared memory to one of its own processes: what these do is watched as well. Linux alone.

The account of /proc is read at the call. Where no listener is found the answer is no, as one may appear a moment later.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

_LISTENING, _ACCEPTS = "0A", "00010000"


def is_own_server(address: bytes, pid: int, first: int, *, sends: bool = False) -> bool:
    """Whether the process ``pid`` connects (``address``: the bytes of a struct sockaddr) to a socket that ``first`` or
    a descendant of it holds; ``sends``: it sends something there without that."""
    with suppress(OSError, ValueError, IndexError):
        sockets = set(_listeners(address, pid, sends))
        return bool(sockets) and any(sockets & _sockets_of(other) for other in _descendants(first))
    return False


def is_own_memory(number: int, first: int) -> bool:
    """Whether a segment of shared memory (System V) was made by ``first``, or by a living descendant."""
    with suppress(OSError, ValueError, IndexError), open("/proc/sysvipc/shm", encoding="ascii") as table:
        next(table)
        makers = {int(words[4]) for words in map(str.split, table) if int(words[1]) == number}
        return bool(makers) and makers <= set(_descendants(first))
    return False


def _listeners(address: bytes, pid: int, sends: bool) -> Iterator[str]:
    """The numbers of the sockets that listen at an address of this machine, or take what is sent there."""
    family = int.from_bytes(address[:2], sys.byteorder)
    if family == socket.AF_UNIX:
        hidden = address[2:3] == b"\0"
        name = "@" + os.fsdecode(address[3:]).rstrip("\0") if hidden else os.fsdecode(address[2:].partition(b"\0")[0])
        for words in _rows(pid, "unix"):
            if len(words) == 8 and (sends or words[3] == _ACCEPTS) and words[7] == name:
                yield words[6]
    elif family == socket.AF_INET:
        port, host = f"{int.from_bytes(address[2:4], 'big'):04X}", address[4:8]
        hosts = {_as_shown(host), *(["00000000"] if host[:1] == b"\x7f" else [])}
        for words in _rows(pid, "udp" if sends else "tcp"):
            if (sends or words[3] == _LISTENING) and words[1] in {f"{one}:{port}" for one in hosts}:
                yield words[9]


def _as_shown(host: bytes) -> str:
    """As /proc/net/tcp writes an address: the four bytes as one number of this machine."""
    return f"{int.from_bytes(host, sys.byteorder):08X}"


def _rows(pid: int, kind: str) -> Iterator[list[str]]:
    with open(f"/proc/{pid}/net/{kind}", encoding="utf-8", errors="surrogateescape") as table:
        next(table)
        for line in table:
            yield line.rstrip("\n").split(None, 7 if kind == "unix" else -1)


def _sockets_of(pid: int) -> set[str]:
    held = set()
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                leads_to = os.readlink(f"/proc/{pid}/fd/{name}")
                if leads_to.startswith("socket:["):
                    held.add(leads_to[len("socket:["):-1])
    return held


def _descendants(first: int) -> Iterator[int]:
    """A process and all that it started, as far as their parents still live."""
    parents: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as said:
            parents.setdefault(int(said.read().rpartition(")")[2].split()[1]), []).append(int(name))
    waiting = [first]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += parents.get(pid, ())
