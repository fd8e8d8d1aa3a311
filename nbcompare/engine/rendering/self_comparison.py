"""Vacuity: signs that two images are no evidence, although every figure may hold.

What the pixels show (constant images, regions without signal) is found by the comparison. Here: a subject that is
the reference under another name, and an image that was not computed but copied. Equal bytes alone are no such
sign, as two programs in double precision may round every pixel alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbcompare.engine.engine import Run
from nbcompare.engine.failure import Failure
from nbcompare.files import sha256_of
from nbcompare.later import np


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


NEARLY_EQUAL = "the images of two programs are bit-identical but for"
"""How the sentence of a near copy begins."""

_MOST_PIXELS, _MOST_ULP, _SHARE = 8, 4, 100


def near_copy(sums: Sequence[str], reference: np.ndarray, subject: np.ndarray, *, stored: bool = False) -> str | None:
    """Why two images [slow, fast] of different programs (``sums``: sha256 of each) look like one that was
    copied and touched up, or None; a reference that is a ``stored`` image may be of the subject's own making.

    Programs that compute alike give equal bytes; programs that add in another order differ in the last bits of a
    great many pixels. A handful of pixels off by a few units in the last place is neither.
    """
    if stored or sums[0] == sums[1] or reference.shape != subject.shape or reference.dtype != subject.dtype \
            or reference.dtype.kind != "f":
        return None
    bits = [np.ascontiguousarray(image).view(f"i{image.dtype.itemsize}") for image in (reference, subject)]
    touched = bits[0] != bits[1]
    count = int(np.count_nonzero(touched))
    if not 0 < count <= _MOST_PIXELS or count * _SHARE > touched.size:
        return None
    apart = max(abs(int(ours) - int(theirs)) for ours, theirs in zip(bits[0][touched], bits[1][touched], strict=True))
    if apart > _MOST_ULP:
        return None
    return (f"{NEARLY_EQUAL} {count} of {touched.size} pixels, which are at most {apart} units in the last place "
            "apart: so looks a copy that was touched up")


def copied_input(run: Run, inputs: Path) -> Failure | None:
    """The failure of an engine whose image is one of its input files under another name, or None."""
    sums = {digest for digest in (run.image_sha256, run.file_sha256) if digest}
    for path in sorted(path for path in inputs.rglob("*") if sums and path.is_file()):
        if sha256_of(path) in sums:
            return Failure("copied-image", f"gave a copy of its input {path.name} as its image")
    return None
