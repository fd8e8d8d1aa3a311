"""The shared libraries that a compiled program is linked with, as the system finds them. The program is not run.

``ldd`` asks the loader of the system, in the environment that the program would get. That is a script of six processes,
the last of which is the loader, told to name what it takes; where a program names a loader that ldd would ask, it is
asked at once. A program may name a loader of its own (PT_INTERP), which ldd does not ask and which may find others:
that it does is told.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.engine.processes.asking import answer, once

_SECONDS = 30.0
_MOST_BYTES = 1 << 20
_ELF = b"\x7fELF"
_PT_INTERP = 3
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
"""Those of glibc, which run nothing where LD_TRACE_LOADED_OBJECTS is set."""
_AS_LDD = ("LD_WARN", "LD_BIND_NOW", "LD_LIBRARY_VERSION", "LD_VERBOSE")


@dataclass(frozen=True)
class Library:
    """A library by the name that it is asked for; ``path`` None for one that is no file or is not found."""

    name: str
    path: str | None


def is_elf(program: Path) -> bool:
    with open(program, "rb") as stream:
        return stream.read(4) == _ELF


def linked_libraries(program: Path, environment: Mapping[str, str],
                     confining: Sequence[str] = ()) -> tuple[Library, ...] | None:
    """What the loader takes, by name; empty for a program that is linked with nothing, None where ldd does not say."""
    asked = (*confining, "ldd", str(program.absolute()))
    said = once((asked, tuple(sorted(environment.items()))), lambda: _said(asked, program, environment))
    if said is None:
        return () if loader_of(program) is None else None  # ldd ends with an error for a static program
    found = set()
    for line in said.decode(errors="surrogateescape").splitlines():
        words = line.replace("=>", " ").split()
        if words and words[0] not in ("statically", "not"):
            path = next((word for word in words if os.path.isabs(word)), None)
            found.add(Library(Path(words[0]).name, path if path and os.path.isfile(path) else None))
    return tuple(sorted(found, key=lambda library: (library.name, library.path or "")))


def _said(asked: Sequence[str], program: Path, environment: Mapping[str, str]) -> bytes | None:
    """What ldd prints; asked of the loader itself where nothing stands between (which the variable would reach first),
    and of ldd where that does not end well."""
    loader, told = loader_of(program), None
    if asked[0] == "ldd" and loader in _LOADERS and os.path.isfile(loader):
        told = answer((loader, asked[-1]), Path("/"), seconds=_SECONDS, most=_MOST_BYTES,
                      environment={**environment, **dict.fromkeys(_AS_LDD, ""), "LD_TRACE_LOADED_OBJECTS": "1"})
    return told or answer(asked, Path("/"), seconds=_SECONDS, environment=environment, most=_MOST_BYTES)


def loader_of(program: Path) -> str | None:
    """The loader that an ELF program names (PT_INTERP of the ELF specification); None where it names none."""
    try:
        with open(program, "rb") as stream:
            head = stream.read(64)
            wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
            at, size, count = (*struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28),
                               *struct.unpack_from(order + "HH", head, 54 if wide else 42))
            for index in range(count):
                stream.seek(at + index * size)
                entry = stream.read(size)
                if struct.unpack_from(order + "I", entry)[0] == _PT_INTERP:
                    place, length = (struct.unpack_from(order + ("Q" if wide else "I"), entry, offset)[0]
                                     for offset in ((8, 32) if wide else (4, 16)))
                    stream.seek(place)
                    return stream.read(min(length, 4096)).rstrip(b"\0").decode(errors="surrogateescape")
    except (OSError, struct.error, IndexError):
        pass
    return None
