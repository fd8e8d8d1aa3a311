"""Where a float image went that is not where it was asked for: a wrapper that changes the folder leaves it there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from nbcompare.case.arguments.options import FLOAT_FILE
from nbcompare.engine.engine import Engine

_GRAIN_SECONDS = 2.0
_MOST_FOLDERS = 400


def left_elsewhere(engine: Engine, seconds: float) -> Iterator[str]:
    """A sentence for a float image that was written during the last ``seconds`` near the program, and what to declare.

    Looked for where a wrapper may have gone: the folders of its repository, those above its program, and the user's.
    """
    began = time.time() - seconds - _GRAIN_SECONDS
    for folder in _folders(engine):
        path = folder / FLOAT_FILE
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= began:
            yield (f"it left {FLOAT_FILE} in {folder}, not in the folder it was started in: declare that one as its "
                   "cwd in nb-compare.yaml, and remove the file")
            return


def _folders(engine: Engine) -> Iterator[Path]:
    """Each folder once, the likely ones first."""
    declared = engine.declaration
    first = [place for place in (declared.repository, declared.folder, declared.cwd) if place] if declared else []
    program = engine.program.parent
    top = next((place for place in (program, *program.parents) if (place / ".git").exists()), program)
    seen: set[Path] = set()
    for place in (*first, Path.cwd(), program, *program.parents, *_below(top)):
        if place not in seen:
            seen.add(place)
            yield place


def _below(top: Path) -> Iterator[Path]:
    """Folders below one, the near ones first, a few hundred of them."""
    waiting, count = [top], 0
    while waiting and count < _MOST_FOLDERS:
        count += 1
        place = waiting.pop(0)
        yield place
        try:
            waiting += sorted(path for path in place.iterdir()
                              if path.is_dir() and not path.is_symlink() and not path.name.startswith("."))
        except OSError:
            continue
