"""Kinds of defect: what is wrong, how much of it at full strength, and which causes are the right answer.

A kind is a function that seeds one defect into a target. A defect is data: other arguments for the subject, other
input files, and a change of the image that comes out, in any combination. Every number of it is drawn from the
seed of the audit, the kind and the strength, so that a defect can be made again and two audits need not share any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nbcompare.compare.image import Roi, Shape

CLASSES = ("echo", "scale", "geometry", "physics", "data")
ALIKE = 0.1
"""The amount of a defect is drawn within this share about the one asked for."""


class NotApplicable(Exception):
    """A kind of defect that this case cannot have; the message says why."""


@dataclass(frozen=True)
class Target:
    """What defects are seeded into: the subject's arguments, its input files by name, and what it is judged on."""

    argv: tuple[str, ...]
    files: Mapping[str, str]
    shape: Shape
    rois: tuple[Roi, ...]


@dataclass(frozen=True)
class Images:
    """What a change of the image has to work with, float32 [slow, fast]: the subject as it is (``sound``), the one
    that the defect's arguments gave (the same without any)."""

    sound: np.ndarray
    rendered: np.ndarray


@dataclass(frozen=True)
class Defect:
    """One seeded defect.

    ``argv`` are the subject's arguments, ``files`` other texts of input files by name. ``words`` say what was done,
    for a reader. ``empties``: that the image is all zeros is the defect itself. ``parts``: where the arguments hold
    more than one mistake, those that hold each of them alone; without an effect of each it is another kind of defect.
    """

    argv: tuple[str, ...]
    words: str
    files: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[Images], np.ndarray] | None = None
    empties: bool = False
    parts: tuple[tuple[str, ...], ...] = ()


Seed = Callable[[Target, float, np.random.Generator], Defect]


@dataclass(frozen=True)
class Kind:
    """One kind of defect.

    ``full`` is its amount at full strength in ``unit``, None for what is there or is not. ``named_by`` are the ids
    of causes that are right: those that describe this mistake, or another with the very same image. ``echoed``: the
    mistake is one of the subject's setting, which a subject that prints its parameters would print.
    """

    id: str
    group: str
    title: str
    named_by: frozenset[str]
    seed: Seed
    full: float | None = None
    unit: str = ""
    echoed: bool = False

    def amount(self, strength: float, draw: np.random.Generator) -> float:
        """The amount to seed: near the one that the strength asks for; 1 for a kind without amounts."""
        if self.full is None:
            return 1.0
        return self.full * strength * draw.uniform(1 - ALIKE, 1 + ALIKE)


def kind(id: str, group: str, title: str, *, named_by: tuple[str, ...], full: float | None = None, unit: str = "",
         echoed: bool = False) -> Callable[[Seed], Kind]:
    """Make a kind of a function that seeds a defect."""
    if group not in CLASSES:
        raise ValueError(f"{id}: {group} is no class of defects")

    return lambda seed: Kind(id, group, title, frozenset(named_by), seed, full, unit, echoed)


def generator(seed: int, id: str, strength: float) -> np.random.Generator:
    """Random numbers of one defect alone, the same on every machine."""
    digest = hashlib.sha256(f"{seed} {id} {strength!r}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def seeded(entry: Kind, target: Target, strength: float, seed: int) -> tuple[float, Defect]:
    """(amount, defect) of a kind at a strength. Raises NotApplicable when the target cannot have it: the command lacks
    what the defect is made of, or has it in words or files that only an engine makes sense of."""
    draw = generator(seed, entry.id, strength)
    amount = entry.amount(strength, draw)
    try:
        return amount, entry.seed(target, amount, draw)
    except (ArithmeticError, LookupError, ValueError) as fault:
        raise NotApplicable(f"this command gives nothing to make it of: {fault}") from None


def changed(defect: Defect, images: Images) -> np.ndarray:
    """The image with the defect in it. Raises NotApplicable when these images cannot have it, and where it would leave
    nothing but zeros, or no number, of an image: from these nobody tells which defect made them."""
    if defect.change is None:
        return images.rendered
    try:
        with np.errstate(all="ignore"):
            image = defect.change(images)
            nothing = images.rendered.any() and not (image.any() and np.isfinite(image).any())
        if nothing and not defect.empties:
            raise NotApplicable("it leaves nothing of the image")
        return image
    except (ArithmeticError, LookupError, ValueError) as fault:
        raise NotApplicable(f"this image gives nothing to make it of: {fault}") from None


# --- defects of the three forms ----------------------------------------------------------------------------------


def of_image(target: Target, words: str, change: Callable[[np.ndarray], np.ndarray]) -> Defect:
    """A defect of the image alone: ``change`` turns the sound subject into the defective one."""
    return Defect(target.argv, words, change=lambda images: as_image(change(images.rendered), target.shape))


def of_arguments(target: Target, words: str, argv: tuple[str, ...]) -> Defect:
    """A defect of the command line alone."""
    if argv == target.argv:
        raise NotApplicable("the arguments stay the same")
    return Defect(argv, words)


def of_file(target: Target, words: str, name: str, text: str) -> Defect:
    """A defect of one input file alone."""
    if text == target.files[name]:
        raise NotApplicable(f"{name} stays the same")
    return Defect(target.argv, words, {name: text})


def with_change(defect: Defect, change: Callable[[Images], np.ndarray]) -> Defect:
    """A defect whose image is changed besides."""
    return replace(defect, change=change)


def as_image(values: np.ndarray, shape: Shape) -> np.ndarray:
    """Values as the float image that a program would have written."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32).reshape(shape.slow, shape.fast)


def either_way(draw: np.random.Generator) -> float:
    """+1 or -1."""
    return 1.0 if draw.random() < 0.5 else -1.0
