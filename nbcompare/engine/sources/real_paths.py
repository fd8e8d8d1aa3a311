"""Real paths of many files at one moment: each folder is followed once, where the system would follow it for each."""

from __future__ import annotations

import os

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
            self._folders[folder] = os.path.join(real_path(folder), "")
        whole = self._folders[folder] + name
        return real_path(whole) if os.path.islink(whole) else whole
