"""Data causes that lie in the file or in the region written: parts missing, bytes swapped or displaced, masks.

Values are found again by value, to the rounding of two programs, so that a file read at a wrong place or with a
wrong row length is recognised whatever the shift is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.case.arguments.command import rendered_region
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, carried_out
from nbcompare.explain.diagnose.image_pair import ImagePair, largest
from nbcompare.explain.diagnose.mask_file import excluded_pixels
from nbcompare.explain.diagnose.question import Question

_MARKERS = 60
_FEWEST_ROWS, _LENGTHS = 5, 9
"""A row length is tried where so many rows are lit, up to so many pixels from the right one."""


def _cause(id: str, sentence: str, *evidence: str, what: str, prior: float = 0.8) -> Cause:
    return carried_out(id, sentence, evidence, residual=0.0, left=0.0, what=what, confidence=0.98, prior=prior)


# --- parts that are zero ----------------------------------------------------------------------------------------


def find_lost_parts(question: Question) -> Iterator[Cause]:
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    yield from _mask_causes(question)
    lost = (pair.subject == 0) & (pair.reference != 0) & ~pair.same
    extra = (pair.reference == 0) & (pair.subject != 0) & ~pair.same
    rendered = pair.reference.any() and question.command.has("-roi")
    if extra.any() and not lost.any() and rendered and _beyond(question, extra) and pair.same_but(extra):
        yield from _roi_extra(question, extra)
    if not lost.any() or (pair.subject == 0).all() or not pair.same_but(lost | extra):
        return
    if extra.any():
        yield from _roi_moved(question, lost, extra)
    else:
        yield from _zero_region(question, lost)


def _zero_region(question: Question, lost: np.ndarray) -> Iterator[Cause]:
    """Name the shape of a region that is zero in the subject and not in the reference."""
    pair, zero = question.pair, question.pair.subject == 0
    same = "everything else is the same in both images"
    flat = np.flatnonzero(lost)
    first, last = int(flat[0]), int(flat[-1])
    total = lost.size
    if zero.ravel()[first:].all() and first > 0:
        row, column = divmod(first, pair.fast)
        yield _cause(causes.TRUNCATED,
                     f"the subject is zero from x={column} y={row} (value {first} of {total}) to the end "
                     "of the file", same, what=f"zero from value {first} on", prior=0.9)
        return
    if zero.ravel()[:last + 1].all() and last < total - 1:
        yield _cause(causes.HEAD_LOST, f"the subject's first {last + 1} values are zero", same,
                     what=f"zero up to value {last}", prior=0.85)
        return
    kept_y, kept_x = _box(~zero & (pair.reference != 0))
    if question.command.has("-roi"):
        ref_y, ref_x = _box(pair.reference != 0)
        moved = [f"{name} {ours} instead of {theirs}" for name, ours, theirs in (
            ("xmin", kept_x[0], ref_x[0]), ("xmax", kept_x[1], ref_x[1]), ("ymin", kept_y[0], ref_y[0]),
            ("ymax", kept_y[1], ref_y[1])) if ours != theirs]
        if moved and max(np.abs(np.subtract((*kept_y, *kept_x), (*ref_y, *ref_x)))) <= 1:
            yield _cause(causes.ROI_OFF_BY_ONE, f"the region rendered is off by one: {', '.join(moved)}", same,
                         what="region off by one", prior=0.92)
            return
    outside = np.ones_like(lost)
    outside[kept_y[0]:kept_y[1] + 1, kept_x[0]:kept_x[1] + 1] = False
    if outside.any() and not (lost & ~outside).any():
        yield _cause(causes.ROI_ONLY, f"the subject holds only x {kept_x[0]}..{kept_x[1]}, y {kept_y[0]}..{kept_y[1]}; "
                     "outside it is zero", same, what="only a region kept", prior=0.85)
        return
    (y0, y1), (x0, x1) = _box(lost)
    if zero[y0:y1 + 1, x0:x1 + 1].all():
        yield _cause(*_block(pair, y0, y1, x0, x1), same, what=f"zero in x {x0}..{x1}, y {y0}..{y1}", prior=0.85)
        return
    rows, columns = lost.any(axis=1), lost.any(axis=0)
    for lines, axis, name in ((rows, 1, "rows"), (columns, 0, "columns")):
        if zero.all(axis=axis)[lines].all() and np.count_nonzero(lines) < lines.size // 2:
            yield _cause(causes.LINES_LOST, f"{np.count_nonzero(lines)} {name} of the subject are zero, the first "
                         f"{int(np.argmax(lines))}", same, what=f"{name} set to zero", prior=0.8)
            return


def _block(pair: ImagePair, y0: int, y1: int, x0: int, x1: int) -> tuple[str, str]:
    if x1 - x0 + 1 >= pair.fast - 1:
        return causes.LINES_LOST, f"rows {y0} to {y1} of the subject are zero"
    if y1 - y0 + 1 >= pair.slow - 1:
        return causes.LINES_LOST, f"columns {x0} to {x1} of the subject are zero"
    return causes.HOLE, f"the subject is zero in x {x0}..{x1}, y {y0}..{y1}"


def _box(mask: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """((first row, last row), (first column, last column)) of what is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))


def _beyond(question: Question, extra: np.ndarray) -> bool:
    """Whether what only the subject holds lies outside the region of -roi, all of it: what comes up within was dark for
    another reason."""
    return not extra[rendered_region(question.argv, question.shape).slices].any()


def _roi_extra(question: Question, extra: np.ndarray) -> Iterator[Cause]:
    """The subject rendered more than the region: one line more, or everything."""
    pair = question.pair
    ref_y, ref_x = _box(pair.reference != 0)
    sub_y, sub_x = _box(pair.subject != 0)
    off = [abs(a - b) for ours, theirs in ((sub_y, ref_y), (sub_x, ref_x)) for a, b in zip(ours, theirs, strict=True)]
    same = "inside the region both images are the same"
    if max(off) <= 1:
        yield _cause(causes.ROI_OFF_BY_ONE,
                     f"the subject's region is x {sub_x[0]}..{sub_x[1]}, y {sub_y[0]}..{sub_y[1]}; the "
                     f"reference's is x {ref_x[0]}..{ref_x[1]}, y {ref_y[0]}..{ref_y[1]}", same,
                     what="region off by one", prior=0.92)
    else:
        yield _cause(causes.ROI_IGNORED, f"the subject holds {int(np.count_nonzero(extra))} pixels outside -roi", same,
                     what="region ignored", prior=0.92)


def _roi_moved(question: Question, lost: np.ndarray, extra: np.ndarray) -> Iterator[Cause]:
    """A region rendered elsewhere: some lines lost, others gained."""
    if not question.command.has("-roi"):
        return
    pair = question.pair
    both = int(np.count_nonzero((pair.reference != 0) & (pair.subject != 0)))
    if 2 * both < min(np.count_nonzero(pair.reference), np.count_nonzero(pair.subject)):
        return  # what is zero in one of them or in both is the same in any two images
    ref_y, ref_x = _box(pair.reference != 0)
    sub_y, sub_x = _box(pair.subject != 0)
    both_held = tuple(slice(max(ours[0], theirs[0]), min(ours[1], theirs[1]) + 1)
                      for ours, theirs in ((ref_y, sub_y), (ref_x, sub_x)))
    changed = lost | extra
    if not changed[both_held].any() and pair.same_but(changed):  # within both regions nothing is lost or gained
        yield _cause(causes.ROI_OFF_BY_ONE,
                     f"the subject's region is x {sub_x[0]}..{sub_x[1]}, y {sub_y[0]}..{sub_y[1]}; the "
                     f"reference's is x {ref_x[0]}..{ref_x[1]}, y {ref_y[0]}..{ref_y[1]}",
                     f"at {both} pixels both hold a value, and it is the same", what="region moved", prior=0.92)


def _mask_causes(question: Question) -> Iterator[Cause]:
    pair, path = question.pair, question.files.get("-mask")
    excluded = excluded_pixels(path, pair.reference) if path else None
    if excluded is None:
        return
    shown = excluded & (pair.subject != 0)
    lost = ~excluded & (pair.subject == 0) & (pair.reference != 0)
    if shown.any() and not lost.any() and pair.same_but(excluded):
        yield _cause(causes.MASK_IGNORED,
                     f"{int(np.count_nonzero(shown))} pixels that -mask excludes hold values in the "
                     "subject",
                     "all other pixels are the same", what="mask ignored", prior=0.95)
    elif shown.any() and (pair.subject[~excluded] == 0).all():
        yield _cause(causes.MASK_INVERTED, "the subject rendered exactly the pixels that -mask excludes",
                     what="mask inverted", prior=0.95)
    elif (shown.any() or lost.any()) and pair.same_but(shown | lost):
        yield _cause(causes.MASK_WRONG, f"{int(np.count_nonzero(shown))} excluded pixels hold values and "
                     f"{int(np.count_nonzero(lost))} others are zero", "all other pixels are the same",
                     what="another mask", prior=0.9 if shown.any() else 0.5)


# --- bytes --------------------------------------------------------------------------------------------------------


def find_bytes(question: Question) -> Iterator[Cause]:
    """Byte order, words of another width, data displaced by a header, rows of another length."""
    pair = question.pair
    if pair.agree:
        return
    with np.errstate(invalid="ignore", over="ignore"):
        first = pair.subject[pair.sample].byteswap().astype(np.float64)
        near = bool((np.abs(first - pair.x[pair.sample]) <= 1e-5 * pair.peak).all())
        if near and _is_reference(pair, pair.subject.byteswap().astype(np.float64)):
            yield _cause(causes.WRONG_ENDIAN, "with its bytes swapped the subject is the reference",
                         what="bytes swapped", prior=0.98)
            return
    yield from _other_words(pair)
    markers = _markers(pair)
    if markers is not None:
        yield from _displaced(pair, markers)
        yield from _row_length(pair, markers)
    else:
        yield from _row_length_tried(pair)


def _is_reference(pair: ImagePair, candidate: np.ndarray, part: slice = slice(None)) -> bool:
    """Whether values are the reference's, in file order."""
    x = pair.x.ravel()[part]
    if x.size == 0 or not np.isfinite(candidate).all():
        return False
    return float(np.abs(candidate.ravel() - x).max()) <= 1e-6 * pair.peak


_BEYOND_INT32 = (-(2.0**31), 2.0**31 - 1)


def _other_words(pair: ImagePair) -> Iterator[Cause]:
    raw = pair.subject.tobytes()
    with np.errstate(invalid="ignore", over="ignore"):
        doubles = np.frombuffer(raw, "<f8", len(raw) // 8)
        told = np.abs(pair.x.ravel()[:doubles.size]) > 1e-5 * pair.peak  # next to nothing is like next to nothing
        if told.any() and _starts_like(pair, doubles) and _is_reference(pair, doubles, slice(0, doubles.size)):
            yield _cause(causes.FLOAT64_BYTES,
                         "the subject's bytes are 8-byte floats: read so, they are the first half of the "
                         "reference",
                         what="doubles read as floats", prior=0.95)
        for kind, width in (("<i4", 4), ("<u2", 2)):
            words = np.frombuffer(raw, kind, min(len(raw) // width, pair.x.size, 1_000_000)).astype(np.float64)
            x = pair.x.ravel()[:words.size]
            if not (np.rint(x).any() and words.any()):
                continue
            said = f"the subject's bytes are {8 * width}-bit integers read as floats"
            scale = float(words.sum() / x.sum()) if x.sum() else 1.0
            over = (x >= 2.0**31) & np.isin(words, _BEYOND_INT32)  # what no such integer can hold
            off = np.where(over, 0, words - np.rint(x))
            if (np.abs(off) <= 1 + 1e-6 * np.abs(x)).all():
                yield _cause(causes.INTEGER_BYTES, said, what="integers read as floats", prior=0.9)
            elif float(np.abs(words - scale * x).max()) <= 1 < float(words.max()):
                yield _cause(causes.INTEGER_BYTES, f"{said}, {scale:.6g} times the reference",
                             what="integers read as floats", prior=0.9)


def _starts_like(pair: ImagePair, values: np.ndarray) -> bool:
    """Whether some thousand values, evenly taken, are the reference's."""
    at = np.arange(0, values.size, max(1, values.size // 2000))
    return bool((np.abs(values[at] - pair.x.ravel()[at]) <= 1e-6 * pair.peak).all())


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


def _displaced(pair: ImagePair, markers: tuple[np.ndarray, np.ndarray]) -> Iterator[Cause]:
    """All data moved by the same number of bytes along the file."""
    flat, values = markers
    raw = pair.subject.tobytes()
    for skew in range(4):
        stream = np.frombuffer(raw, "<f4", (len(raw) - skew) // 4, skew)
        with np.errstate(invalid="ignore"):
            found = _found_again(values, stream)
        there = found >= 0
        if np.count_nonzero(there) < 3:
            continue
        moves, counts = np.unique(found[there] - flat[there], return_counts=True)
        move, votes = int(moves[np.argmax(counts)]), int(counts.max())
        shift = 4 * move + skew
        inside = np.count_nonzero((flat + move >= 0) & (flat + move < _written(stream)))
        if shift == 0 or votes < 0.8 * inside or votes < 3:
            continue
        if not _moved_data_agree(pair, stream, move) or (skew == 0 and not _along_file(pair, move)):
            continue
        where = f"{shift} bytes stand before the data" if shift > 0 else f"the first {-shift} bytes of data are missing"
        yield _cause(causes.HEADER_BYTES, f"the subject's data is displaced by {shift:+d} bytes: {where}",
                     f"{votes} of {flat.size} bright values are found again, all at the same displacement",
                     what=f"displaced by {shift} bytes", prior=0.9 if shift % 4 or abs(move) > 8 else 0.75)
        return


def _written(stream: np.ndarray) -> int:
    """How many values there are up to the last that is not zero: where the end of a file is lost, it says nothing."""
    return int(np.max(np.flatnonzero(stream), initial=-1)) + 1


def _moved_data_agree(pair: ImagePair, stream: np.ndarray, move: int) -> bool:
    x, size = pair.x.ravel(), _written(stream)
    ours = x[max(0, -move):min(x.size, size - move)]
    theirs = stream[max(0, move):max(0, move) + ours.size]
    with np.errstate(invalid="ignore"):
        close = np.abs(theirs - ours[:theirs.size]) <= 1e-6 * pair.peak
    return bool(np.count_nonzero(close) >= 0.999 * close.size) and close.size > 10


def _along_file(pair: ImagePair, move: int) -> bool:
    """Whether values moved along the file, which carries them over the ends of rows; a shifted array has zeros there,
    or its own other side. Where both would give the same pixels, only what now stands in the place of the first values
    tells: a header is bytes of its own, a shifted array has nothing there, or its own other end. Values that were
    lost at the front leave nothing to look at, and whole rows of those are a shift as well."""
    columns = (move + pair.fast // 2) % pair.fast - pair.fast // 2
    if columns:
        rolled = np.roll(pair.x.ravel(), move).reshape(pair.x.shape)
        edge = np.s_[:, columns:] if columns < 0 else np.s_[:, :columns]
        found, expected = pair.y[edge].ravel(), rolled[edge].ravel()
        lit = expected > 1e-6 * pair.peak  # what is fainter is as good as nothing
        if lit.any():
            return float(np.median(np.abs(found[lit] - expected[lit]) / expected[lit])) < 1e-3
    return move > 0 and _bytes_of_its_own(pair, move)


def _bytes_of_its_own(pair: ImagePair, count: int) -> bool:
    """Whether the first values of the subject are neither zero nor the reference's last ones."""
    entered, left = pair.subject.ravel()[:count], pair.x.ravel()[pair.x.size - count:]
    if not np.ascontiguousarray(entered).view(np.uint32).any():
        return False
    with np.errstate(invalid="ignore"):
        return not bool((np.abs(entered - left) <= 1e-6 * pair.peak).all())


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
    yield _cause(causes.WRONG_STRIDE, f"the subject's rows are {length} values long, not {pair.fast}: {how}",
                 f"{np.count_nonzero(fits)} of {fits.size} bright values are found again at that row length",
                 what=f"row length {length}", prior=0.9)


def _rows_agree(pair: ImagePair, length: int, start: int) -> bool:
    """Whether all of the reference, written in rows of a length from a place on, is in the subject."""
    kept = min(length, pair.fast)
    places = start + length * np.arange(pair.slow)[:, None] + np.arange(kept)
    inside = (places >= 0) & (places < pair.y.size)
    if np.count_nonzero(inside) < 0.3 * places.size:
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
        if length == pair.fast or np.count_nonzero(inside) < 0.5 * rows.size:
            continue
        if float(np.abs(y[places[inside]] - values[inside]).max()) <= 1e-6 * pair.peak:
            yield _cause(causes.WRONG_STRIDE, f"the subject's rows are {length} values long, not {pair.fast}",
                         "read so, all lit pixels of the reference are found again", what=f"row length {length}",
                         prior=0.9)
            return


FINDERS = (find_lost_parts, find_bytes)
