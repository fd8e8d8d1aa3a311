"""What git says of a folder, and what it does not say: files that were told to look unchanged are looked at.

A repository may be anybody's. git is started with none of the user's GIT_ variables, and runs no program that a
repository names: no hook, no monitor, no filter but git-lfs's own, no external diff. Nor does it believe what a
repository says of how far to look: replaced objects, times of files, a working tree somewhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbcompare.engine.processes.asking import answer, answer_sum, once
from nbcompare.engine.repository.kept_by_git import stamps_of_git
from nbcompare.files import Stamp, are_settled, real_path, sum_of
from nbcompare.visible import visible

UNKNOWN = "unknown"
_SECONDS = 60.0
_MOST_NAMES = 20
_MOST_SHOWN = 4
_MOST_DEEP = 5
_SUBMODULE = "160000"
"""The mode of an entry of the index that is no file but the commit of a repository inside."""

_SETTINGS = {"core.fsmonitor": "false", "core.hooksPath": "/dev/null", "core.untrackedCache": "false",
             "core.trustctime": "true", "submodule.recurse": "false", "core.checkStat": "default",
             "safe.bareRepository": "explicit"}
_ASKED = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_TERMINAL_PROMPT": "0",
          "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_LFS_SKIP_SMUDGE": "1"}
"""Variables of every question. Objects that a partial clone lacks are not fetched: that would start what it names."""

_FILTERS = r"^filter\..*\.(clean|smudge|process)$"
_LFS = frozenset(("git-lfs clean -- %f", "git-lfs smudge -- %f", "git-lfs filter-process"))


@dataclass(frozen=True)
class RepositoryState:
    """A repository at one moment. ``root`` None: the folder lies in none, or git is not here.

    ``dirty`` is None when git cannot tell; ``diff_sha256`` is the sum of the changes against the commit; ``changed``,
    ``untracked`` and ``hidden`` name files (20 at most each): changed against the commit, in no commit, and changed
    files that git was told to overlook.
    """

    root: str | None
    sha: str = UNKNOWN
    branch: str | None = None
    dirty: bool | None = None
    diff_sha256: str | None = None
    untracked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The files that make it dirty, the gravest first; each once."""
        return tuple(dict.fromkeys((*self.hidden, *self.changed, *self.untracked)))

    @property
    def shown_names(self) -> str:
        """The first of them as a line shows them; empty where none is known."""
        more = " and more" if len(self.names) > _MOST_SHOWN else ""
        return ", ".join(map(visible, self.names[:_MOST_SHOWN])) + more

    def as_dict(self) -> dict[str, Any]:
        """As plain values; ``changed`` is left out where it is empty, as older records do not know it."""
        lists = {"untracked": list(self.untracked), "hidden": list(self.hidden), "changed": list(self.changed)}
        return {key: value for key, value in {**asdict(self), **lists}.items() if key != "changed" or value}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> RepositoryState:
        lists = {key: tuple(stored.get(key, ())) for key in ("untracked", "hidden", "changed")}
        return cls(**{**stored, **lists})

    def __str__(self) -> str:
        if self.root is None:
            return "in no git repository"
        changed = f"uncommitted changes, sha256 {self.diff_sha256}" if self.diff_sha256 else "uncommitted changes"
        more = {True: f" ({changed})", False: "", None: " (git cannot tell whether it is clean)"}[self.dirty]
        return f"{self.sha}{more}"


def repository_of(folder: Path) -> RepositoryState:
    """The state of the repository that holds ``folder``."""
    root = _root_of(folder)
    return _state(root, _MOST_DEEP) if root else RepositoryState(None)


class Repositories:
    """The repositories of one moment: each is looked at once, however many folders of it are asked about."""

    def __init__(self) -> None:
        self._states: dict[Path, RepositoryState] = {}
        self._roots: dict[Path, Path | None] = {}

    def of(self, folder: Path | None) -> RepositoryState:
        """The state of the repository that holds a folder; None lies in none."""
        if folder is None:
            return RepositoryState(None)
        if folder not in self._roots:
            self._roots[folder] = once(("git", "root", str(folder)), lambda: _root_of(folder))
        root = self._roots[folder]
        if root is None:
            return RepositoryState(None)
        if root not in self._states:
            self._states[root] = once(("git", "state", str(root)), lambda: _state(root, _MOST_DEEP))
        return self._states[root]


def not_committed(top: Path, paths: list[Path]) -> list[str]:
    """Of the files those that HEAD does not hold with the bytes that they have, by their names in the repository.

    The files are read: git's own memory goes by their times. Links are followed, as git keeps what they lead to. What
    lies in a submodule is asked of that; where a repository was and is none any more nothing is committed.
    """
    return once(("git", "not committed", str(top), *((str(path), _sum_of(path)) for path in paths)),
                lambda: _not_committed(top, paths))


def _sum_of(path: Path) -> str:
    return sum_of(str(path)) if path.is_file() else ""


def _not_committed(top: Path, paths: list[Path]) -> list[str]:
    git = Git(top)
    inside = [Path(name).parts for name in git.submodules() if _is_repository(git, name)]
    place = os.path.realpath(git.top)
    names = [os.path.relpath(real_path(str(path.absolute())), place) for path in paths]
    names = [name for name in names if not any(Path(name).parts[:len(parts)] == parts for parts in inside)]
    asked = [name for name in names if "\n" not in name and os.path.isfile(os.path.join(place, name))]
    if not asked:
        return names
    stored = {entry.partition("\t")[2]: entry.split()[2] for entry in git.names("ls-tree", "-r", "-z", "HEAD") or ()}
    sums = git.blob_sums(asked)
    return [name for name in names if name not in sums or stored.get(name) != sums[name]]


def changed_between(top: Path, then: str, now: str) -> list[str] | None:
    """The files that differ between two commits, by their names in the repository; None where git does not know both,
    or a submodule differs."""
    git = Git(top)
    names = git.names("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", then, now, "--")
    return None if names is None or set(names) & set(git.submodules()) else names


def tracked_beside(path: Path, patterns: tuple[str, ...]) -> tuple[Path, list[str]] | None:
    """The top of the repository in which a file lies that it does not keep, and the names that it keeps of these
    patterns (*.c), in all its folders; None where the file is kept, or lies in no repository."""
    path = Path(os.path.realpath(path))
    stamps, known = stamps_of_git(path.parent), _BESIDE.get((path, patterns))
    if known is None or known[0] != stamps:
        known = stamps, _tracked_beside(path, patterns)
        if are_settled(stamps):
            _BESIDE[path, patterns] = known
    return known[1]


_Beside = tuple[Path, list[str]] | None
_BESIDE: dict[tuple[Path, tuple[str, ...]], tuple[tuple[Stamp, ...], _Beside]] = {}
"""What was asked before; by the files in which git keeps what it is told from."""


def _tracked_beside(path: Path, patterns: tuple[str, ...]) -> _Beside:
    top = _root_of(path.parent)
    if top is None:
        return None
    kept = [name for _, _, _, name in Git(top).index()]  # which is asked for the state of the repository, too
    endings = tuple(pattern.removeprefix("*") for pattern in patterns)
    names = [name for name in dict.fromkeys(kept) if name.endswith(endings)]
    return None if os.path.relpath(path, os.path.realpath(top)) in kept or not names else (top, names)


def _root_of(folder: Path) -> Path | None:
    """The top of the working tree that holds a folder; a repository may claim one that lies elsewhere."""
    place = _where_git_looks(os.path.realpath(folder)) if folder.is_dir() else None
    root = Git(Path(place), filters=False).text("rev-parse", "--show-toplevel") if place else None
    return Path(root) if root and folder.resolve().is_relative_to(Path(root).resolve()) else None


def _where_git_looks(folder: str) -> str | None:
    """The first of a folder and those above it, as a real path, in which git finds something to look at, so that it
    says there what it says of the folder: a .git of whatever kind, or what may be a repository without a tree. None
    where there is none. It goes no further than a file system, and what we may not look into is left to it."""
    device = os.stat(folder).st_dev
    while not any(os.path.lexists(os.path.join(folder, name)) for name in (".git", "HEAD")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        if not os.access(folder, os.X_OK) or os.stat(above).st_dev != device:
            return folder
        folder = above
    return folder


def _state(top: Path, deep: int) -> RepositoryState:
    git = Git(top)
    entries = git.names("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "-z", "--no-renames",
                        "--untracked-files=all", "--ignore-submodules=dirty")
    if entries is None:
        sha, branch = git.text("rev-parse", "HEAD"), git.text("symbolic-ref", "--short", "-q", "HEAD")
        return RepositoryState(str(top), sha or UNKNOWN, branch)
    headers = dict(entry.split(" ", 2)[1:] for entry in entries if entry.startswith("# "))
    sha, branch = (None if headers[key] == none else headers[key] for key, none in _HEADERS.items())
    if sha is None:  # there is no commit yet
        return RepositoryState(str(top), UNKNOWN, branch)
    untracked = [entry[2:] for entry in entries if entry.startswith("? ")]
    changed = [entry.split(" ", _BEFORE_NAME[entry[0]])[-1] for entry in entries if entry[0] in _BEFORE_NAME]
    changed += _changed_inside(git, deep)
    hidden = list(_hidden_changes(git))
    diff = git.sum_of_changes() if changed or hidden else None  # of a tree without a change git prints nothing
    return RepositoryState(str(top), sha, branch, bool(untracked or changed or hidden), diff,
                           *(tuple(map(_shown, names[:_MOST_NAMES])) for names in (untracked, hidden, changed)))


_HEADERS = {"branch.oid": "(initial)", "branch.head": "(detached)"}
"""Of the answer to git status --porcelain=v2 --branch: commit and branch, and how it says that there is none."""

_BEFORE_NAME = {"1": 8, "u": 10}
"""By the first letter of an entry of that answer, of a changed and of an unmerged file, the words before its name."""


def _shown(name: str) -> str:
    """A file's name as text, also where its bytes are none."""
    return os.fsencode(name).decode(errors="replace")


def _changed_inside(git: Git, deep: int) -> Iterator[str]:
    """The changes in submodules. Each is asked by itself, so that nothing that it names is run either."""
    for name in git.submodules() if deep else ():
        if _is_repository(git, name):
            state = _state(git.top / name, deep - 1)
            if state.dirty is not False:
                yield from (f"{name}/{word}" for word in state.names or ("",))


def _is_repository(git: Git, name: str) -> bool:
    """Whether a submodule lies where the index names it."""
    return (git.top / name / ".git").exists()


def _hidden_changes(git: Git) -> Iterator[str]:
    """Changed files, and submodules at another commit, that git was told to take for unchanged (--assume-unchanged,
    --skip-worktree)."""
    for mark, mode, stored, name in git.index():
        if not (mark.islower() or mark == "S"):
            continue
        if mode == _SUBMODULE:
            if _is_repository(git, name) and Git(git.top / name, filters=False).text("rev-parse", "HEAD") != stored:
                yield name
        elif (git.top / name).is_file() and git.text("hash-object", "--", name) != stored:
            yield name  # another was left out of a sparse checkout


class Git:
    """git, asked about one folder, or told to change it. ``filters``: those that the repository brings are looked for
    and switched off."""

    def __init__(self, top: Path, *, filters: bool = True) -> None:
        self.top = top.absolute()
        self.settings = dict(_SETTINGS)
        for entry in self._filters() if filters else ():
            name, _, value = entry.partition("\n")
            if value not in _LFS:
                self.settings |= {name: "", f"{name.rpartition('.')[0]}.required": "false"}

    def _filters(self) -> list[str]:
        """The filters that the repository itself names. One of our own settings is asked for as well: a question that
        finds something has an answer. A git of before 2.26 does not say from which file one is, and is asked twice."""
        asked = ("--includes", "-z", "--get-regexp")
        said = self.names("config", "--show-scope", *asked, rf"{_FILTERS}|^core\.fsmonitor$")
        if said is not None:
            return [entry for scope, entry in zip(said[::2], said[1::2], strict=True) if scope in ("local", "worktree")]
        return [entry for scope in ("--local", "--worktree") for entry in self.names("config", scope, *asked, _FILTERS)
                or ()]

    def _asked(self, words: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
        plain = [word for name, value in self.settings.items() if "=" not in name for word in ("-c", f"{name}={value}")]
        odd = [(name, value) for name, value in self.settings.items() if "=" in name]
        more = {f"GIT_CONFIG_{part}_{at}": word for at, pair in enumerate(odd)
                for part, word in zip(("KEY", "VALUE"), pair, strict=True)}
        return ["git", "-C", str(self.top), *plain, *words], {**_ASKED, **more, "GIT_CONFIG_COUNT": str(len(odd))}

    def said(self, *words: str, seconds: float = _SECONDS) -> bytes | None:
        argv, environment = self._asked(words)
        return once((*argv, *sorted(environment.items())),
                    lambda: answer(argv, self.top, seconds=seconds, environment=environment))

    def text(self, *words: str) -> str | None:
        said = self.said(*words)
        return said.decode(errors="surrogateescape").strip() or None if said is not None else None

    def names(self, *words: str) -> list[str] | None:
        """The entries of an answer with -z; None where git gives none."""
        said = self.said(*words)
        return None if said is None else [entry for entry in said.decode(errors="surrogateescape").split("\0") if entry]

    def blob_sums(self, names: list[str]) -> dict[str, str]:
        """The sums under which git would keep files; empty where it does not say."""
        argv, environment = self._asked(("hash-object", "--stdin-paths"))
        said = answer(argv, self.top, seconds=_SECONDS, environment=environment, told="".join(f"{n}\n" for n in names))
        sums = said.decode().split() if said else []
        return dict(zip(names, sums, strict=True)) if len(sums) == len(names) else {}

    def submodules(self) -> list[str]:
        """The repositories inside, as the index names them."""
        return [name for _, mode, _, name in self.index() if mode == _SUBMODULE]

    def index(self) -> list[tuple[str, str, str, str]]:
        """Of every entry of the index its mark (of ls-files -v), mode, sum and name."""
        argv, environment = self._asked(("ls-files", "-s", "-v", "-z"))
        return once(("git", "index", *argv, *sorted(environment.items())), self._index)

    def _index(self) -> list[tuple[str, str, str, str]]:
        found = []
        for entry in self.names("ls-files", "-s", "-v", "-z") or ():
            said, _, name = entry.partition("\t")
            mark, mode, stored, _ = said.split()
            found.append((mark, mode, stored, name))
        return found

    def sum_of_changes(self) -> str | None:
        """The sum of what ``git diff`` prints against the commit; None where git follows no changed file."""
        argv, environment = self._asked(("diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color",
                                         "--ignore-submodules=dirty"))
        return answer_sum(argv, self.top, seconds=_SECONDS, environment=environment)
