"""What may be called proven: the rules that every proof has to pass, whoever made it; and causes in their order.

A person signs what is called proven, so that it has to leave no more of the difference than noise does, on images that
say enough, and nothing of another kind may do as well. What falls short of that is a guess that says why, and names
what it cannot be told from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbcompare.explain.diagnose.cause import AS_WELL, EXPLAINED, GUESS_CONFIDENCE, TO_BE_TOLD, Cause, guess
from nbcompare.explain.diagnose.causes import (
    BACKGROUND_OFFSET,
    BFLOAT16_ROUNDING,
    CLIPPED,
    CONSTANT_IMAGE,
    FLOAT16_ROUNDING,
    FLOORED,
    INTEGER_BYTES,
    INTEGER_IMAGE,
    INTEGER_OVERFLOW,
    INTEGER_ROUNDING,
    LOGARITHM,
    MANTISSA_ROUNDING,
    NAN_PIXELS,
    POWER_LAW,
    QUANTISED,
    SCALE_AND_OFFSET,
    SHAPE_DIFFERS,
    SIGN_FLIPPED,
    SMALL_VALUES_LOST,
    STALE_IMAGE,
    TEXT_DIGITS,
    TRAILING_BYTES,
    WRONG_ENDIAN,
    ZERO_IMAGE,
)

UNRESOLVED = 0.01
"""Noise of more than this share of the difference hides what would tell one cause from another."""

FEWEST_PIXELS = 10
"""Of fewer pixels, nearly any cause makes nearly any others."""

_ROUNDINGS = 3
"""So many times what rounding leaves on average an edit may leave."""

_MECHANISMS = ("geometry", "physics")
"""Classes of causes that say how an image came about; the others say what is seen in it, and both may be true."""

_THERE_TO_SEE = frozenset((NAN_PIXELS, ZERO_IMAGE, CONSTANT_IMAGE, TRAILING_BYTES, SHAPE_DIFFERS, STALE_IMAGE))
"""Causes that say nothing but what stands in the file: these need no second pixel."""

_OF_VALUES = frozenset((CLIPPED, FLOORED, SMALL_VALUES_LOST, INTEGER_OVERFLOW, SIGN_FLIPPED, POWER_LAW, LOGARITHM,
                        BACKGROUND_OFFSET, SCALE_AND_OFFSET, FLOAT16_ROUNDING, BFLOAT16_ROUNDING, MANTISSA_ROUNDING,
                        INTEGER_ROUNDING, QUANTISED, INTEGER_IMAGE, TEXT_DIGITS, INTEGER_BYTES, WRONG_ENDIAN))
"""Causes of the data that are functions of a pixel's value: pixels of one value are one witness of them."""


@dataclass(frozen=True)
class Resolution:
    """What two images can tell: ``floor`` is the share of their difference that rounding alone leaves, ``values`` how
    many pixels are told apart by their values, ``lit`` how many are not zero in one of them (both counted no further
    than ``FEWEST_PIXELS``)."""

    floor: float = 0.0
    values: int = FEWEST_PIXELS
    lit: int = FEWEST_PIXELS

    def witnesses(self, cause: Cause) -> int:
        """How many pixels speak for a cause independently: by their places, where it moves or loses pixels as they are,
        else by their values."""
        by_place = cause.kind == "data" and cause.id not in _OF_VALUES or (
            cause.kind == "geometry" and (cause.edit or {}).get("kind") == "image")
        return self.lit if by_place else self.values


def ranked(causes: Sequence[Cause], resolution: Resolution | None = None) -> tuple[Cause, ...]:
    """Best first, one cause per id. Those that stand beside each other as giving the same image are rivals, proven or,
    where the images do not say enough for a proof, guessed."""
    told = resolution or Resolution()
    best: dict[str, Cause] = {}
    for cause in sorted(_undecided(_outdone(causes, told.floor)), key=lambda cause: cause.order):
        best.setdefault(cause.id, cause)
    ordered = list(best.values())
    proven = [cause.id for cause in ordered if cause.proven and not cause.part]
    ordered = [replace(cause, rivals=tuple(id for id in proven if id != cause.id)) if cause.id in proven else cause
               for cause in ordered]
    held = [_doubted(cause, reason, cause.rivals) if cause.proven and (reason := _falls_short(cause, told)) else cause
            for cause in _seen_as_well(ordered)]
    return tuple(sorted(held, key=lambda cause: cause.order))


def _doubted(cause: Cause, reason: str, rivals: Sequence[str]) -> Cause:
    """The cause as a guess, as good as one can be, which says why it is no more, and what does as well."""
    return replace(cause, proven=False, confidence=GUESS_CONFIDENCE, evidence=(*cause.evidence, f"no proof: {reason}"),
                   rivals=tuple(rivals))


# --- too little said, or too much left -------------------------------------------------------------------------------


def _falls_short(cause: Cause, told: Resolution) -> str | None:
    """Why a cause is no proof, though no pixel speaks against it."""
    count = told.witnesses(cause)
    if cause.kind != "echo" and cause.id not in _THERE_TO_SEE and count < FEWEST_PIXELS:
        return (f"the images hold {count} pixel{'s' if count != 1 else ''} that tell{'s' if count == 1 else ''} "
                f"something, and of fewer than {FEWEST_PIXELS} other causes make the same")
    noise = cause.noise if cause.noise is not None else _ROUNDINGS * told.floor
    left = cause.left or 0.0
    if left > EXPLAINED + noise:
        return f"{_percent(left)} of the difference is left, and rounding leaves no more than {_percent(noise)}"
    if left > EXPLAINED + UNRESOLVED and cause.kind in _MECHANISMS:
        return (f"{_percent(left)} of the difference is left: the images differ by little more than their rounding, "
                "which hides what it was")
    return None


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


# --- something else does as well -------------------------------------------------------------------------------------


def _outdone(causes: Sequence[Cause], floor: float) -> list[Cause]:
    """The causes, of which none is proven that another proven one explains far better: both give the subject to a
    millionth of the peak, but what the better one leaves says how little noise there is, and the other leaves more."""
    least = min((cause.left for cause in causes if cause.proven and cause.left is not None), default=0.0)
    told = []
    for cause in causes:
        noise = 0.5 * floor if least else cause.noise if cause.noise is not None else _ROUNDINGS * floor
        if cause.proven and cause.left and cause.left > max(AS_WELL * least, noise, TO_BE_TOLD):
            better = f"no proof: this leaves {cause.left:.1g} of the difference, another {least:.1g}"
            cause = replace(cause, proven=False, confidence=guess(cause.confidence), evidence=(*cause.evidence, better))
        told.append(cause)
    return told


def _of_a_fit(cause: Cause) -> bool:
    return bool(cause.edit) and (cause.edit or {}).get("source") == "a fit"


def _undecided(causes: Sequence[Cause]) -> list[Cause]:
    """The causes, of which none is proven where one of another class gives the same image: the images cannot say which
    it was. A known mistake stands against numbers that were fitted until they did the same."""
    alone = [cause for cause in causes if cause.proven and not cause.part and cause.kind in _MECHANISMS]
    known = {cause.kind for cause in alone if not _of_a_fit(cause)}
    doubted = [cause for cause in alone if len(known) != 1 or cause.kind not in known]
    if len({cause.kind for cause in alone}) < 2:
        return list(causes)
    same = {cause.id for cause in alone}
    return [_doubted(cause, _of_another_class(same - {cause.id}), sorted(same - {cause.id}))
            if cause in doubted else cause for cause in causes]


def _of_another_class(ids: set[str]) -> str:
    return f"{', '.join(sorted(ids))} gives the same image, and is of another class"


def _seen_as_well(causes: Sequence[Cause]) -> list[Cause]:
    """The causes, of which nothing that says how the image came about is proven where what is seen in it was carried
    out and gives it as well, though that is itself a guess: a corner that went out with a reflection may have been the
    end of the file. Each names the other."""
    seen = {cause.id for cause in causes if cause.tested and not cause.proven and not cause.part
            and cause.kind not in (*_MECHANISMS, "echo") and cause.left == 0.0}
    shown = {cause.id for cause in causes if cause.proven and not cause.part and cause.kind in _MECHANISMS}
    if not seen or not shown:
        return list(causes)
    told = []
    for cause in causes:
        others = sorted((seen | shown) - {cause.id})
        if cause.id in shown:
            cause = _doubted(cause, _of_another_class(seen), others)
        elif cause.id in seen:
            cause = replace(cause, rivals=tuple(others))
        told.append(cause)
    return told
