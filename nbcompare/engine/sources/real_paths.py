"""Many files at one moment: each is looked at once, whatever is asked of it, and each folder is followed once, where
the system would follow it for each."""

from __future__ import annotations

import os
import stat

from nbcompare.engine.processes.disk_looks import Stamp, stamp_in
from nbcompare.files import real_path


class RealPaths:
    """``os.path.realpath`` for what does not change while it is asked."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        """The path without links."""
        folder, _, name = path.rpartition("/")
        if name in ("", os.curdir, os.pardir) or not folder:
            return real_path(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.join(self.of(folder), "")
        whole = self._folders[folder] + name
        return real_path(whole) if self._is_link(path, whole) else whole

    def _is_link(self, _path: str, whole: str) -> bool:
        """Whether a path, ``whole`` where its folder really is, is a link."""
        return os.path.islink(whole)


class Looks(RealPaths):
    """What lies at paths, and where they lead; for what does not change while it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, tuple[os.stat_result | None, bool]] = {}

    def at(self, path: str) -> os.stat_result | None:
        """What the system says of what a path leads to; None where nothing is."""
        return self._look(path)[0]

    def is_file(self, path: str) -> bool:
        found = self._look(path)[0]
        return found is not None and stat.S_ISREG(found.st_mode)

    def stamp(self, path: str) -> Stamp | None:
        """The stamp of the regular file that a path leads to."""
        found = self._look(path)[0]
        return None if found is None else stamp_in(found)

    def _is_link(self, path: str, whole: str) -> bool:
        return self._look(path)[1]

    def _look(self, path: str) -> tuple[os.stat_result | None, bool]:
        """What a path leads to, and whether it is a link itself."""
        known = self._found.get(path)
        if known is None:
            known = self._found[path] = _look_at(path)
        return known


def _look_at(path: str) -> tuple[os.stat_result | None, bool]:
    try:
        found = os.lstat(path)
        if not stat.S_ISLNK(found.st_mode):
            return found, False
    except OSError:
        return None, False
    try:
        return os.stat(path), True
    except OSError:
        return None, True
