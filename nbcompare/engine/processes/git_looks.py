"""What git looks at and reads of a work tree only to tell whether it changed.

`git status` and `git describe --dirty` ask for the size and times of each file, which the index keeps. Where a file was
written in the same second as the index, these decide nothing, and git reads the file ("racily clean", says git's
Documentation/technical/racy-git.txt). A port that stamps its version so is not made of the notes, plans and tests that
lie in its repository: whether any of them changed is all that it can learn.

Only what is known to tell no more is taken for such a question: words that stand in a list here, of a git that lies as
one is installed, and which starts no other program. A file that it opens to compare it is one that no child of it gets
(O_CLOEXEC); what it opens otherwise, as its settings or a list of files to ignore, was read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

_VALUE = r"(?:=.*)?"
_STATUS = (rf"-[sbuz]+|-u(?:no|normal|all)|--(?:no-)?(?:short|branch|show-stash|long|ahead-behind|renames|null)"
           rf"|--(?:porcelain|untracked-files|ignore-submodules|ignored|column){_VALUE}|--no-column")
_DIFF = (r"--exit-code|--cached|--staged|-s|--no-patch|--no-ext-diff|--no-textconv|-M|--no-renames"
         rf"|--ignore-submodules{_VALUE}")
_QUESTIONS = {
    "status": _STATUS,
    "describe": rf"--(?:dirty|broken|abbrev|match|exclude|candidates){_VALUE}"
                r"|--(?:always|tags|all|long|first-parent|exact-match|contains|debug)",
    "rev-parse": r"-.*",
    "diff": _DIFF, "diff-files": _DIFF, "diff-index": _DIFF,
}
"""By command the options with which it tells no more; those of rev-parse reach no file of the work tree."""
_QUIET = "--quiet"
_QUIET_ONES = frozenset(("-q", _QUIET))
_OF_GIT_ITSELF = re.compile(r"--(?:no-pager|no-optional-locks|literal-pathspecs|no-replace-objects|bare)"
                            r"|--(?:git-dir|work-tree|namespace)=.*")
_WITH_A_VALUE = frozenset(("-C", "--git-dir", "--work-tree", "--namespace"))
_HARMLESS_SETTING = re.compile(r"(?:core\.pager|core\.quotepath|core\.fsmonitor=false|core\.untrackedcache"
                               r"|core\.abbrev|core\.longpaths|safe\.\w+|color\.\w+|advice\.\w+|log\.showsignature"
                               r"|status\.\w+|gc\.auto|i18n\.\w+)(?:=.*)?", re.IGNORECASE)
_CHANGES_GIT = re.compile(r"GIT_(?:CONFIG(?!_NOSYSTEM)|EXTERNAL|ATTR|INDEX_FILE|DIFF_OPTS|ALTERNATE).*|LD_.*")
_ELF = b"\x7fELF"

MOST_WORDS = 32
"""So many words of a command line are read for its command and its options; a longer one is no question of git's."""
MOST_VARIABLES = 512
_MOST_DEEP = 4
_Open = tuple[str, int, int]


class QuestionsToGit:
    """The processes that are such a git, by their numbers."""

    def __init__(self) -> None:
        self._asked: dict[int, GitThatTells] = {}
        self._others: set[int] = set()

    def of(self, pid: int) -> GitThatTells | None:
        """The git of which a process or thread is one."""
        if not self._asked or pid in self._others:
            return None
        git = self._asked.get(pid) or self._asked.get(_number_of(pid, "Tgid:"))
        if git is None:
            self._others.add(pid)
        return git

    def becomes(self, pid: int, program: str | None, words: Callable[[], tuple[list[str], list[str]]]) -> list[_Open]:
        """A process is about to become a program, whose ``words()`` and variables raise OSError where they cannot be
        read. What a git that starts another program left out is given back: that may learn more of it."""
        self._others.discard(pid)
        self._asked.pop(pid, None)
        if program is not None and os.path.basename(program) == "git":
            with suppress(OSError):
                if _is_git(program) and only_tells(program, *words()):  # a shell tries many places that hold none
                    self._asked[pid] = GitThatTells()
                    return []
        starter = self._starter_of(pid) if self._asked else None
        return self._asked.pop(starter).left_out if starter else []

    def _starter_of(self, pid: int) -> int | None:
        """Such a git that started a process, or what started that."""
        for _ in range(_MOST_DEEP):
            pid = _number_of(pid, "PPid:")
            if pid in self._asked:
                return pid
        return None


class GitThatTells:
    """What one process of git does that was only asked whether something changed.

    ``left_out`` are the files of the work tree that it opened, each as ``(path, call, flags)``, to be entered after all
    where something shows that more can be learned from them.
    """

    def __init__(self) -> None:
        self.left_out: list[_Open] = []

    def opened(self, path: str, call: int, flags: int) -> bool:
        """Whether a file, or folder, that it opens is no part of who asked."""
        if flags & os.O_ACCMODE or not flags & os.O_CLOEXEC:
            return False
        if not is_of_work_tree(path) and not (flags & os.O_DIRECTORY and os.path.lexists(os.path.join(path, ".git"))):
            return False
        self.left_out.append((path, call, flags))
        return True


def only_tells(program: str, words: Sequence[str], variables: Iterable[str] = ()) -> bool:
    """Whether a program, started with ``words`` (the first is its name) and ``variables`` (NAME=value), is git, asked
    for no more than whether something changed. A script that is called git is none: it may read what it likes."""
    if len(words) >= MOST_WORDS or not _is_git(program) or any(map(_CHANGES_GIT.match, variables)):
        return False
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        if rest[0] == "-c":
            if len(rest) < 2 or not _HARMLESS_SETTING.fullmatch(rest[1]):
                return False
        elif rest[0] not in _WITH_A_VALUE and not _OF_GIT_ITSELF.fullmatch(rest[0]):
            return False
        del rest[:2 if rest[0] == "-c" or rest[0] in _WITH_A_VALUE else 1]
    return bool(rest) and rest[0] in _QUESTIONS and _is_a_question(rest[0], rest[1:])


def _is_a_question(command: str, rest: list[str]) -> bool:
    end = rest.index("--") if "--" in rest else len(rest)
    said, paths = rest[:end], rest[end + 1:]
    quiet = command.startswith("diff")
    options = [word for word in said if word.startswith("-") and not (quiet and word in _QUIET_ONES)]
    if any(not re.fullmatch(_QUESTIONS[command], word) for word in options):
        return False
    if not quiet:
        return True
    others = [word for word in said if not word.startswith("-")] + paths
    # diff compares two paths with each other where one of them lies outside of the work tree
    return _QUIET in said and (command != "diff" or len(others) <= 1)


def is_of_work_tree(path: str) -> bool:
    """Whether a file is one that git keeps the history of, or could: not its own, as .git/index or .gitignore."""
    parts = path.split(os.sep)
    return not any(part == ".git" for part in parts) and not parts[-1].startswith(".git") and _is_in_work_tree(
        os.path.dirname(path))


def _number_of(pid: int, key: str) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as said:
            return next((int(line.split()[1]) for line in said if line.startswith(key)), 0)
    except (OSError, ValueError):
        return 0


@lru_cache(maxsize=4096)
def _is_in_work_tree(folder: str) -> bool:
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def _is_git(program: str) -> bool:
    """Whether a compiled program lies where git does: with its own programs beside it, or in their folder."""
    folder, name = os.path.split(os.path.realpath(program))
    if os.path.basename(program) != "git" or name != "git":
        return False
    above = os.path.dirname(folder)
    if os.path.basename(folder) != "git-core" and not any(
            os.path.isdir(os.path.join(above, place, "git-core")) for place in ("lib", "libexec", "lib64")):
        return False
    try:
        with open(program, "rb") as start:
            return start.read(len(_ELF)) == _ELF
    except OSError:
        return False
