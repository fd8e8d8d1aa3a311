"""What an engine opened that is asked many times: put together once, as long as nothing new was done (opened.py)."""

from __future__ import annotations

from nbcompare.engine.processes.file_uses import FileUses, Use, stamp_of
from nbcompare.engine.sources.opened import OpenedFiles, opened_by

_OF_PROCESSES = "/proc/"
"""What the kernel shows of a process is no source of anything, and has another name for each."""


class OpenedAgain:
    """``opened_by`` for an engine that is asked many times: put together anew only where it did something new, or a
    file is not what it was. An engine in Python opens a thousand files, which a look at each render would double."""

    def __init__(self) -> None:
        self._seen: tuple[dict[str, Use], list[str], dict[str, tuple[int, int, int] | None]] | None = None
        self._opened = OpenedFiles()

    def by(self, calls: FileUses) -> tuple[OpenedFiles, list[str]]:
        if calls.unwatched:
            return opened_by(calls)
        uses = {path: use for path, use in calls.uses.items() if not path.startswith(_OF_PROCESSES)}
        stamps = {path: stamp_of(path)[1] for path, use in uses.items() if use.stamp or use.written}
        moved = any(stamps[path] != use.stamp for path, use in uses.items() if use.stamp and not use.written)
        seen = (uses, list(calls.unseen), stamps)
        if seen == self._seen and not moved:
            return self._opened, []
        self._opened, changed = opened_by(calls)
        self._seen = None if changed else seen
        return self._opened, changed
