"""Who the engines were, as a record says it: without secrets, and in characters that can be seen.

It is the longest part of a record, and for the cells of a sweep nearly always the same: made once as long as it is.
"""

from __future__ import annotations

import functools

from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.processes.redact import redacted
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.visible import each_text, visible


def shown(text: str) -> str:
    """A text as it may stand in a record. Names and paths stand there many times, and are looked at once."""
    return _shown_name(text) if len(text) < _LONGEST_NAME else visible(redacted(text))


_LONGEST_NAME = 256


@functools.lru_cache(maxsize=1 << 13)
def _shown_name(text: str) -> str:
    return visible(redacted(text))


class ShownEngines:
    """The engines as the newest record says them, by role, with what that was made of."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[EngineIdentity, OpenedFiles | None, EngineIdentity]] = {}

    def of(self, identity: EngineIdentity, opened: OpenedFiles | None) -> EngineIdentity:
        """An engine with what it opened; the very object of before where both are the very objects of before."""
        known = self._newest.get(identity.role)
        if known is None or known[0] is not identity or known[1] is not opened:
            said = EngineIdentity.from_dict(each_text(identity.having(opened).as_dict(), shown))
            known = self._newest[identity.role] = identity, opened, said
        return known[2]
