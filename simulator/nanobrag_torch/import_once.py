"""Importing modules with one look at each: Python looks at each folder of its path for each module, at each file twice,
and in each package for three kinds of compiled ``__init__`` before that of Python.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES


@contextmanager
def modules_looked_at_once() -> Iterator[None]:
    """While this lasts, modules are searched in folders as they are when one is first looked at."""
    search = vars(sys.modules["_frozen_importlib_external"])
    look = search.get("_path_stat")
    if look is None:  # another Python does it otherwise
        yield
        return
    search["_path_stat"] = _look_once(look)
    try:
        yield
    finally:
        search["_path_stat"] = look


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
