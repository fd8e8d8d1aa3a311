"""Engines must be, when a run ends, what they were when it began: bytes, files, and the times of both."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.sources.made_of import changes
from nbcompare.errors import FileError
from nbcompare.files import sum_of
from nbcompare.visible import some_of

_MOST_NAMES = 5


class EngineDrift:
    """One engine from now on. A file that was changed and put back is known by the time of its last change."""

    def __init__(self, engine: Engine, identity: EngineIdentity) -> None:
        self.program, self.identity = engine.program, identity
        self.before = self._times()

    def _times(self) -> dict[str, int]:
        """When each file was last written, replaced or renamed, in nanoseconds."""
        files = self.identity.made_of.files if self.identity.made_of else ()
        paths = [str(self.program), *(entry.path for entry in files)]
        return {path: os.stat(path).st_ctime_ns for path in paths if os.path.exists(path)}

    def written_since(self) -> bool:
        """Whether any of its files was written, replaced or renamed since; what they hold is not looked at."""
        return self._times() != self.before

    def fault(self, but: Collection[str] = ()) -> str | None:
        """What changed, as the end of a sentence about the engine; None when nothing did but files, given as real
        paths, that it wrote itself."""
        found = [*self._program_changed(), *(changes(self.identity.made_of, but) if self.identity.made_of else ())]
        now = self._times()
        if not found:
            found = [f"{Path(path).name} was written to and put back" for path, at in self.before.items()
                     if path in now and now[path] != at and os.path.realpath(path) not in but]
        if not found:
            return None
        return f"was changed while it ran: {some_of(found, _MOST_NAMES)}"

    def _program_changed(self) -> list[str]:
        try:
            same = sum_of(str(self.program)) == self.identity.program_sha256
        except FileError:
            return [f"{self.program.name} is gone"]
        return [] if same else [f"{self.program.name} changed"]


def faults_of(watches: Mapping[str, EngineDrift], own: Mapping[str, Collection[str]]) -> dict[str, str]:
    """By role what changed, for the roles whose engine did; ``own`` are the files that each wrote itself."""
    return {role: fault for role, watch in watches.items() if (fault := watch.fault(own.get(role, ())))}
