"""Reading on after a fault: whoever needs the file stops at the first one, and who tells of it wants all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from nbcompare.errors import CaseError

T = TypeVar("T")
Place = TypeVar("Place")

_FOUND: ContextVar[list[CaseError] | None] = ContextVar("found", default=None)


@contextmanager
def collected_faults() -> Iterator[list[CaseError]]:
    """While the block runs, faults inside ``reading_on`` are entered in the list instead of being raised."""
    found: list[CaseError] = []
    token = _FOUND.set(found)
    try:
        yield found
    except CaseError as fault:
        found.append(fault)
    finally:
        _FOUND.reset(token)


@contextmanager
def reading_on() -> Iterator[None]:
    """A fault ends this block alone where faults are collected, and is raised elsewhere."""
    try:
        yield
    except CaseError as fault:
        found = _FOUND.get()
        if found is None:
            raise
        found.append(fault)


def part(entries: Mapping[str, Place], key: str, read: Callable[[Place], T], default: T) -> T:
    """What ``read`` makes of an entry; the default where there is none, and where it has a fault that is collected."""
    if key in entries:
        with reading_on():
            return read(entries[key])
    return default
