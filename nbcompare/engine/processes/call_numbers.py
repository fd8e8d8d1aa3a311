"""The calls of the system that the kernel is told to ask about, by machine, and the filter of seccomp that says so.

Numbers are those of the kernel's headers unistd.h, seccomp.h and bpf_common.h.
"""

from __future__ import annotations

import functools
import struct

(OPEN, OPENAT, OPENAT2, CREATE, RUN, RUN_AT, TO, TO_AT, SYMLINK, SYMLINK_AT, CONNECT, RING, HANDLE, LOOK,
 LOOK_AT, ATTRIBUTE, ATTRIBUTE_AT, ATTRIBUTE_OF, FOLDER, FOLDER_AT, MEMORY, QUEUE, GONE, VIEW, SEND,
 GO_TO) = range(26)
"""What a call does: open (by path, by folder, or with a struct), create, execute, give a file a name, a link, ..., look
at or for one without opening it (stat, access, readlink, statfs), ask for extended attributes (by path, by folder, or
of an open file), make a folder, take part in memory or in a queue of System V, or a queue of POSIX, let a name be gone,
by removal or by what is mounted there, enter another root or container, send something to an address, or work in
another folder."""


def _attributes(first: int) -> dict[int, int]:
    """getxattr, lgetxattr, fgetxattr, listxattr, llistxattr, flistxattr, which have numbers in a row."""
    return dict(enumerate((ATTRIBUTE, ATTRIBUTE, ATTRIBUTE_OF) * 2, first))


_ATTRIBUTES_AT = {464: ATTRIBUTE_AT, 465: ATTRIBUTE_AT}
"""getxattrat and listxattrat, which all machines call alike."""

CALLS = {
    "x86_64": ((0xC000003E, {2: OPEN, 257: OPENAT, 437: OPENAT2, 85: CREATE, 59: RUN, 322: RUN_AT, 82: TO, 86: TO,
                             88: SYMLINK, 264: TO_AT, 316: TO_AT, 265: TO_AT, 266: SYMLINK_AT, 42: CONNECT, 425: RING,
                             304: HANDLE, 438: HANDLE, 4: LOOK, 6: LOOK, 21: LOOK, 89: LOOK, 262: LOOK_AT, 267: LOOK_AT,
                             269: LOOK_AT, 332: LOOK_AT, 439: LOOK_AT, 80: GO_TO, 137: LOOK, 83: FOLDER, 258: FOLDER_AT,
                             30: MEMORY, 70: QUEUE, 240: QUEUE, 44: SEND, **_attributes(191), **_ATTRIBUTES_AT,
                             **dict.fromkeys((84, 87, 263, 155, 165, 166, 429), GONE),
                             **dict.fromkeys((161, 272, 308), VIEW)}),
               (0x40000003, {5: OPEN, 295: OPENAT, 437: OPENAT2, 8: CREATE, 11: RUN, 358: RUN_AT, 38: TO, 9: TO,
                             83: SYMLINK, 302: TO_AT, 353: TO_AT, 303: TO_AT, 304: SYMLINK_AT, 362: CONNECT, 425: RING,
                             342: HANDLE, 438: HANDLE, 33: LOOK, 85: LOOK, 106: LOOK, 107: LOOK, 195: LOOK, 196: LOOK,
                             300: LOOK_AT, 305: LOOK_AT, 307: LOOK_AT, 383: LOOK_AT, 439: LOOK_AT, 39: FOLDER,
                             12: GO_TO, 99: LOOK, 268: LOOK, 296: FOLDER_AT, 397: MEMORY, 401: QUEUE, 277: QUEUE,
                             369: SEND, **_attributes(229), **_ATTRIBUTES_AT,
                             **dict.fromkeys((10, 40, 301, 21, 22, 52, 217, 429), GONE),
                             **dict.fromkeys((61, 310, 346), VIEW)})),
    "aarch64": ((0xC00000B7, {56: OPENAT, 437: OPENAT2, 221: RUN, 281: RUN_AT, 38: TO_AT, 276: TO_AT, 37: TO_AT,
                              36: SYMLINK_AT, 203: CONNECT, 425: RING, 265: HANDLE, 438: HANDLE, 48: LOOK_AT,
                              78: LOOK_AT, 79: LOOK_AT, 291: LOOK_AT, 439: LOOK_AT, 43: LOOK, 49: GO_TO, 34: FOLDER_AT,
                              196: MEMORY, 188: QUEUE, 180: QUEUE, 206: SEND, **_attributes(8), **_ATTRIBUTES_AT,
                              **dict.fromkeys((35, 39, 40, 41, 429), GONE),
                              **dict.fromkeys((51, 97, 268), VIEW)}),),
}
"""By machine the numbers that a program of it may use: its own, and those of 32-bit programs where it runs such."""

_OF_A_HANDLE = {0xC000003E: ((262, 3), (332, 2)), 0xC00000B7: ((79, 3), (291, 2))}
"""By machine the calls, with the place of their flags, that ask about an open file where these say AT_EMPTY_PATH, and
none of the working folder is named."""

_TO_AN_ADDRESS = {0xC000003E: 44, 0x40000003: 369, 0xC00000B7: 206}
"""By machine the call that sends something, to whom the socket is connected to where it has no address."""

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_EMPTY_PATH, _WORKING_FOLDER, _ADDRESS = 0x1000, 0xFFFFFF9C, 4
_ALLOW, _NOTIFY, _ANY = 0x7FFF0000, 0x7FC00000, 0xFFFFFFFF

REPORT = struct.Struct("=i?")
"""What a new process says with the filter's end, or without it: why there is none, and whether it gave up rights."""


def _at(word: int) -> int:
    """Where the lower half of a word of a call stands in struct seccomp_data."""
    return 16 + 8 * word


@functools.cache
def filter_of(machine: str) -> bytes:
    """The program that asks at the calls of the table and lets all others go on unasked."""
    steps: list[tuple[int, int, int, int]] = []
    for arch, calls in CALLS[machine]:
        handles, sends = _OF_A_HANDLE.get(arch, ()), _TO_AN_ADDRESS[arch]
        rest = 2 * len(calls) + 7 * len(handles) + 9
        steps += [(_LOAD, 0, 0, 4), (_EQUAL, 0, rest, arch), (_LOAD, 0, 0, 0)]
        for number, flags in handles:
            steps += [(_EQUAL, 0, 6, number), (_LOAD, 0, 0, _at(flags)), (_ANY_BIT, 0, 3, _EMPTY_PATH),
                      (_LOAD, 0, 0, _at(0)), (_EQUAL, 1, 0, _WORKING_FOLDER), (_RETURN, 0, 0, _ALLOW),
                      (_RETURN, 0, 0, _NOTIFY)]
        steps += [(_EQUAL, 0, 6, sends), (_LOAD, 0, 0, _at(_ADDRESS)), (_ANY_BIT, 3, 0, _ANY),
                  (_LOAD, 0, 0, _at(_ADDRESS) + 4), (_ANY_BIT, 1, 0, _ANY), (_RETURN, 0, 0, _ALLOW),
                  (_RETURN, 0, 0, _NOTIFY)]
        for number in calls:
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
        steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in (*steps, (_RETURN, 0, 0, _ALLOW)))
