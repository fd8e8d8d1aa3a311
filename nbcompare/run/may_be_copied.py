"""Whether an image that is nearly the reference's may have been copied: what its engine read, as far as that was seen.

Two programs that compute alike may round all pixels but a handful alike. Nobody can tell such an image from a copy that
was touched up by its pixels, but by where it can have come from: the subject runs before the reference, so that it is
copied from a file, or made by the reference's own program. Where all that the subject did was seen and it read neither,
it was computed. Code is no such file: who writes an image into a program can as well touch up all of its pixels.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nbcompare.bundle.names import MANIFEST
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.processes.file_uses import FileUses, Use
from nbcompare.engine.sources.libraries import is_elf
from nbcompare.engine.sources.opened_kinds import INSTALLED, OWN, entry_of, kind_of, source_behind
from nbcompare.verdict.copies import reads_reference

_LEVELS = 4
_CODE = (".py", ".pyc", ".pyi", ".pth", ".so", ".nbc", ".nbi", "/pyvenv.cfg")


def why_maybe_copied(calls: FileUses | None, subject: EngineIdentity, reference: EngineIdentity,
                     image: np.ndarray) -> str | None:
    """Why an engine that did ``calls`` may have copied the reference's ``image`` [slow, fast]; None where it was seen
    that it did not."""
    if calls is None or calls.unwatched:
        return "which files it opened was not seen"
    if calls.unseen:
        return f"not all that it did is known: {next(iter(calls.unseen))}"
    used = [path for path, use in calls.uses.items() if use.read or use.run]
    theirs = reads_reference(subject, reference, used)
    if theirs:
        return f"it read or ran {theirs}, which is the reference's"
    smallest = len(np.unique(image))
    large = next((path for path, use in sorted(calls.uses.items()) if _may_hold(path, use, smallest)), None)
    return f"it read {large}, which could hold the image" if large else None


def _may_hold(path: str, use: Use, smallest: int) -> bool:
    """Whether a file that was read may hold the image: any of a bundle, and any that has a byte for each of its
    values and is no code."""
    if not use.read or use.made or use.stamp is None or use.is_folder:
        return False
    if any((folder / MANIFEST).is_file() for folder in Path(path).parents[:_LEVELS]):
        return True
    kind = kind_of(source_behind(path))
    if kind is None or kind.word not in (OWN, INSTALLED) or path.endswith(_CODE) or ".so." in os.path.basename(path):
        return False
    if kind.word == INSTALLED and (".dist-info/" in path or entry_of(kind)):
        return False  # as a distribution lists it
    return use.stamp[1] >= smallest and not (os.path.isfile(path) and is_elf(Path(path)))
