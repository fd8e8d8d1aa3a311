"""A git work tree of our own, in which any revision of a repository can be checked out and run.

The user's files, index and branches are not touched; the repository gets an entry below ``.git/worktrees`` while the
tree is there. It goes without git's help, as nothing is started any more once a signal has come.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from nbcompare.engine.repository.git import Git
from nbcompare.errors import FileError

CHECKOUT_SECONDS = 900.0
TREE = "tree"


class WorkTree:
    """A work tree that is there; ``path`` is its top."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = Git(path)

    def check_out(self, sha: str) -> None:
        """The tree as a commit has it, and nothing else in it. Raises FileError where git does not do it."""
        for words in (("checkout", "--quiet", "--force", "--detach", sha), ("clean", "-ffdxq")):
            if self._git.said(*words, seconds=CHECKOUT_SECONDS) is None:
                raise FileError(f"{self.path}: git does not check out {sha[:12]} there (is the disk full, or are "
                                "objects missing?)")
        if self._git.text("rev-parse", "HEAD") != sha:
            raise FileError(f"{self.path}: git has not checked out {sha[:12]}")


@contextlib.contextmanager
def work_tree(top: Path, home: Path, sha: str) -> Iterator[WorkTree]:
    """A work tree of the repository ``top`` below the folder ``home``, which must be ours alone; it is gone
    afterwards, however the block ends. One that a killed program left there is removed first.

    Raises FileError when git cannot make one.
    """
    git, path = Git(top), home.resolve() / TREE
    common = Path(git.text("rev-parse", "--path-format=absolute", "--git-common-dir") or top / ".git")
    _remove(path, common)
    try:
        made = git.said("worktree", "add", "--quiet", "--no-checkout", "--detach", str(path), sha,
                        seconds=CHECKOUT_SECONDS)
        if made is None or not (path / ".git").is_file():
            raise FileError(f"{top}: git cannot make a work tree in {home}",
                            hint="is the repository yours to write to, and is there room?")
        yield WorkTree(path)
    finally:
        _remove(path, common)


def _remove(path: Path, common: Path) -> None:
    """Take a work tree away, with git's entry for it: that which names this very tree. What the tree itself says is
    not heeded, as programs ran in it."""
    entries = common / "worktrees"
    for entry in entries.iterdir() if entries.is_dir() else ():
        with contextlib.suppress(OSError):
            if (entry / "gitdir").read_text(encoding="utf-8").strip() == str(path / ".git"):
                _remove_folder(entry)
    with contextlib.suppress(OSError):
        entries.rmdir()  # as git does when the last one went
    _remove_folder(path)


def _remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, folders that may not be written too; a link is removed, and not followed."""
    if folder.is_symlink():
        folder.unlink()
        return

    def try_again(function: Callable[..., object], path: str, _fault: object) -> None:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
            if function is os.rmdir or os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    shutil.rmtree(folder, onerror=try_again)
