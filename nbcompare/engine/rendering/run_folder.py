"""Watching the bundle being made while an engine runs.

Nothing in it may change but what belongs to that engine; an engine that reaches into another's folder, inputs or image
has failed, whatever image it left. Files outside that must stay as they are: protected.py.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO

from nbcompare.engine.failure import Failure
from nbcompare.engine.rendering.kept_names import kept_name
from nbcompare.engine.rendering.last_words import shortened
from nbcompare.engine.rendering.runs import RunFiles
from nbcompare.files import entries_below, sha256_of
from nbcompare.visible import some_of

_MOST_NAMES = 5
_IN_MEMORY = 1 << 18
"""Bytes of a file of which the copy is none."""
_FOLDER, _OTHER = "folder", "neither file nor folder"

class FolderGuard:
    """A folder as it stands, with a copy of every file kept out of reach (in memory, or in files without a name).

    Use as a context; ``trespass`` says what was done to the folder since, and undoes it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.before = _contents_of(folder)
        self._copies: dict[str, IO[bytes]] = {}

    def __enter__(self) -> FolderGuard:
        for name, what in self.before.items():
            if what not in (_FOLDER, _OTHER):
                self._copies[name] = tempfile.SpooledTemporaryFile(_IN_MEMORY)
                with open(self.folder / name, "rb") as stream:
                    shutil.copyfileobj(stream, self._copies[name])
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._copies.values():
            stream.close()

    def trespass(self, own: RunFiles) -> Failure | None:
        """What an engine did to the folder outside its own places, or None.

        What it changed or removed is put right, so that no evidence of the other engine is lost. Files it
        added are moved to own.rest/outside; links and the like, which could lead a reader elsewhere, are removed.
        """
        after = _contents_of(self.folder)
        if after == self.before:
            return None
        theirs = [name for name in sorted({*self.before, *after}) if not self._belongs(name, own)]
        added = [name for name in theirs if name not in self.before]
        touched = [name for name in theirs if name in self.before and after.get(name) != self.before[name]]
        for name in reversed(added):
            _put_away(self.folder / name, own.rest / "outside" / kept_name(PurePosixPath(name).parts))
        for name in touched:
            self._restore(name)
        said = [f"{verb} {some_of(list(map(shortened, names)), _MOST_NAMES)}"
                for verb, names in (("changed", touched), ("added", added)) if names]
        return Failure("trespass", f"wrote outside its own folder: {' and '.join(said)}") if said else None

    def _belongs(self, name: str, own: RunFiles) -> bool:
        """Whether a name is one of the engine's places, lies below one, or leads to one."""
        path = f"{self.folder / name}{os.sep}"
        places = [f"{place}{os.sep}" for place in (own.image, own.stdout, own.stderr, own.rest)]
        return any(path.startswith(place) or place.startswith(path) for place in places)

    def _restore(self, name: str) -> None:
        path = self.folder / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            path.rmdir()  # what lay in it was put away before
        if self.before[name] == _FOLDER:
            path.mkdir()
            return
        self._copies[name].seek(0)
        with open(path, "wb") as stream:
            shutil.copyfileobj(self._copies[name], stream)


def _contents_of(folder: Path) -> dict[str, str]:
    """Everything below a folder: the sha256 of each file, or what else it is."""
    return {name: _content(entry) for name, entry in entries_below(folder)}


def _content(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return _FOLDER
    return sha256_of(entry.path) if entry.is_file(follow_symlinks=False) else _OTHER


def _put_away(path: Path, target: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    elif path.is_symlink() or not path.is_file():
        path.unlink()
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
