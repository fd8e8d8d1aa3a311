"""By which names a file can be reached: a file system, or a part of one, may be mounted at several places."""

from __future__ import annotations

import re
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def names_of(place: Path, table: str | None = None) -> list[Path]:
    """``place``, a real path, and what it is called below other mounts of the same file system. ``table`` is what the
    kernel says of mounts; without one only the path itself is known."""
    if table is None:
        try:
            table = _TABLE.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return [place]
    mounts = [(fields[2], _plain(fields[3]), _plain(fields[4])) for fields in map(str.split, table.splitlines())
              if len(fields) > 4]
    over = [mount for mount in mounts if place.is_relative_to(mount[2])]
    if not over:
        return [place]
    device, root, point = max(over, key=lambda mount: len(mount[2].parts))
    inside = root / place.relative_to(point)
    others = [there / inside.relative_to(part) for which, part, there in mounts
              if which == device and inside.is_relative_to(part)]
    return list(dict.fromkeys((place, *others)))


def _plain(text: str) -> Path:
    """A path of the table, in which blanks and the like are written in octal."""
    return Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), text))
