"""Vacuity: signs that two images are no evidence, although every figure may hold.

What the pixels show (constant images, regions without signal) is found by the comparison. Here: a subject that is
the reference under another name, and an image that was not computed but copied. Equal bytes alone are no such
sign, as two programs in double precision may round every pixel alike.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def copied_input(run: Run, inputs: Path) -> Failure | None:
    """The failure of an engine whose image is one of its input files under another name, or None."""
    size = run.shape.bytes
    for path in sorted(path for path in inputs.rglob("*") if path.is_file() and path.stat().st_size == size):
        if sha256_of(path) == run.image_sha256:
            return Failure("copied-image", f"gave a copy of its input {path.name} as its image")
    return None
