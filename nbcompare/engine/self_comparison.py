"""Vacuity: signs that two images are no evidence, although every figure may hold.

What the pixels show (constant images, regions without signal) is found by the comparison. Here: a subject that is
the reference under another name, and an image that was not computed but copied. Equal bytes alone are no such
sign, as two programs in double precision may round every pixel alike.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbcompare.engine.engine import Failure, Run
from nbcompare.files import sha256_of


def same_program(starts: Sequence[Sequence[str]], sums: Sequence[str], runs: Sequence[Run]) -> str | None:
    """Why two runs are one program asked twice, or None.

    ``starts`` are the words that start each engine and ``sums`` the sha256 of its program, reference first. The same
    program with other arguments is a comparison of those arguments, and is allowed.
    """
    arguments = [run.argv[len(start):] for start, run in zip(starts, runs, strict=True)]
    if sums[0] != sums[1] or arguments[0] != arguments[1] or _module(starts[0]) != _module(starts[1]):
        return None
    return (f"reference and subject are the same program (sha256 {sums[0][:12]}) with the same arguments: it was "
            "compared with itself")


def _module(start: Sequence[str]) -> tuple[str, ...]:
    """The words that name a module of an interpreter; empty for a program or a script."""
    return tuple(start[1:]) if "-m" in start else ()


def copied_input(image: Path, inputs: Path) -> Failure | None:
    """The failure of an engine whose image is one of its input files under another name, or None."""
    size = image.stat().st_size
    for path in sorted(path for path in inputs.rglob("*") if path.is_file() and path.stat().st_size == size):
        if sha256_of(path) == sha256_of(image):
            return Failure("copied-image", f"gave a copy of its input {path.name} as its image")
    return None


class ReadGuard:
    """Notices whether any of some images is read while an engine runs.

    Use as a context. It sets the files' access times far back and looks at them afterwards; where a file system
    keeps no access times, nothing is noticed.
    """

    def __init__(self, images: Mapping[str, Path]):
        self.images = images
        self._before: dict[str, int] = {}

    def __enter__(self) -> ReadGuard:
        for name, path in self.images.items():
            modified = path.stat().st_mtime_ns
            os.utime(path, ns=(modified - 10**9, modified))
            self._before[name] = path.stat().st_atime_ns
        return self

    def __exit__(self, *_) -> None:
        pass

    def copied(self, run: Run) -> Failure | None:
        """The failure of an engine that read an image and gave the very same one, or None."""
        for name, path in self.images.items():
            if path.stat().st_atime_ns != self._before[name] and run.image_sha256 == sha256_of(path):
                return Failure("copied-image", f"read the image of the {name} while it ran, and gave the very same one")
        return None
