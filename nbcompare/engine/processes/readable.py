"""Whether there is something to read, by a question that knows open files of any number: that of select ends at 1024,
and whoever starts nb-compare may have more open."""

from __future__ import annotations

import select


def is_readable(handle: int, seconds: float = 0.0) -> bool:
    """Whether there is something at an open file, or its end, now or in so many seconds."""
    events = select.poll()
    events.register(handle, select.POLLIN)
    return bool(events.poll(1000.0 * seconds))
