"""Revisions of a repository: what a name means, which commit comes before which, and what lies between two.

git is asked as in git.py, so nothing that the repository names is run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbcompare.engine.repository.git import Git, repository_of
from nbcompare.errors import UsageError, nearest
from nbcompare.visible import visible


@dataclass(frozen=True)
class Commit:
    """A commit: its sum, who wrote it, on which day, and the first line of its message."""

    sha: str
    author: str
    date: str
    subject: str

    def __str__(self) -> str:
        return f"{self.sha[:12]} {self.subject}"


class Revisions:
    """The commits of one repository. Raises UsageError for a folder that lies in none."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"--repo {folder}: there is no such folder")
        root = repository_of(folder).root
        if root is None:
            raise UsageError(f"--repo {folder}: not in a git repository, or git is not here or does not trust it",
                             hint=f"git -C {folder} status")
        self.top = Path(root).resolve()
        self._git = Git(self.top)

    def resolve(self, name: str, said: str) -> str:
        """The sum of the commit that a name stands for; ``said`` is the option that named it."""
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        found = self._git.text(*asked)
        if found is None:
            known = self._git.names("for-each-ref", "--format=%(refname:short)%00", "refs/heads", "refs/tags") or ()
            raise UsageError(f"{said} {name}: there is no such revision in {self.top}",
                             hint=nearest(name, [entry.strip() for entry in known if entry.strip()]))
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether one commit is the other, or comes before it."""
        return self._git.said("merge-base", "--is-ancestor", older, newer) is not None

    def commit(self, sha: str) -> Commit:
        """What a commit says of itself, in characters that can be seen."""
        text = self._git.text("rev-list", "--max-count=1", "--format=%an%x00%ad%x00%s", "--date=short", sha) or ""
        said = text.partition("\n")[2].split("\0")
        author, date, subject = said if len(said) == 3 else ("", "", "")
        return Commit(sha, visible(author), visible(date), visible(subject))

    def between(self, goods: Iterable[str], bad: str) -> list[str]:
        """The commits that may be the first bad one, those that halve the rest best first, ``bad`` itself among
        them: all that lead to it and to none of the good ones."""
        said = self._git.text("rev-list", "--bisect-all", bad, "--not", *goods)
        return [line.split()[0] for line in (said or "").splitlines()]

    def boundary(self, goods: Iterable[str], bad: str) -> list[str]:
        """The commits just before those that ``between`` gives."""
        said = self._git.text("rev-list", "--boundary", bad, "--not", *goods)
        return [line[1:] for line in (said or "").splitlines() if line.startswith("-")]

    def changed(self, old: str, new: str, path: Path) -> bool:
        """Whether a file or folder of the repository differs between two commits."""
        name = path.resolve().relative_to(self.top).as_posix()
        return bool(self._git.names("diff-tree", "-r", "-z", "--name-only", "--no-ext-diff", "--no-textconv", old, new,
                                    "--", f":(literal){name}"))

    def has_submodules(self, sha: str) -> bool:
        """Whether a commit names repositories that lie inside."""
        return any(entry.startswith("160000 ") for entry in self._git.names("ls-tree", "-r", "-z", sha) or ())
