"""Importing torch without a question that it asks for each of its hundred operators: where is this line of source?

``inspect`` answers by following the path of every module there is, link by link, and by reading the source: two of
three looks at the disk while torch is imported. The name of the file, the line and the module of a frame are known to
the frame, and torch takes no more of the answer. And of the modules themselves Python looks at the folder each time, at
each file twice, and in each package for three kinds of compiled ``__init__`` before that of Python.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from types import FrameType, ModuleType


@contextmanager
def frames_answer() -> Iterator[None]:
    """While this lasts, ``inspect`` tells of a frame what that itself knows, of all else what it always does; and
    modules are searched in folders as they are when one is first looked at."""
    info, module = inspect.getframeinfo, inspect.getmodule
    search = vars(sys.modules["_frozen_importlib_external"])
    look = search.get("_path_stat")

    def module_of(thing: object, filename: str | None = None) -> ModuleType | None:
        if isinstance(thing, FrameType):
            return sys.modules.get(thing.f_globals.get("__name__", ""))
        return module(thing, filename)

    inspect.getframeinfo, inspect.getmodule = lambda frame, context=0: info(frame, 0), module_of  # type: ignore[assignment]
    if look is not None:
        search["_path_stat"] = _look_once(look)
    try:
        yield
    finally:
        if look is not None:
            search["_path_stat"] = look
        inspect.getframeinfo, inspect.getmodule = info, module


def _look_once(look: Callable[[str], object]) -> Callable[[str], object]:
    """What ``look`` says, once for each path. A package with an ``__init__.py`` has no compiled one: where one of both
    is made of the other, torch is as well served by its text."""
    once = functools.cache(look)
    compiled = tuple(f"__init__{ending}" for ending in EXTENSION_SUFFIXES)

    def answer(path: str) -> object:
        if path.endswith(compiled):
            try:
                once(path[:path.rindex("__init__")] + "__init__.py")
            except OSError:
                return look(path)
            raise FileNotFoundError(path)
        return once(path)

    return answer
