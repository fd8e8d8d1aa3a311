"""What a program leaves for its own next run: files that it reads and writes, caches that it fills, and logs.

A run that begins with what the one before left may give another image. Which files of that kind do not matter a person
knows, and declares (``keeps``); of the others it is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.visible import some_of

CODE = (".py", ".pyc", ".pyd", ".so", ".pth", ".sh", ".pl", ".jl", ".r", ".js", ".dll", ".dylib")
"""Ends of names that no declaration, and no program that writes such a file itself, takes out of what it is made of."""

_MOST_SHOWN = 3


def is_kept(path: str, globs: Sequence[str]) -> bool:
    """Whether a declaration says of a file that the program keeps it for itself; never of code."""
    return bool(globs) and not path.lower().endswith(CODE) and any(re.fullmatch(_pattern(glob), path) for glob in globs)


def _pattern(glob: str) -> str:
    """A glob of absolute paths as a regular expression; a folder stands for all in it."""
    parts = re.split(r"(\*\*/?|\*|\?)", glob.rstrip("/"))
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(words.get(part, re.escape(part)) for part in parts) + "(?:/.*)?"


def written_by_itself(calls: FileUses) -> frozenset[str]:
    """The files, as real paths, that a program wrote while it ran, without code and what it executed."""
    return frozenset(os.path.realpath(path) for path, use in calls.uses.items()
                     if use.written and not use.run and not path.lower().endswith(CODE))


def told(role: str, left: Iterable[str]) -> str:
    """That a run begins with what another left, and the line that says that it does not matter."""
    names = list(dict.fromkeys(left))
    return (f"the next run of the {role} begins with what this one left ({some_of(names, _MOST_SHOWN)}) and may give "
            "another image: run the case again; where it never stays as it is and does not matter, declare of the "
            f"engine keeps: [{', '.join(names[:_MOST_SHOWN])}]")


def told_of_kept(role: str, kept: Sequence[str]) -> str:
    return (f"what the {role} keeps for itself between runs was not looked at, as its declaration says (keeps): "
            f"{some_of(kept, _MOST_SHOWN)}")
