"""What is looked at once for the cells of a group, when it begins and when it ends, and not for each of them.

The engines, the files that they are made of and opened, and the programs that ship here are the same for all cells of a
group. They are looked at in the first cell and after the last; where anything is another then, nobody knows for which
cells it was, and none of them counts: the group is run again with a look at each cell (run/sweep/groups.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from nbcompare.engine.drift import EngineDrift, faults_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, content_hash
from nbcompare.engine.sources.opened_again import OpenedAgain


class GroupLooks:
    """One group from its first cell on; ``opened`` are the accounts that its cells go by, by role."""

    def __init__(self, opened: dict[str, OpenedAgain]) -> None:
        self.opened = opened
        self._watches: dict[str, EngineDrift] = {}
        self._own: dict[str, set[str]] = {}
        self._left: dict[str, set[str]] = {}
        self._contents: dict[Path, str] = {}
        for account in opened.values():
            account.begin_group()

    def account(self, role: str) -> OpenedAgain:
        """What an engine opened in the cells so far."""
        if role not in self.opened:
            self.opened[role] = OpenedAgain()
            self.opened[role].begin_group()
        return self.opened[role]

    def watch(self, engine: Engine, identity: EngineIdentity) -> EngineDrift:
        """The watch over an engine since the first cell."""
        known = self._watches.get(engine.role)
        if known is None:
            known = self._watches[engine.role] = EngineDrift(engine, identity)
        return known

    def wrote(self, own: Mapping[str, Collection[str]]) -> None:
        """Files, as real paths, that engines wrote themselves in a cell, by role. What one wrote in an earlier cell and
        not in this one was no log of this: it ran with a file that is not what it was."""
        for role, paths in own.items():
            before = self._own.setdefault(role, set())
            self._left.setdefault(role, set()).update(before.difference(paths))
            before.update(paths)

    def content(self, folder: Path) -> str:
        """The sum over the sources in a folder."""
        if folder not in self._contents:
            self._contents[folder] = content_hash(folder)
        return self._contents[folder]

    def end(self) -> list[str]:
        """What is not as the cells went by, a sentence each; nothing where all of them count."""
        return list(self._changed())

    def _changed(self) -> Iterator[str]:
        own = {role: paths - self._left[role] for role, paths in self._own.items()}
        for role, fault in faults_of(self._watches, own).items():
            yield f"the {role} {fault}"
        for role, account in self.opened.items():
            if not account.end_group():
                yield f"a file that the {role} opened was changed"
        for folder, before in self._contents.items():
            if content_hash(folder) != before:
                yield f"the sources in {folder} were changed"
