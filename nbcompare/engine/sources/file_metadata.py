"""What a program may ask of files beside their bytes: which of them is newer, and their extended attributes."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nbcompare.engine.processes.disk_looks import stamp_of
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.files import hash_of_named

MOST_FILES = 5000
_OF_USERS = "user."
_NO_DATA = re.compile(r"\.(py|pyc|pyd|pth|so[.0-9]*)$|/pyvenv\.cfg$")


@dataclass(frozen=True)
class Attributes:
    """A file whose extended attributes were asked for, and one sum over the user's among them."""

    path: str
    sha256: str


def attributes_of(calls: FileUses, is_own: Callable[[str], bool]) -> Iterator[Attributes]:
    for path, use in sorted(calls.uses.items()):
        if use.attributes and not use.written and is_own(path):
            yield Attributes(path, sum_of_attributes(path))


def sum_of_attributes(path: str) -> str:
    """One sum over names and values of the attributes ``user.*`` of a file; of none where it has none."""
    try:
        names = sorted(name for name in os.listxattr(path) if name.startswith(_OF_USERS))
        return hash_of_named((name, os.getxattr(path, name).hex()) for name in names)
    except (OSError, AttributeError):
        return hash_of_named(())


def by_age(calls: FileUses, is_own: Callable[[str], bool]) -> tuple[str, ...]:
    """The data that were asked about and there, the oldest first, where some of them were opened then and others were
    not: so looks a program that takes the newest table, or a compiled one that is newer than its text."""
    asked = {path: use for path, use in calls.uses.items() if use.looked_at and use.stamp and not use.written
             and not use.linked and not use.run and not _NO_DATA.search(path) and is_own(path)}
    opened = {path for path, use in asked.items() if use.read}
    if not opened or len(opened) == len(asked):
        return ()
    return tuple(sorted(asked, key=lambda path: (*(asked[path].stamp or (0, 0, 0))[2:3], path)))[:MOST_FILES]


def other_order(paths: Sequence[str]) -> str | None:
    """How files that stood in the order of their age do so no more; None where they do, or one is gone."""
    stamps = [stamp_of(path)[1] for path in paths]
    times = [(stamp[2], path) for stamp, path in zip(stamps, paths, strict=True) if stamp]
    if len(times) < len(paths):
        return None
    return next((f"{older[1]} is newer than {newer[1]} now" for older, newer in itertools.pairwise(times)
                 if older > newer), None)
