"""What was compiled beside the bundled simulator's files, known from a run before to be of their text.

To find that out each file is compiled again (python_here.py), the longest question of a run. The answer follows
from the bytes of the files and from the Python that is asked, and so one sum over all of them is kept in the user's
cache, where it was yes. It is kept of our own Python alone, started with nothing set that could change what it says;
and a cache into which somebody else could have put it is none.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from nbcompare.engine.engine import Engine
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.safety.safe_start import is_bundled_subject
from nbcompare.errors import FileError
from nbcompare.files import others_could_write, user_cache, write_whole

_HARMLESS = {"PYTHONSAFEPATH", "PATH"}
"""Variables that may be set for it: where modules are not searched, and where programs are. Those that move Python's
modules or libraries are among an engine's variables where the user has set them (PATH_LISTS)."""


def known_sum(engine: Engine, variables: Mapping[str, str]) -> str | None:
    """The sum of what was found to be of its text; None for another engine, and where nothing trusted was kept."""
    if not _is_ours(engine, variables):
        return None
    with suppress(OSError, ValueError):
        kept = _place()
        if not any(map(others_could_write, (kept.parent, kept))):
            return kept.read_text(encoding="ascii")
    return None


def keep_sum(engine: Engine, variables: Mapping[str, str], found: str) -> None:
    """Keep the sum of what is of its text, in place of the one before; a cache that cannot be written is none."""
    if _is_ours(engine, variables):
        with suppress(OSError, FileError):
            kept = _place()
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(kept, found)


def _is_ours(engine: Engine, variables: Mapping[str, str]) -> bool:
    return is_bundled_subject(engine.start) and not engine.confined and engine.declaration is None and \
        variables.keys() <= _HARMLESS


def _place() -> Path:
    """One file for each place that the simulator lies in, and each Python."""
    where = hashlib.sha256("\0".join((str(SIMULATOR), sys.executable)).encode(errors="surrogateescape"))
    return user_cache() / "compiled" / where.hexdigest()[:16]
