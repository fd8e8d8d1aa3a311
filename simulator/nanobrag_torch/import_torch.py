"""Importing torch without a question that it asks for each of its hundred operators: where is this line of source?

``inspect`` answers by following the path of every module there is, link by link, and by reading the source: two of
three looks at the disk while torch is imported. The name of the file, the line and the module of a frame are known to
the frame, and torch takes no more of the answer.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from nanobrag_torch.import_once import modules_looked_at_once


@contextmanager
def frames_answer() -> Iterator[None]:
    """While this lasts, ``inspect`` tells of a frame what that itself knows, of all else what it always does; and
    modules are searched in folders as they are when one is first looked at."""
    info, module, source = inspect.getframeinfo, inspect.getmodule, inspect.getsourcefile

    def module_of(thing: object, filename: str | None = None) -> ModuleType | None:
        if isinstance(thing, FrameType):
            return sys.modules.get(thing.f_globals.get("__name__", ""))
        return module(thing, filename)

    def source_of(thing: Any) -> str | None:
        return thing.f_code.co_filename if isinstance(thing, FrameType) else source(thing)

    def info_of(frame: Any, context: int = 0) -> inspect.Traceback:
        return info(frame, 0)

    vars(inspect).update(getframeinfo=info_of, getmodule=module_of, getsourcefile=source_of)
    try:
        with modules_looked_at_once():
            yield
    finally:
        vars(inspect).update(getframeinfo=info, getmodule=module, getsourcefile=source)
