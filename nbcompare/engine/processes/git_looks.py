"""What git looks at and reads of a work tree only to tell whether it changed.

`git status` and `git describe --dirty` ask for the size and times of each file, which the index keeps. Where a file was
written in the same second as the index, these decide nothing, and git reads the file ("racily clean", says git's
Documentation/technical/racy-git.txt). A port that stamps its version so is not made of the notes, plans and tests that
lie in its repository: whether any of them changed is all that it can learn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

_TELL = {"status", "describe", "rev-parse"}
_TELL_WHERE_QUIET = {"diff", "diff-files", "diff-index"}
_SHOW = {"-v", "-vv", "--verbose"}
_WITH_A_VALUE = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix"}
_ELF = b"\x7fELF"

MOST_WORDS = 32
"""So many words of a command line are read for its command and its options; a longer one is no question of git's."""


def only_tells(program: str, words: Sequence[str]) -> bool:
    """Whether a program, started with ``words`` (the first is its name), is git, asked for no more than whether
    something changed. A script that is called git is none: it may read what it likes."""
    if os.path.basename(program) != "git" or len(words) >= MOST_WORDS or not _is_compiled(program):
        return False
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        del rest[:2 if rest[0] in _WITH_A_VALUE else 1]
    if not rest:
        return False
    command, *options = rest
    if command in _TELL_WHERE_QUIET:
        return "--quiet" in options and "--no-index" not in options and "--ext-diff" not in options
    return command in _TELL and not _SHOW & set(options)


def is_of_work_tree(path: str) -> bool:
    """Whether a file is one that git keeps the history of, or could: not its own, as .git/index or .gitignore."""
    parts = path.split(os.sep)
    return not any(part == ".git" for part in parts) and not parts[-1].startswith(".git") and _is_in_work_tree(
        os.path.dirname(path))


@lru_cache(maxsize=4096)
def _is_in_work_tree(folder: str) -> bool:
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def _is_compiled(program: str) -> bool:
    try:
        with open(program, "rb") as start:
            return start.read(len(_ELF)) == _ELF
    except OSError:
        return False
