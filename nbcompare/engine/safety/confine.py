"""A program that confines itself and then becomes another: ``python -I -S confine.py POLICY PROGRAM ARGUMENTS...``.

POLICY is JSON: folders and files that may be read, those that may also be written, and folders to be listed alone.
Landlock holds the files and the other processes, seccomp the network; what is started afterwards inherits both and can
lift neither. Where a step does not work nothing is started (exit code 125). Nothing but the standard
library is imported, as this is run by itself.

Numbers are those of the kernel's headers landlock.h, seccomp.h, bpf_common.h and unistd.h.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import struct
import sys

REFUSED = 125
_NEEDED_ABI = 3
"""Before it (Linux 6.2) a file could still be shortened to nothing."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _VERSION_FLAG, _PATH_BENEATH = 444, 445, 446, 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_MAKE_DEVICES = 1 << 6 | 1 << 11
"""No right of anybody: by a device of its own a superuser would read the disk."""
_ABI_OF = ((1, 13), (2, 14), (3, 15), (5, 16))
"""From which version of Landlock on how many rights to files are known."""

_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_ALLOW, _PRETEND, _DENY = 0x7FFF0000, 0x00050000, 0x00050000 | 1  # the last with EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_MACHINES = {
    # audit number; socket, ptrace, process_vm_readv, process_vm_writev, keyctl, add_key, bpf, perf_event_open, shmat,
    # msgrcv, mq_open (memory and messages that others of the user share), init_module, finit_module, kexec_load; and
    # chmod, fchmod, fchmodat, chown, fchown, lchown, fchownat, setxattr and removexattr with their kin, and utime with
    # its kin, of which Landlock holds none
    "x86_64": (0xC000003E, (41, 101, 310, 311, 250, 248, 321, 298, 30, 70, 240, 175, 313, 246),
               (90, 91, 268, 92, 93, 94, 260, *range(188, 191), *range(197, 200), 132, 235, 261, 280)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271, 219, 217, 280, 241, 196, 188, 180, 105, 273, 104),
                (52, 53, 54, 55, *range(5, 8), *range(14, 17), 88)),
}
_DENIED_EVERYWHERE, _PRETENDED_EVERYWHERE = (425, 426, 427, 438), (452, 463, 466)
"""io_uring, which could open sockets unseen, and pidfd_getfd, which takes descriptors of others; fchmodat2 and newer
kin of setxattr."""


def landlock_version() -> int:
    """The version of Landlock that the system offers; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))))


def why_not() -> str | None:
    """Why a program cannot be confined on this system; None where it can."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return f"it needs Linux on {' or '.join(_MACHINES)}"
    version = landlock_version()
    if version < _NEEDED_ABI:
        return f"it needs Landlock of version {_NEEDED_ABI} or later (Linux 6.2), this system has {version or 'none'}"
    return None


def confine(read: list[str], write: list[str], listed: list[str]) -> None:
    """Confine this process and all that come from it. Raises OSError where the system does not do it."""
    libc, version = _libc(), landlock_version()
    rights = (1 << max(bits for since, bits in _ABI_OF if since <= version)) - 1
    asked = struct.pack("=QQQ", rights, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(libc.syscall(_CREATE_RULESET, asked, ctypes.c_size_t(size), ctypes.c_uint32(0)))
    for paths, allowed in ((read, _READ), (write, rights & ~_MAKE_DEVICES), (listed, _READ_DIR)):
        for path in paths:
            _allow(libc, ruleset, path, allowed & rights)
    _checked(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    os.close(ruleset)
    program = _filter()
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    _checked(libc.prctl(_SET_SECCOMP, _FILTER_MODE, header, 0, 0))


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    """One rule; what is not there needs none."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)  # of /proc/self it is this very process
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, handle)
        _checked(libc.syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0)))
    finally:
        os.close(handle)


def _filter() -> bytes:
    """A filter for seccomp. It refuses sockets and other processes' memory, and system calls by another machine's
    numbers; a change of permissions, owners or times is not made and not refused, as ordinary programs change those of
    files that they write."""
    machine, denied, pretended = _MACHINES[platform.machine()]
    calls = [*((number, _DENY) for number in (*denied, *_DENIED_EVERYWHERE)),
             *((number, _PRETEND) for number in (*pretended, *_PRETENDED_EVERYWHERE))]
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _DENY), (_LOAD, 0, 0, 0),
             (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _DENY)]
    for number, answer in calls:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]
    return b"".join(struct.pack("=HBBI", *step) for step in (*steps, (_RETURN, 0, 0, _ALLOW)))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    policy = json.loads(sys.argv[1])
    os.get_exec_path()  # it imports what execvp needs, and Python's own files may be out of reach afterwards
    try:
        confine(policy["read"], policy["write"], policy["list"])
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as fault:
        print(f"confined start: {fault.strerror or fault}", file=sys.stderr)
        sys.exit(REFUSED)
