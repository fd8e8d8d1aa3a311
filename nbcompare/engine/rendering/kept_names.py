"""Files that an engine leaves, kept under names that every system and every manifest can hold.

What looks like a secret in a name is hidden. A name with a newline, tab, backslash, outer blank or bytes that are no
UTF-8 keeps its letters, the rest is written %XX; one that is too deep or too long becomes a sum and its last letters.
``NAMES.txt`` beside them says which file was called what.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from nbcompare.engine.processes.redact import redacted

LIST = "NAMES.txt"
DEEP = "deep"
MOST_DEPTH, MOST_CHARACTERS, MOST_BYTES = 8, 250, 200
"""Below the folder they are kept in; the limits of a manifest are above that."""

_DEEPEST = 400


def kept_name(parts: tuple[str, ...]) -> str:
    """The name, below the folder of kept files, of the file that an engine called ``parts``."""
    encoded = [_encoded(part) for part in parts]
    name = "/".join(encoded)
    if len(encoded) <= MOST_DEPTH and len(name) <= MOST_CHARACTERS and all(len(part) <= MOST_BYTES for part in encoded):
        return name
    digest = hashlib.sha256(os.fsencode("/".join(parts))).hexdigest()[:16]
    return f"{DEEP}/{digest}-{encoded[-1][-40:]}"


def _encoded(part: str) -> str:
    """A name of printable ASCII without backslash, colon, percent sign or outer blanks."""
    said = "".join(char if char.isascii() and char.isprintable() and char not in "%\\:" else _escaped(char)
                   for char in part)
    if said != said.strip():
        inner = said.strip()
        at = said.index(inner) if inner else len(said)
        said = "%20" * at + inner + "%20" * (len(said) - at - len(inner))
    return said


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(char))


def keep_files(scratch: Path, rest: Path, leave: Collection[str]) -> None:
    """Move every ordinary file below ``scratch`` to ``rest``, but those whose names ``leave`` holds."""
    renamed: dict[str, str] = {}
    for parts, folder in _files(scratch):
        if "/".join(parts) not in leave:
            _move(parts, folder, rest, renamed)
    if renamed:
        lines = [f"{kept}\t{name!a}\n" for kept, name in sorted(renamed.items())]
        with open(rest / LIST, "a", encoding="ascii") as stream:
            stream.writelines(lines)


def _move(called: tuple[str, ...], folder: int, rest: Path, renamed: dict[str, str]) -> None:
    parts = tuple(redacted("/".join(redacted(part) for part in called)).split("/"))
    name = kept_name(parts)
    target = rest / name
    number = 0
    while name == LIST or os.path.lexists(target):  # the list's own name, or two names that come to one
        digest = hashlib.sha256(os.fsencode("/".join(parts))).hexdigest()
        name = f"{DEEP}/{digest}" + (f"-{number}" if number else "")
        target, number = rest / name, number + 1
    target.parent.mkdir(parents=True, exist_ok=True)
    _rename(called[-1], folder, target)
    if name != "/".join(called):
        renamed[name] = "/".join(parts)


def _rename(name: str, folder: int, target: Path) -> None:
    """Move a file of the folder with that descriptor; to another file system its bytes are copied."""
    try:
        os.rename(name, target, src_dir_fd=folder)
    except OSError as fault:
        if fault.errno != errno.EXDEV:
            raise
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as old, open(target, "xb") as new:
            shutil.copyfileobj(old, new)
        os.unlink(name, dir_fd=folder)


def _files(scratch: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    """(name as parts, descriptor of its folder) of every ordinary file, however deep; by descriptors, as the whole
    name may be longer than the system takes."""
    with suppress(RecursionError):
        for place, folders, names, handle in os.fwalk(scratch):
            inside = Path(place).relative_to(scratch).parts
            if len(inside) >= _DEEPEST:
                folders.clear()
            for name in sorted(names):
                with suppress(FileNotFoundError):
                    if stat.S_ISREG(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                        yield (*inside, name), handle
