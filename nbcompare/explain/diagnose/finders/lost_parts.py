"""Data causes that lie in the region written: parts that are zero, a region of another size or place, masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nbcompare.case.arguments.command import rendered_region
from nbcompare.engine.describe import DescriptionRefused
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import GUESS_CONFIDENCE, Cause, carried_out
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.mask_file import excluded_pixels
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.reflection_table import reflection_table

_FEW_PIXELS, _SMALL_PART, _FEW_REFLECTIONS = 2, 0.05, 2
"""Pixels and the part of a reflection that may be given to its neighbour, as they are told apart at one phi only; and
how many reflections lie in a block, or along an edge, by chance."""
_MAY_BE_F = "no proof: what is zero is all of a few reflections, or all but a few, and none is cut"


def proved(id: str, sentence: str, *evidence: str, what: str, prior: float = 0.8) -> Cause:
    """A cause that was seen in the images to their last pixel."""
    return carried_out(id, sentence, evidence, residual=0.0, left=0.0, what=what, confidence=0.98, prior=prior)


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
    elif _are_reflections(question, lost):
        yield from (replace(cause, proven=False, confidence=GUESS_CONFIDENCE, evidence=(*cause.evidence, _MAY_BE_F))
                    for cause in _zero_region(question, lost))
    else:
        yield from _zero_region(question, lost)


def _are_reflections(question: Question, lost: np.ndarray) -> bool:
    """Whether what is lost may as well be a reflection or two that went out, or all but one or two: none is cut, and so
    few of them lie in a block by chance."""
    try:
        table = reflection_table(question)
    except DescriptionRefused:
        table = None
    if table is None:
        return False
    gone, lit = table.sums(lost), table.sums(question.pair.reference != 0)
    cut = np.minimum(gone, lit - gone) > np.maximum(_FEW_PIXELS, _SMALL_PART * lit)
    whole = np.count_nonzero(gone > lit / 2)
    return not bool(cut.any()) and bool(min(whole, np.count_nonzero(lit) - whole) <= _FEW_REFLECTIONS)


def _zero_region(question: Question, lost: np.ndarray) -> Iterator[Cause]:
    """Name the shape of a region that is zero in the subject and not in the reference."""
    pair, zero = question.pair, question.pair.subject == 0
    same = "everything else is the same in both images"
    flat = np.flatnonzero(lost)
    first, last = int(flat[0]), int(flat[-1])
    total = lost.size
    if zero.ravel()[first:].all() and first > 0:
        row, column = divmod(first, pair.fast)
        yield proved(causes.TRUNCATED,
                     f"the subject is zero from x={column} y={row} (value {first} of {total}) to the end "
                     "of the file", same, what=f"zero from value {first} on", prior=0.9)
        return
    if zero.ravel()[:last + 1].all() and last < total - 1:
        yield proved(causes.HEAD_LOST, f"the subject's first {last + 1} values are zero", same,
                     what=f"zero up to value {last}", prior=0.85)
        return
    kept_y, kept_x = _box(~zero & (pair.reference != 0))
    if question.command.has("-roi"):
        ref_y, ref_x = _box(pair.reference != 0)
        moved = [f"{name} {ours} instead of {theirs}" for name, ours, theirs in (
            ("xmin", kept_x[0], ref_x[0]), ("xmax", kept_x[1], ref_x[1]), ("ymin", kept_y[0], ref_y[0]),
            ("ymax", kept_y[1], ref_y[1])) if ours != theirs]
        if moved and max(np.abs(np.subtract((*kept_y, *kept_x), (*ref_y, *ref_x)))) <= 1:
            yield proved(causes.ROI_OFF_BY_ONE, f"the region rendered is off by one: {', '.join(moved)}", same,
                         what="region off by one", prior=0.92)
            return
    outside = np.ones_like(lost)
    outside[kept_y[0]:kept_y[1] + 1, kept_x[0]:kept_x[1] + 1] = False
    if outside.any() and not (lost & ~outside).any():
        yield proved(causes.ROI_ONLY, f"the subject holds only x {kept_x[0]}..{kept_x[1]}, y {kept_y[0]}..{kept_y[1]}; "
                     "outside it is zero", same, what="only a region kept", prior=0.85)
        return
    (y0, y1), (x0, x1) = _box(lost)
    if zero[y0:y1 + 1, x0:x1 + 1].all():
        yield proved(*_block(pair, y0, y1, x0, x1), same, what=f"zero in x {x0}..{x1}, y {y0}..{y1}", prior=0.85)
        return
    rows, columns = lost.any(axis=1), lost.any(axis=0)
    for lines, axis, name in ((rows, 1, "rows"), (columns, 0, "columns")):
        if zero.all(axis=axis)[lines].all() and np.count_nonzero(lines) < lines.size // 2:
            yield proved(causes.LINES_LOST, f"{np.count_nonzero(lines)} {name} of the subject are zero, the first "
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
        yield proved(causes.ROI_OFF_BY_ONE,
                     f"the subject's region is x {sub_x[0]}..{sub_x[1]}, y {sub_y[0]}..{sub_y[1]}; the "
                     f"reference's is x {ref_x[0]}..{ref_x[1]}, y {ref_y[0]}..{ref_y[1]}", same,
                     what="region off by one", prior=0.92)
    else:
        yield proved(causes.ROI_IGNORED, f"the subject holds {int(np.count_nonzero(extra))} pixels outside -roi", same,
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
        yield proved(causes.ROI_OFF_BY_ONE,
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
        yield proved(causes.MASK_IGNORED,
                     f"{int(np.count_nonzero(shown))} pixels that -mask excludes hold values in the "
                     "subject",
                     "all other pixels are the same", what="mask ignored", prior=0.95)
    elif shown.any() and (pair.subject[~excluded] == 0).all():
        yield proved(causes.MASK_INVERTED, "the subject rendered exactly the pixels that -mask excludes",
                     what="mask inverted", prior=0.95)
    elif (shown.any() or lost.any()) and pair.same_but(shown | lost):
        yield proved(causes.MASK_WRONG, f"{int(np.count_nonzero(shown))} excluded pixels hold values and "
                     f"{int(np.count_nonzero(lost))} others are zero", "all other pixels are the same",
                     what="another mask", prior=0.9 if shown.any() else 0.5)


FINDERS = (find_lost_parts,)
