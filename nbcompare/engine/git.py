"""What git says of a folder, and what it does not say: files that were told to look unchanged are looked at.

git is started with none of the user's GIT_ variables, and runs no program that a repository names.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbcompare.engine.process import allowed_environment

UNKNOWN = "unknown"
_SECONDS = 60.0
_MOST_NAMES = 20
_NOTHING_RUN = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class RepositoryState:
    """A repository at one moment. ``root`` None: the folder lies in none, or git is not here.

    ``dirty`` is None when git cannot tell; ``diff_sha256`` is the sum of the changes against the commit; ``untracked``
    and ``hidden`` name files (20 at most) that are in no commit, and changed files that git was told to overlook.
    """

    root: str | None
    sha: str = UNKNOWN
    branch: str | None = None
    dirty: bool | None = None
    diff_sha256: str | None = None
    untracked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "untracked": list(self.untracked), "hidden": list(self.hidden)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> RepositoryState:
        return cls(**{**stored, "untracked": tuple(stored["untracked"]), "hidden": tuple(stored["hidden"])})

    def __str__(self) -> str:
        if self.root is None:
            return "in no git repository"
        changed = f"uncommitted changes, sha256 {self.diff_sha256}" if self.diff_sha256 else "uncommitted changes"
        more = {True: f" ({changed})", False: "", None: " (git cannot tell whether it is clean)"}[self.dirty]
        return f"{self.sha}{more}"


def repository_of(folder: Path) -> RepositoryState:
    """The state of the repository that holds ``folder``."""
    root = _text(folder, "rev-parse", "--show-toplevel") if folder.is_dir() else None
    if root is None:
        return RepositoryState(None)
    top = Path(root)
    sha = _text(top, "rev-parse", "HEAD")
    changes = _git(top, "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=none")
    branch = _text(top, "symbolic-ref", "--short", "-q", "HEAD")
    if sha is None or changes is None:
        return RepositoryState(root, sha or UNKNOWN, branch)
    untracked = [entry[3:] for entry in changes.decode(errors="replace").split("\0") if entry.startswith("?? ")]
    hidden = list(_hidden_changes(top))
    diff = _git(top, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color")
    return RepositoryState(root, sha, branch, bool(changes or hidden),
                           hashlib.sha256(diff).hexdigest() if diff else None,
                           tuple(untracked[:_MOST_NAMES]), tuple(hidden[:_MOST_NAMES]))


def _hidden_changes(top: Path) -> Iterator[str]:
    """Changed files that git was told to take for unchanged (--assume-unchanged, --skip-worktree)."""
    listed = _git(top, "ls-files", "-v", "-z")
    marked = [entry[2:] for entry in (listed or b"").decode(errors="surrogateescape").split("\0")
              if entry[:1].islower() or entry[:1] == "S"]
    for name in marked:
        if not (top / name).is_file():
            continue  # left out of a sparse checkout
        stored = _text(top, "ls-files", "-s", "--", name)
        now = _text(top, "hash-object", "--", name)
        if not stored or now is None or now != stored.split()[1]:
            yield name


def not_committed(top: Path, paths: list[Path]) -> list[str]:
    """Of the files those that no commit of the repository holds, by their names in it."""
    names = [os.path.relpath(path, top) for path in paths]
    listed = _git(top, "ls-files", "-z", "--", *names) if names else b""
    if listed is None:
        return names
    known = set(listed.decode(errors="surrogateescape").split("\0"))
    return [name for name in names if name not in known]


def _text(folder: Path, *words: str) -> str | None:
    said = _git(folder, *words)
    return said.decode(errors="surrogateescape").strip() or None if said is not None else None


def _git(folder: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *_NOTHING_RUN, *words], capture_output=True, timeout=_SECONDS,
                              stdin=subprocess.DEVNULL, env={**allowed_environment(), "GIT_OPTIONAL_LOCKS": "0"},
                              check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def states_of(folders: Mapping[str, Path | None]) -> dict[str, RepositoryState]:
    """The state of each folder's repository by the same names, each repository looked at once; None lies in none."""
    known: dict[str, RepositoryState] = {}
    found = {}
    for name, folder in folders.items():
        root = _text(folder, "rev-parse", "--show-toplevel") if folder and folder.is_dir() else None
        if root is not None and root not in known:
            known[root] = repository_of(Path(root))
        found[name] = known[root] if root is not None else RepositoryState(None)
    return found
