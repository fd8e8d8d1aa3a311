"""A subject file of another size than the image: what its bytes are, found without a shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, Diagnosis, carried_out, guess, guessed
from nbcompare.explain.diagnose.standing import ranked


def diagnose_size(reference: np.ndarray, subject: Path) -> Diagnosis:
    """Why a subject file has another size than the reference image needs."""
    raw = subject.read_bytes()
    expected = reference.size * 4
    fault = f"{subject}: {len(raw)} bytes, where {expected} were expected"
    pixels = reference.ravel().astype(np.float64)
    with np.errstate(all="ignore"):
        causes = [cause for finder in (_other_words, _truncated, _around, _other_shape)
                  for cause in finder(pixels, raw, reference.shape)]
    figures = {"subject_bytes": len(raw), "expected_bytes": expected}
    return Diagnosis(False, ranked(causes), figures, shape_fault=fault)


def _cause(id: str, sentence: str, evidence: str, what: str) -> Cause:
    return carried_out(id, sentence, (evidence,), residual=0.0, left=0.0, what=what, confidence=0.98, prior=0.9)


def _same(x: np.ndarray, values: np.ndarray) -> bool:
    return values.size > 0 and bool((np.abs(values - x[:values.size]) <= 1e-6 * max(x.max(), 0)).all())


def _other_words(x: np.ndarray, raw: bytes, shape: tuple[int, int]) -> list[Cause]:
    found = []
    if len(raw) == 2 * x.size * 4 and _same(x, np.frombuffer(raw, "<f8")):
        found.append(_cause(causes.FLOAT64_BYTES, "the subject's file holds doubles (8 bytes per pixel)",
                            "read as doubles it is the reference", "written as doubles"))
    for kind, name in (("<u2", "16-bit integers"), ("<f2", "16-bit floats")):
        offset = len(raw) - 2 * x.size
        if 0 <= offset <= 4096 and offset < 2 * x.size:
            words = np.frombuffer(raw, kind, x.size, offset).astype(np.float64)
            if np.isfinite(words).all() and words.std() > 0 and x.std() > 0 and np.corrcoef(words, x)[0, 1] > 0.99:
                found.append(_cause(causes.INTEGER_BYTES, f"the subject's file holds {name}"
                                    + (f" after {offset} bytes of header" if offset else ""),
                                    "read so, it has the reference's pattern", f"written as {name}"))
                break
    return found


def _truncated(x: np.ndarray, raw: bytes, shape: tuple[int, int]) -> list[Cause]:
    values = np.frombuffer(raw, "<f4", len(raw) // 4).astype(np.float64)
    if len(raw) < 4 * x.size and (not len(raw) or _same(x, values)):
        return [_cause(causes.TRUNCATED, f"the subject's file ends after {len(raw)} of {4 * x.size} bytes",
                       "what is there is the same as in the reference" if len(raw) else "the file is empty",
                       f"cut after {len(raw)} bytes")]
    return []


def _around(x: np.ndarray, raw: bytes, shape: tuple[int, int]) -> list[Cause]:
    """Something before or after the image."""
    extra = len(raw) - 4 * x.size
    if extra <= 0:
        return []
    if _same(x, np.frombuffer(raw, "<f4", x.size).astype(np.float64)):
        return [_cause(causes.TRAILING_BYTES, f"{extra} bytes follow the image in the subject's file",
                       "before them it is the same", f"{extra} bytes appended")]
    for offset in {extra, *(n for n in (4, 8, 128, 256, 512, 518, 1024, 2048, 4096) if n < extra)}:
        if _same(x, np.frombuffer(raw, "<f4", x.size, offset).astype(np.float64)):
            return [_cause(causes.HEADER_BYTES,
                           f"{offset} bytes of a header stand before the image in the subject's file",
                           "after them it is the same", f"{offset} bytes put before")]
    return []


def _other_shape(x: np.ndarray, raw: bytes, shape: tuple[int, int]) -> list[Cause]:
    slow, fast = shape
    if not raw or len(raw) % 4:
        return []
    count = len(raw) // 4
    fits = [f"{count // size} {name}" for size, name in ((fast, "rows of the expected length"),
                                                         (slow, "columns of the expected length")) if not count % size]
    side = round(count**0.5)
    if side * side == count:
        fits.append(f"a square of {side} pixels")
    if not fits:
        return []
    return [guessed(causes.SHAPE_DIFFERS,
                    f"the subject's file holds {count} pixels, {' or '.join(fits)}; {slow * fast} were expected", (),
                    confidence=guess(0.4), prior=0.4)]
