"""What was taken from records before: a file beside the cases, so that an index of many bundles is quick to make again.

It is a convenience and no evidence: it lies outside of every bundle and can be deleted at any time. An entry counts
for the manifest whose sum it states and no other. The whole file is passed over where one byte of it is not as it was
written, where another program, or another version of this one, wrote it, and where somebody else could have.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from nbcompare.bundle import strict_json
from nbcompare.bundle.history.past_run import PastRun
from nbcompare.errors import FileError
from nbcompare.files import write_whole

CACHE = ".index-cache.json"
KIND = "nb-compare index cache"
_MOST_BYTES = 1 << 30


class Cache:
    """Runs by name and the sum of their manifest. Without a file nothing is known and nothing is written."""

    def __init__(self, path: Path | None):
        self.path = path
        self._known: dict[str, dict[str, Any]] = _read(path) if path else {}
        self._kept: dict[str, dict[str, Any]] = {}
        self.hits = 0
        self.changed = False

    def get(self, name: str, manifest_sha256: str) -> PastRun | None:
        """The run of that name whose manifest has that sum; None where it is not known."""
        entry = self._known.get(name)
        if not isinstance(entry, dict) or entry.get("manifest_sha256") != manifest_sha256:
            return None
        try:
            found = PastRun.from_dict(entry["run"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        if found.name != name or found.damage is not None:
            return None
        self._kept[name] = entry
        self.hits += 1
        return found

    def keep(self, run: PastRun, manifest_sha256: str) -> None:
        """Remember a run; one that is damaged is looked at again each time."""
        if self.path is not None and run.damage is None:
            self._kept[run.name] = {"manifest_sha256": manifest_sha256, "run": run.as_dict()}
            self.changed = True

    def write(self) -> None:
        """Write what was asked for and nothing else. A cache that cannot be written is none."""
        if self.path is None or not (self.changed or self._kept.keys() != self._known.keys()):
            return
        body = json.dumps(self._kept, allow_nan=False, separators=(",", ":"))
        head = json.dumps({"kind": KIND, "program": _program(), "sha256": hashlib.sha256(body.encode()).hexdigest()})
        with contextlib.suppress(FileError, ValueError):
            write_whole(self.path, f"{head}\n{body}\n")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a cache; none where there is any doubt."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES or not _is_ours(found):
                return {}
            head, _, body = stream.read().partition("\n")
        stated = strict_json.loads(head)
        body = body.removesuffix("\n")
        if stated != {"kind": KIND, "program": _program(), "sha256": hashlib.sha256(body.encode()).hexdigest()}:
            return {}
        entries = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _is_ours(found: os.stat_result) -> bool:
    """Whether nobody but this user could have written a file."""
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@functools.cache
def _program() -> str:
    """One sum over what decides the form of an entry and what is taken into it."""
    here = Path(__file__).parent
    together = hashlib.sha256()
    for path in (here / "past_run.py", here.parent / "record.py", here.parent / "record_schema.json"):
        together.update(path.read_bytes())
    return together.hexdigest()
