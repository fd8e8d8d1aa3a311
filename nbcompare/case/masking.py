"""Which pixels of a case's images are no measurement, and what becomes of pixels that are no number.

    mask: {below: 0, equals: [-1, -2], nan: both, file: gaps.cbf, subject: {above: 1e6}}
    nan: compare

Rules hold for both images, or for the one whose role is named; each is laid on that image's own values. ``file`` names
an input of the case, whose pixels that are not zero are masked in both images. Gaps that an image file itself states
are masked too. A pixel that is masked in either image takes part in no figure of either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.parts import known_word
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.compare.masks import MaskRules
from nbcompare.errors import ShapeError, UsageError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image
from nbcompare.later import np

FAIL, COMPARE = "fail", "compare"
NAN_POLICIES = (FAIL, COMPARE)
"""Pixels of an engine that are NaN or infinite are its failure, or are left out of the figures and counted."""

BOTH = "both"
_RULES = ("below", "above", "equals")


NO_RULES = MaskRules()
AS_IT_IS = Declared()


@dataclass(frozen=True)
class Masking:
    """The rules of each image, and the input that holds a mask for both, with how it is read."""

    reference: MaskRules = NO_RULES
    subject: MaskRules = NO_RULES
    file: str | None = None
    read: Declared = AS_IT_IS

    @property
    def any(self) -> bool:
        """Whether anything is masked."""
        return self != NO_MASKING

    def rules(self, role: str) -> MaskRules:
        return {REFERENCE: self.reference, SUBJECT: self.subject}[role]

    def applied(self, role: str, image: np.ndarray, stated: np.ndarray | None, inputs: Path) -> np.ndarray:
        """The image of a role, as a masked array where anything is masked; ``stated`` is the mask of its own file,
        ``inputs`` the folder where the mask file lies. Raises ShapeError for a mask file of another shape."""
        if stated is None and not self.any:
            return image
        masked = self.rules(role).of(image)
        if stated is not None:
            masked |= stated
        if self.file:
            masked |= self._given(image.shape, inputs / self.file)
        return np.ma.MaskedArray(image, masked)

    def _given(self, shape: tuple[int, ...], path: Path) -> np.ndarray:
        given: np.ndarray = read_image(path, self.read).pixels != 0
        if given.shape != shape:
            raise ShapeError(f"the mask {path.name} is {given.shape[1]} x {given.shape[0]} pixels (fast x slow), the "
                             f"image {shape[1]} x {shape[0]}")
        return given

    def as_dict(self) -> dict[str, Any]:
        return {"reference": self.reference.as_dict(), "subject": self.subject.as_dict(), "file": self.file,
                "read": self.read.as_dict()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Masking:
        read = dict(stored["read"])
        if "shape" in read:
            read["shape"] = tuple(read["shape"])
        return cls(MaskRules.from_dict(stored["reference"]), MaskRules.from_dict(stored["subject"]), stored["file"],
                   Declared(**read))


NO_MASKING = Masking()


def masking_of(cursor: Cursor | None, inputs: Collection[str]) -> Masking:
    """The section ``mask``; ``inputs`` are the names of the case's. Raises CaseError with its place."""
    if cursor is None:
        return NO_MASKING
    entries = cursor.mapping(known=(*_RULES, "nan", "file", "read", REFERENCE, SUBJECT))
    both = _rules(entries)
    nan = known_word(entries["nan"], (BOTH, REFERENCE, SUBJECT), "image") if "nan" in entries else ""
    found = {role: _joined(both, _of_role(entries.get(role)), nan in (BOTH, role)) for role in (REFERENCE, SUBJECT)}
    file = known_word(entries["file"], inputs, "input") if "file" in entries else None
    read = _read(entries["read"]) if "read" in entries else AS_IT_IS
    if "read" in entries and file is None:
        raise entries["read"].error("read says how the mask's file is read, and no file is named")
    made = Masking(found[REFERENCE], found[SUBJECT], file, read)
    if not made.any:
        raise cursor.error("mask must hold a rule or a file, or be left out")
    return made


def nan_of(cursor: Cursor | None) -> str:
    """The word of ``nan``: fail or compare."""
    return known_word(cursor, NAN_POLICIES, "word for nan") if cursor else FAIL


def _of_role(cursor: Cursor | None) -> MaskRules:
    return _rules(cursor.mapping(known=_RULES)) if cursor else NO_RULES


def _rules(entries: Mapping[str, Cursor]) -> MaskRules:
    below, above = (entries[key].number() if key in entries else None for key in ("below", "above"))
    if below is not None and above is not None and below > above:
        raise entries["below"].error(f"below {below:g} and above {above:g} mask every pixel")
    equals: tuple[float, ...] = ()
    if "equals" in entries:
        at = entries["equals"]
        equals = tuple(entry.number() for entry in at.items()) if at.kind == "list" else (at.number(),)
    return MaskRules(below, above, equals)


def _joined(both: MaskRules, own: MaskRules, nan: bool) -> MaskRules:
    """The rules of both images with those of one, which stand before them."""
    return replace(both, below=both.below if own.below is None else own.below,
                   above=both.above if own.above is None else own.above, equals=(*both.equals, *own.equals), nan=nan)


def _read(cursor: Cursor) -> Declared:
    try:
        return Declared.of(cursor.text(), "read")
    except UsageError as fault:
        raise cursor.error(fault.message) from None
