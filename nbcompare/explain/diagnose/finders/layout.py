"""Data causes that lie in the file: bytes swapped, words of another width, data displaced, rows of another length.

Values are found again by value, to the rounding of two programs, so that a file read at a wrong place or with a
wrong row length is recognised whatever the shift is. Pixels without a measurement are bytes that nobody knows: what
would be read from them is left out, of the subject and of the reference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import signal

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause
from nbcompare.explain.diagnose.finders.lost_parts import proved
from nbcompare.explain.diagnose.image_pair import ImagePair, largest
from nbcompare.explain.diagnose.question import Question

_MARKERS = 60
_FEWEST_ROWS, _LENGTHS = 5, 9
"""A row length is tried where so many rows are lit, up to so many pixels from the right one."""
_AS_PIXELS = 30.0
"""Pixels are within this factor of those beside them; letters of a header, read as floats, are not."""
_MOST_CORRELATED = 4_000_000
"""Pixels up to which two files are correlated, in less than a second."""
_MOST_ALIKE = 40
"""So many places where they are most alike are looked at."""


def find_bytes(question: Question) -> Iterator[Cause]:
    """Byte order, words of another width, data displaced by a header, rows of another length."""
    pair = question.pair
    if pair.agree:
        return
    with np.errstate(invalid="ignore", over="ignore"):
        first = pair.subject[pair.sample].byteswap().astype(np.float64)
        near = bool((np.abs(first - pair.x[pair.sample]) <= 1e-5 * pair.peak).all())
        if near and _near(pair, pair.x, pair.subject.byteswap().astype(np.float64)):
            yield proved(causes.WRONG_ENDIAN, "with its bytes swapped the subject is the reference",
                         what="bytes swapped", prior=0.98)
            return
    yield from _other_words(pair)
    markers = _markers(pair)
    yield from _displaced(pair, markers)
    if markers is not None:
        yield from _row_length(pair, markers)
    else:
        yield from _row_length_tried(pair)


def _near(pair: ImagePair, x: np.ndarray, candidate: np.ndarray) -> bool:
    """Whether values are those of the reference beside them."""
    if x.size == 0 or not np.isfinite(candidate).all():
        return False
    return float(np.abs(candidate - x).max()) <= 1e-6 * pair.peak


def _known(pair: ImagePair, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the reference's first values, words read from the subject's bytes), both in double precision and zero where the
    reference has no measurement or where one of the bytes is of a pixel without."""
    x, words = pair.x.ravel()[:read.size], read.astype(np.float64)
    if pair.gaps is None:
        return x, words
    known = ~(pair.gaps.ravel()[:read.size] | _unread(pair, read.size, read.itemsize))
    return np.where(known, x, 0), np.where(known, words, 0)


def _unread(pair: ImagePair, count: int, width: int = 4, skew: int = 0) -> np.ndarray:
    """Of ``count`` words of ``width`` bytes, from byte ``skew`` of the subject on: which have a byte of a pixel without
    a measurement."""
    if pair.gaps is None:
        return np.zeros(count, bool)
    gone = np.repeat(pair.gaps.ravel(), 4)[skew:skew + count * width]
    return np.asarray(gone.reshape(count, width).any(axis=1))


_BEYOND_INT32 = (-(2.0**31), 2.0**31 - 1)


def _other_words(pair: ImagePair) -> Iterator[Cause]:
    raw = pair.subject.tobytes()
    with np.errstate(invalid="ignore", over="ignore"):
        doubles = np.frombuffer(raw, "<f8", len(raw) // 8)
        x, doubles = _known(pair, doubles)
        told = np.abs(x) > 1e-5 * pair.peak  # next to nothing is like next to nothing
        if told.any() and _starts_like(pair, x, doubles) and _near(pair, x, doubles):
            yield proved(causes.FLOAT64_BYTES,
                         "the subject's bytes are 8-byte floats: read so, they are the first half of the "
                         "reference",
                         what="doubles read as floats", prior=0.95)
        for kind, width in (("<i4", 4), ("<u2", 2)):
            words = np.frombuffer(raw, kind, min(len(raw) // width, pair.x.size, 1_000_000))
            x, words = _known(pair, words)
            if not (np.rint(x).any() and words.any()):
                continue
            said = f"the subject's bytes are {8 * width}-bit integers read as floats"
            scale = float(words.sum() / x.sum()) if x.sum() else 1.0
            over = (x >= 2.0**31) & np.isin(words, _BEYOND_INT32)  # what no such integer can hold
            off = np.where(over, 0, words - np.rint(x))
            if (np.abs(off) <= 1 + 1e-6 * np.abs(x)).all():
                yield proved(causes.INTEGER_BYTES, said, what="integers read as floats", prior=0.9)
            elif float(np.abs(words - scale * x).max()) <= 1 < float(words.max()):
                yield proved(causes.INTEGER_BYTES, f"{said}, {scale:.6g} times the reference",
                             what="integers read as floats", prior=0.9)


def _starts_like(pair: ImagePair, x: np.ndarray, values: np.ndarray) -> bool:
    """Whether some thousand values, evenly taken, are the reference's."""
    at = np.arange(0, values.size, max(1, values.size // 2000))
    return bool((np.abs(values[at] - x[at]) <= 1e-6 * pair.peak).all())


def _markers(pair: ImagePair) -> tuple[np.ndarray, np.ndarray] | None:
    """(flat indices, values) of bright reference pixels, each of a value that no other pixel has."""
    flat = largest(pair.x, 20 * _MARKERS)
    flat = flat[pair.x.ravel()[flat] > 1e-4 * pair.peak]
    flat = flat[np.argsort(-pair.x.ravel()[flat], kind="stable")]
    values = pair.x.ravel()[flat]
    order = np.argsort(values)
    spaced = np.ones(values.size, bool)
    close = np.diff(values[order]) <= 4e-5 * values[order][1:]
    spaced[order[1:][close]] = spaced[order[:-1][close]] = False
    flat, values = flat[spaced][:_MARKERS], values[spaced][:_MARKERS]
    return (flat, values) if flat.size >= 5 else None


def _found_again(values: np.ndarray, stream: np.ndarray) -> np.ndarray:
    """Where each value stands in a stream of values; -1 where it is not found exactly once."""
    low = float(values.min()) * 0.999
    with np.errstate(invalid="ignore"):
        candidates = np.flatnonzero(stream >= low)
    if candidates.size == 0 or candidates.size > 200_000:
        return np.full(values.size, -1)
    order = candidates[np.argsort(stream[candidates], kind="stable")]
    sorted_values = stream[order]
    first = np.searchsorted(sorted_values, values * (1 - 1e-5), "left")
    last = np.searchsorted(sorted_values, values * (1 + 1e-5), "right")
    once = last - first == 1
    return np.where(once, order[np.minimum(first, order.size - 1)], -1)


def _displaced(pair: ImagePair, markers: tuple[np.ndarray, np.ndarray] | None) -> Iterator[Cause]:
    """All data moved by the same number of bytes along the file."""
    raw = pair.subject.tobytes()
    for skew in range(4):
        stream = np.frombuffer(raw, "<f4", (len(raw) - skew) // 4, skew)
        unread = _unread(pair, stream.size, 4, skew)
        moves, said = (_move_by_markers(markers, stream, unread) if markers is not None
                       else _moves_by_correlation(pair, stream))
        move = next((move for move in moves if 4 * move + skew and _starts_moved(pair, stream, move)
                     and _moved_data_agree(pair, stream, unread, move)), None)
        if move is None or (skew == 0 and not _along_file(pair, move)):
            continue
        shift = 4 * move + skew
        where = f"{shift} bytes stand before the data" if shift > 0 else f"the first {-shift} bytes of data are missing"
        yield proved(causes.HEADER_BYTES, f"the subject's data is displaced by {shift:+d} bytes: {where}", said,
                     what=f"displaced by {shift} bytes", prior=0.9 if shift % 4 or abs(move) > 8 else 0.75)
        return


def _move_by_markers(markers: tuple[np.ndarray, np.ndarray], stream: np.ndarray,
                     unread: np.ndarray) -> tuple[tuple[int, ...], str]:
    """(by how many values most bright ones moved along a stream, what speaks for it): nothing where they disagree."""
    flat, values = markers
    with np.errstate(invalid="ignore"):
        found = _found_again(values, stream)
    there = found >= 0
    if np.count_nonzero(there) < 3:
        return (), ""
    moves, counts = np.unique(found[there] - flat[there], return_counts=True)
    move, votes = int(moves[np.argmax(counts)]), int(counts.max())
    places = (flat + move)[(flat + move >= 0) & (flat + move < _written(stream))]
    inside = np.count_nonzero(~unread[places])
    if votes < 0.8 * inside or votes < 3:
        return (), ""
    return (move,), f"{votes} of {flat.size} bright values are found again, all at the same displacement"


def _moves_by_correlation(pair: ImagePair, stream: np.ndarray) -> tuple[tuple[int, ...], str]:
    """The same for an image that holds every value several times, as one that is its own mirror image does: where the
    steps from value to value are most alike in the two streams. Steps, as a nearly constant image is like itself
    wherever it is laid; and what the reference never has counts for no more than its largest step. Most alike first:
    rows that are like their neighbours are alike a row further too."""
    if pair.x.size > _MOST_CORRELATED or stream.size < 2:
        return (), ""
    low, high = float(pair.x.min()), float(pair.x.max())
    if not high > low:
        return (), ""
    theirs = np.clip(np.nan_to_num(stream.astype(np.float64), nan=low, posinf=low, neginf=low), low, high)
    ours, theirs = (np.diff(values) / (high - low) for values in (pair.x.ravel(), theirs))
    alike = signal.fftconvolve(theirs, ours[::-1])
    best = np.argpartition(alike, -_MOST_ALIKE)[-_MOST_ALIKE:] if alike.size > _MOST_ALIKE else np.arange(alike.size)
    best = best[np.argsort(-alike[best], kind="stable")] - (ours.size - 1)
    return tuple(best.tolist()), "the two files are nearly most alike there, and the same"


def _written(stream: np.ndarray) -> int:
    """How many values there are up to the last that is not zero: where the end of a file is lost, it says nothing."""
    return int(np.max(np.flatnonzero(stream), initial=-1)) + 1


def _starts_moved(pair: ImagePair, stream: np.ndarray, move: int) -> bool:
    """Whether half of some thousand measured values, evenly taken, are found again so far along."""
    at = np.arange(max(0, -move), min(pair.x.size, stream.size - move), max(1, pair.x.size // 2000))
    at = at[pair.measured.ravel()[at]]
    with np.errstate(invalid="ignore"):
        close = np.abs(stream[at + move] - pair.x.ravel()[at]) <= 1e-6 * pair.peak
    return bool(2 * np.count_nonzero(close) >= close.size)


def _moved_data_agree(pair: ImagePair, stream: np.ndarray, unread: np.ndarray, move: int) -> bool:
    x, size = pair.x.ravel(), _written(stream)
    first, count = max(0, -move), max(0, min(x.size, size - move) - max(0, -move))
    ours, theirs = x[first:first + count], stream[first + move:first + move + count]
    known = ~unread[first + move:first + move + count] & pair.measured.ravel()[first:first + count]
    with np.errstate(invalid="ignore"):
        close = (np.abs(theirs - ours) <= 1e-6 * pair.peak)[known]
    return bool(np.count_nonzero(close) >= 0.999 * close.size) and close.size > 10


def _along_file(pair: ImagePair, move: int) -> bool:
    """Whether values moved along the file, which carries them over the ends of rows; a shifted array has zeros there,
    or its own other side. Where both would give the same pixels, only what now stands in the place of the first values
    tells: a header is bytes of its own, a shifted array has nothing there, or its own other end. Values that were
    lost at the front leave nothing to look at, and whole rows of those are a shift as well."""
    columns = (move + pair.fast // 2) % pair.fast - pair.fast // 2
    if columns:
        rolled, known = (np.roll(values.ravel(), move).reshape(pair.x.shape) for values in (pair.x, pair.measured))
        edge = np.s_[:, columns:] if columns < 0 else np.s_[:, :columns]
        found, expected = pair.y[edge].ravel(), rolled[edge].ravel()
        lit = expected > 1e-6 * pair.peak  # what is fainter is as good as nothing
        lit &= (known & pair.measured)[edge].ravel()
        if lit.any():
            return float(np.median(np.abs(found[lit] - expected[lit]) / expected[lit])) < 1e-3
    return move > 0 and _bytes_of_its_own(pair, move)


def _bytes_of_its_own(pair: ImagePair, count: int) -> bool:
    """Whether the first values of the subject are neither zero nor the reference's last ones, nor such as pixels beside
    them are: rows that were rendered, as after a move of the beam centre."""
    there = pair.measured.ravel()[:count] & pair.measured.ravel()[pair.x.size - count:]
    entered, left = pair.subject.ravel()[:count][there], pair.x.ravel()[pair.x.size - count:][there]
    if not np.ascontiguousarray(entered).view(np.uint32).any():
        return False
    with np.errstate(invalid="ignore"):
        if (np.abs(entered - left) <= 1e-6 * pair.peak).all():
            return False
        beside = pair.subject.ravel()[count:2 * count + pair.fast]
        beside = beside[beside > 0]
        if beside.size == 0:
            return True
        alike = (entered >= beside.min() / _AS_PIXELS) & (entered <= beside.max() * _AS_PIXELS)
        return bool(np.count_nonzero(alike | (entered == 0)) < 0.95 * entered.size)


def _row_length(pair: ImagePair, markers: tuple[np.ndarray, np.ndarray]) -> Iterator[Cause]:
    """Rows written closer together or further apart than they are read."""
    flat, values = markers
    found = _found_again(values, pair.y.ravel())
    there = found >= 0
    if np.count_nonzero(there) < 4:
        return
    rows, columns = np.divmod(flat[there], pair.fast)
    if np.unique(rows).size < 2:
        return
    table = np.stack((rows, np.ones_like(rows)), axis=1).astype(float)
    solution, *_ = np.linalg.lstsq(table, (found[there] - columns).astype(float), rcond=None)
    length, start = int(round(solution[0])), int(round(solution[1]))
    if length == pair.fast or length < 2 or abs(start) > pair.x.size:
        return
    fits = np.abs(rows * length + columns + start - found[there]) == 0
    if np.count_nonzero(fits) < 0.9 * fits.size or not _rows_agree(pair, length, start):
        return
    how = "as if fast and slow sizes were exchanged" if length == pair.slow else "a wrong shape or padding"
    yield proved(causes.WRONG_STRIDE, f"the subject's rows are {length} values long, not {pair.fast}: {how}",
                 f"{np.count_nonzero(fits)} of {fits.size} bright values are found again at that row length",
                 what=f"row length {length}", prior=0.9)


def _rows_agree(pair: ImagePair, length: int, start: int) -> bool:
    """Whether all of the reference, written in rows of a length from a place on, is in the subject."""
    kept = min(length, pair.fast)
    places = start + length * np.arange(pair.slow)[:, None] + np.arange(kept)
    inside = (places >= 0) & (places < pair.y.size) & pair.measured[:, :kept]
    if np.count_nonzero(inside) < 0.3 * np.count_nonzero(pair.measured):
        return False
    inside[inside] = pair.measured.ravel()[places[inside]]
    if np.count_nonzero(inside) < 0.1 * np.count_nonzero(pair.measured):
        return False
    close = np.abs(pair.y.ravel()[places[inside]] - pair.x[:, :kept][inside]) <= 1e-6 * pair.peak
    return bool(np.count_nonzero(close) >= 0.999 * close.size)


def _row_length_tried(pair: ImagePair) -> Iterator[Cause]:
    """The same where no pixel has a value of its own: lengths near the right one, and that of a column, are tried."""
    rows, columns = np.divmod(np.flatnonzero(np.abs(pair.x.ravel()) > 1e-4 * pair.peak), pair.fast)
    if np.unique(rows).size < _FEWEST_ROWS:
        return
    y, values = pair.y.ravel(), pair.x[rows, columns]
    for length in dict.fromkeys((*(pair.fast + step for by in range(1, _LENGTHS) for step in (-by, by)), pair.slow)):
        places = rows * length + columns
        inside = (columns < length) & (places < y.size)
        inside[inside] = pair.measured.ravel()[places[inside]]
        if length == pair.fast or np.count_nonzero(inside) < 0.5 * rows.size:
            continue
        if float(np.abs(y[places[inside]] - values[inside]).max()) <= 1e-6 * pair.peak:
            yield proved(causes.WRONG_STRIDE, f"the subject's rows are {length} values long, not {pair.fast}",
                         "read so, all lit pixels of the reference are found again", what=f"row length {length}",
                         prior=0.9)
            return


FINDERS = (find_bytes,)
