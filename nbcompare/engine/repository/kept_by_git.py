"""The files in which git keeps what it answers from, by which a question is asked again where one of them changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbcompare.files import Stamp, stamp_at

_ASKED = ("index", "config", "config.worktree", "commondir")
_POINTER = "gitdir: "
_MOST_BYTES = 4096


def stamps_of_git(folder: Path) -> tuple[Stamp, ...]:
    """How the index and the configurations are of every repository that a folder, as a real path, lies in; also that
    there is none."""
    return tuple(stamp_at(str(path)) for place in (folder, *folder.parents) for path in _files(place / ".git"))


def _files(git: Path) -> Iterator[Path]:
    yield git
    home = git
    if git.is_file():
        home = _named_in(git, _POINTER) or git
    elif not git.is_dir():
        return
    yield from (home / name for name in _ASKED)
    common = _named_in(home / "commondir")
    if common:
        yield common / "config"


def _named_in(file: Path, beginning: str = "") -> Path | None:
    """The folder that a file of git names, as that of a work tree does."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as stream:
            said = stream.read(_MOST_BYTES).strip()
    except OSError:
        return None
    return file.parent / said.removeprefix(beginning) if said.startswith(beginning) and said else None
