"""An image that is there already, in the place of a reference: what a case is held to that must not move.

    engines:
      reference:
        image:
          file: golden/still.npy                 # relative to this file; further keys as for an engine's output
          format: numpy
          sha256: 9f86d08...
          origin: results/py_float.bin of bundle still/20261128T101500Z, myport 1.4 (commit 4f2c1aa)

The file is copied to where an engine would have written its image, by a program of ours, so that it is evidence like
any other: recorded, summed, verified and asked for by gates.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbcompare.case.declared.adapter import EVERY, HOW_TO_READ, Adapter, ArgumentRule, Output, declared_of
from nbcompare.case.parts import sha256_digits
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.errors import FileError
from nbcompare.files import sha256_of

PROGRAM = Path(__file__).resolve().parents[2] / "engine" / "programs" / "stored_image.py"


@dataclass(frozen=True)
class StoredImage:
    """A stored image as an engine: ``file`` is relative to the file that declares it."""

    file: str
    command: tuple[str, ...]
    adapter: Adapter


def stored_image(cursor: Cursor, name: str, folder: Path) -> StoredImage:
    """The engine called ``name`` that an ``image`` entry declares in a file of ``folder``.

    Raises CaseError, with its place, for a file that is not there or has another sum, and for an image without origin.
    """
    entries = cursor.mapping(known=("file", "sha256", "origin", *HOW_TO_READ),
                             required=("file", "format", "sha256", "origin"))
    file, origin = entries["file"].text(), entries["origin"].text()
    wanted = sha256_digits(entries["sha256"])
    path = folder / file
    try:
        found = sha256_of(path)
    except FileError as fault:
        raise entries["file"].error(f"engine {name}: {fault.message}") from None
    if found != wanted:
        raise entries["sha256"].error(f"engine {name}: {file} has sha256 {found}: it is not the image that was stored")
    copy = "stored-image" + PurePosixPath(file).suffix
    rule = ArgumentRule(EVERY, drop=f"it is the stored image {file}, which no argument changes; its origin: {origin}")
    return StoredImage(file, (sys.executable, "-P", str(PROGRAM), str(path.absolute())),
                       Adapter((rule,), output=Output(copy, declared_of(cursor, entries))))
